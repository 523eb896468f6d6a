"""Test before evict: a newcomer gets the place of an old address only when that one does not answer.

As Bitcoin Core's address manager does it, so that nobody can push proved addresses out of the book by
answering handshakes under many IDs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from peerage.actors.discovery.book.known_address import Entry, Kind
from peerage.actors.discovery.book.timestamps import MINUTE

MAX_TESTS = 10  # as Bitcoin Core; a newcomer who comes on top stays new, and may come again
TEST_WINDOW = 40 * MINUTE  # as Bitcoin Core: an incumbent that could not be tried for so long gives way
SURE_FOR = 240 * MINUTE  # as Bitcoin Core: an incumbent verified within this time needs no test


class Result(Enum):
    """How a test stands."""

    OPEN = auto()
    KEPT = auto()
    REPLACED = auto()


@dataclass(frozen=True, slots=True)
class EvictionTest:
    """A new entry wants the place of an old one. since: when it asked, in Unix nanoseconds."""

    challenger: Entry
    incumbent: Entry
    since: int

    def result(self, now: int) -> Result:
        """Judge by what happened to the incumbent since the test began."""
        if self.incumbent.kind is not Kind.OLD or not self.incumbent.buckets:
            return Result.REPLACED
        if self.incumbent.incompatible:
            return Result.REPLACED
        if self.incumbent.last_success >= self.since:
            return Result.KEPT
        if self.incumbent.attempts and self.incumbent.last_attempt >= self.since:
            return Result.REPLACED
        return Result.OPEN if 0 <= now - self.since <= TEST_WINDOW else Result.REPLACED


class EvictionTests:
    """The open tests, few at any time."""

    def __init__(self) -> None:
        self._open: list[EvictionTest] = []

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[EvictionTest]:
        return iter(tuple(self._open))

    def begin(self, challenger: Entry, incumbent: Entry, now: int) -> bool:
        """Open a test. Returns: False when the incumbent needs none, or too many are open."""
        if 0 <= now - incumbent.last_success <= SURE_FOR or len(self._open) >= MAX_TESTS:
            return False
        if any(challenger is open_.challenger or incumbent is open_.incumbent for open_ in self._open):
            return False
        self._open.append(EvictionTest(challenger, incumbent, now))
        return True

    def settled(self, now: int) -> list[EvictionTest]:
        """Close the tests that are decided. Returns: those whose challenger has won and is still in the book."""
        won: list[EvictionTest] = []
        still: list[EvictionTest] = []
        for test in self._open:
            result = test.result(now)
            if result is Result.OPEN:
                still.append(test)
            elif result is Result.REPLACED and test.challenger.buckets:
                won.append(test)
        self._open = still
        return won
