"""Counts of what was left out, by reason, with a few examples: an operator must see what was not taken."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from peerage.wire.remote_text import shown

EXAMPLES = 3  # of each reason
EXAMPLE_CHARS = 120  # what is left out may be of any length


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was left out for one reason. examples: the first few."""

    count: int
    examples: tuple[str, ...]


class Tally:
    """Counts by reason."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._examples: dict[str, list[str]] = {}

    def add(self, reason: str, example: str) -> None:
        """Count one more, given as text."""
        self._counts[reason] = self._counts.get(reason, 0) + 1
        examples = self._examples.setdefault(reason, [])
        if len(examples) < EXAMPLES:
            examples.append(shown(example, EXAMPLE_CHARS))

    def add_all(self, reason: str, left_out: LeftOut) -> None:
        """Add the count and examples of another tally."""
        self._counts[reason] = self._counts.get(reason, 0) + left_out.count
        examples = self._examples.setdefault(reason, [])
        examples += left_out.examples[: EXAMPLES - len(examples)]

    def by_reason(self) -> dict[str, LeftOut]:
        """The counts with their examples."""
        return {
            reason: LeftOut(count, tuple(self._examples[reason])) for reason, count in self._counts.items()
        }

    def counts(self) -> dict[str, int]:
        """The counts alone."""
        return dict(self._counts)

    def __str__(self) -> str:
        """As "3 no room, 1 private"; empty when there is nothing."""
        return ", ".join(f"{count} {reason}" for reason, count in sorted(self._counts.items()))

    def lines(self) -> Iterable[str]:
        """A line for each reason, with its examples."""
        for reason, count in sorted(self._counts.items()):
            examples = self._examples[reason]
            more = f" and {count - len(examples)} more" if count > len(examples) else ""
            yield f"{count} {reason}: {', '.join(examples)}{more}"
