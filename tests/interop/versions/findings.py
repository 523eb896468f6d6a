"""What came of the scenarios, as lines and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Finding", "table_of"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one scenario with one kind of node."""

    node: str
    scenario: str
    seconds: float
    seen: Sequence[str]
    faults: Sequence[str]

    @property
    def holds(self) -> bool:
        """Whether nothing happened that must not."""
        return not self.faults

    @property
    def mark(self) -> str:
        return "holds" if self.holds else "FAILS"

    def __str__(self) -> str:
        seen = "; ".join(self.seen)
        text = seen if self.holds else f"{'; '.join(self.faults)} (seen: {seen or 'nothing'})"
        return f"{self.node} {self.scenario} ({self.seconds:.0f} s) {self.mark}: {text}"


def table_of(findings: Sequence[Finding], nodes: Sequence[str], scenarios: Sequence[str]) -> str:
    """Nodes down, scenarios across, in the order given; what did not run is left out."""
    marks = {(found.node, found.scenario): found.mark for found in findings}
    columns = [name for name in scenarios if any(found.scenario == name for found in findings)]
    played = [node for node in nodes if any(found.node == node for found in findings)]
    rows = [["", *columns], *([node, *(marks.get((node, name), "-") for name in columns)] for node in played)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
