"""What became of addresses that the book was told."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto

from msgspec import Struct, field

from peerage.actors.discovery.book.tally import LeftOut

NO_ROOM = "no room"  # what a merge refuses because its buckets are full
ANOTHER_NETWORK = "another network"  # what a union refuses


class Outcome(Enum):
    """What an addition that is not refused leads to."""

    ADDED = auto()
    """The ID was not known."""
    SEEN_AGAIN = auto()
    """The ID was known and lies in one bucket more now."""
    LEFT_ALONE = auto()
    """The ID was known, and nothing changed."""


class Added(Struct, frozen=True):
    """What became of the addresses of one answer.

    refused: how many for which reason. displaced: how many others lost their last place to these, because the
    buckets of their groups were full. left_out: those refused, with examples; only `AddrBook.merge` and
    `Curation` fill it.
    """

    added: int
    seen_again: int
    left_alone: int
    refused: dict[str, int]
    displaced: int = 0
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)

    @property
    def told(self) -> int:
        """How many addresses there were."""
        return self.added + self.seen_again + self.left_alone + sum(self.refused.values())

    @property
    def changed(self) -> int:
        """How many changed the book."""
        return self.added + self.seen_again
