"""Going on while a book cannot be written."""

from __future__ import annotations

from itertools import pairwise

from peerage.actors.discovery.book.changes import Changes
from peerage.actors.discovery.book.keeper import FIRST_PAUSE_S, LONGEST_PAUSE_S, BookKeeper
from peerage.actors.discovery.errors import StoreError


class Disk:
    """A store whose disk may be full."""

    def __init__(self) -> None:
        self.is_full = False
        self.tries = 0
        self.held: list[Changes] = []
        self.written: list[Changes] = []

    @property
    def waiting(self) -> int:
        return len(self.held)

    def hold(self, changes: Changes) -> None:
        self.held.append(changes)

    def apply(self, changes: Changes) -> None:
        self.tries += 1
        self.held.append(changes)
        if self.is_full:
            raise StoreError("book", "full")
        self.written += self.held
        self.held = []

    def take_notes(self) -> tuple[str, ...]:
        return ()

    def close(self) -> None:
        """Nothing."""


def changes(word: str) -> Changes:
    return Changes("key", lifted=(word,))


def test_changes_wait_for_the_disk_and_are_written_in_their_order() -> None:
    """Nothing may be acknowledged meanwhile."""
    disk, now = Disk(), [0.0]
    keeper = BookKeeper(disk, lambda: now[0])
    assert keeper.keep(changes("a"))
    disk.is_full = True
    assert not keeper.keep(changes("b"))
    assert keeper.outage is not None
    assert not keeper.keep(changes("c"))
    assert keeper.waiting == 2
    disk.is_full = False
    assert not keeper.keep(changes("d"))  # it is not time yet
    now[0] += keeper.pause
    assert keeper.keep(changes("e"))
    assert keeper.waiting == 0
    assert [each.lifted for each in disk.written] == [("a",), ("b",), ("c",), ("d",), ("e",)]


def test_the_disk_is_tried_less_and_less_often() -> None:
    """Twice as long after each failure, two seconds at most: so soon all goes on."""
    disk, now = Disk(), [0.0]
    disk.is_full = True
    keeper = BookKeeper(disk, lambda: now[0])
    pauses = []
    for _ in range(8):
        assert not keeper.keep(changes("a"))
        pauses.append(keeper.pause)
        now[0] += keeper.pause
    assert pauses[0] == FIRST_PAUSE_S
    assert all(after >= before for before, after in pairwise(pauses))
    assert abs(pauses[-1] - LONGEST_PAUSE_S) < 1e-6
    assert keeper.failures == disk.tries == 8


def test_at_the_end_it_is_tried_at_once() -> None:
    """A stop does not wait for the next try."""
    disk = Disk()
    disk.is_full = True
    keeper = BookKeeper(disk, lambda: 0.0)
    keeper.keep(changes("a"))
    disk.is_full = False
    assert keeper.keep(changes("b"), at_once=True)
