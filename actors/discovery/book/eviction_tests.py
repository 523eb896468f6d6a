"""Test before evict: who wants the place of an old address gets it only when that one does not answer.

As Bitcoin Core's address manager does it, so that nobody can push proved addresses out of the book by
answering handshakes under many IDs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from peerage.actors.discovery.book.known_address import Entry, Kind
from peerage.actors.discovery.book.timestamps import MINUTE

MAX_CONTESTS = 10  # as Bitcoin Core; a newcomer who comes on top stays new, and may come again
TEST_WINDOW = 40 * MINUTE  # as Bitcoin Core: who could not be tried so long gives way
SURE_FOR = 240 * MINUTE  # as Bitcoin Core: whom a handshake verified within this time needs no test


class Result(Enum):
    """How a contest stands."""

    OPEN = auto()
    KEPT = auto()
    REPLACED = auto()


@dataclass(frozen=True, slots=True)
class Contest:
    """Somebody new wants the place of somebody old, since when."""

    challenger: Entry
    incumbent: Entry
    since: int

    def result(self, now: int) -> Result:
        """What is known of the incumbent since the contest began."""
        if self.incumbent.kind is not Kind.OLD or not self.incumbent.buckets:
            return Result.REPLACED
        if self.incumbent.incompatible:
            return Result.REPLACED
        if self.incumbent.last_success >= self.since:
            return Result.KEPT
        if self.incumbent.attempts and self.incumbent.last_attempt >= self.since:
            return Result.REPLACED
        return Result.OPEN if 0 <= now - self.since <= TEST_WINDOW else Result.REPLACED


class Contests:
    """The open contests, few at any time."""

    def __init__(self) -> None:
        self._open: list[Contest] = []

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Contest]:
        return iter(tuple(self._open))

    def begin(self, challenger: Entry, incumbent: Entry, now: int) -> bool:
        """Open a contest. Returns: False when the incumbent needs no test, or too many are open."""
        if 0 <= now - incumbent.last_success <= SURE_FOR or len(self._open) >= MAX_CONTESTS:
            return False
        if any(challenger is open_.challenger or incumbent is open_.incumbent for open_ in self._open):
            return False
        self._open.append(Contest(challenger, incumbent, now))
        return True

    def settled(self, now: int) -> list[Contest]:
        """Close the contests that are decided, and give those whose challenger has won and is still there."""
        won: list[Contest] = []
        still: list[Contest] = []
        for contest in self._open:
            result = contest.result(now)
            if result is Result.OPEN:
                still.append(contest)
            elif result is Result.REPLACED and contest.challenger.buckets:
                won.append(contest)
        self._open = still
        return won
