"""What a run has shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

from tests.chaos.accounts import Account
from tests.chaos.footprint import MEBIBYTE, Footprint

__all__ = ["Report"]


@dataclass(slots=True)
class Report:
    """Filled in as it goes.

    Args:
        done: (harm, target), how often.
        recoveries: by harm, seconds from each to its logged restart.
        away: seconds for which each lost peer was gone.
        broken: the longest time until the node was whole again: every process up, every peer connected.
        company: what was seen by who else was there, for people to read.
        before, after: what the node occupied, with its peers connected and no traffic.
        violations: what did not hold, a line each.
    """

    done: Counter[tuple[str, str]] = field(default_factory=Counter)
    restarts: int = 0
    recoveries: dict[str, list[float]] = field(default_factory=dict)
    away: list[float] = field(default_factory=list)
    broken: float = 0.0
    accounts: list[Account] = field(default_factory=list)
    company: list[str] = field(default_factory=list)
    before: Footprint | None = None
    after: Footprint | None = None
    violations: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """The report for people to read."""
        kinds: Counter[str] = Counter()
        for (harm, _), count in self.done.items():
            kinds[harm] += count
        yield f"{kinds.total()} actions: " + ", ".join(
            f"{harm} {count}" for harm, count in sorted(kinds.items())
        )
        yield f"{self.restarts} restarts"
        for harm, seconds in sorted(self.recoveries.items()):
            yield f"  after {harm}: {_spread(seconds)}"
        if self.away:
            yield f"{len(self.away)} connections lost, back after {_spread(self.away)}"
        yield f"longest until whole again: {self.broken:.2f} s"
        yield from map(str, self.accounts)
        yield from self.company
        if self.before is not None and self.after is not None:
            yield from _compared(self.before, self.after)
        yield from (f"VIOLATION: {violation}" for violation in self.violations)
        yield f"{len(self.violations)} violations" if self.violations else "all held"


def _compared(before: Footprint, after: Footprint) -> Iterator[str]:
    yield f"processes: {len(before.processes)} → {len(after.processes)}"
    yield f"descriptors: {before.descriptors} → {after.descriptors}"
    yield f"mailbox sockets: {len(before.endpoints)} → {len(after.endpoints)}"
    resident, share = (before.resident, after.resident), (before.share, after.share)
    yield f"resident memory: {_mib(*resident)}; what is shared counted once: {_mib(*share)}"
    for was, now in zip(before.processes, after.processes, strict=False):
        yield f"  {was.name:14} {_mib(was.resident, now.resident)}"


def _mib(before: int, after: int) -> str:
    return f"{before / MEBIBYTE:.1f} → {after / MEBIBYTE:.1f} MiB"


def _spread(seconds: list[float]) -> str:
    return f"{median(seconds):.2f} s (median), {max(seconds):.2f} s at most"
