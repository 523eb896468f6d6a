"""Writes a book's changes to its store, and goes on when the store cannot be written.

While the disk is full, read-only or gone, the book is in memory only. Nothing is acknowledged and nothing is lost; the
store is tried again after pauses that grow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from peerage.actors.discovery.book.changes import Changes
from peerage.actors.discovery.errors import StoreError

__all__ = ["BookKeeper"]

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0  # at most this long after there is room again, all is written


class Store(Protocol):
    """Where changes are written: `BookStore`."""

    @property
    def waiting(self) -> int:
        """See there."""

    def hold(self, changes: Changes) -> None:
        """See there."""

    def apply(self, changes: Changes) -> None:
        """See there."""

    def take_notes(self) -> tuple[str, ...]:
        """See there."""

    def close(self) -> None:
        """See there."""


class BookKeeper:
    """Args: store, of the book; now, a clock in seconds that never goes back."""

    def __init__(self, store: Store, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self._pause = 0.0
        self._next_try = 0.0
        self.failures = 0
        """How often writing has failed so far."""
        self.outage: StoreError | None = None
        """Why nothing can be written at present; None when all is on disk."""
        self.since = 0.0
        """When the outage began."""

    @property
    def pause(self) -> float:
        """How long to wait for the next try, while there is an outage."""
        return max(0.0, self._next_try - self._now())

    @property
    def waiting(self) -> int:
        """The number of rows that are in memory only."""
        return self._store.waiting if self.outage is not None else 0

    def keep(self, changes: Changes, *, at_once: bool = False) -> bool:
        """Write these changes and those that wait. During an outage this is tried only when the pause is over, or `at_once`.

        Returns: whether all is on disk, so that it may be acknowledged.
        """
        if self.outage is not None and not at_once and self._now() < self._next_try:
            self._store.hold(changes)
            return False
        try:
            self._store.apply(changes)
        except StoreError as error:
            self.failures += 1
            if self.outage is None:
                self.since, self._pause = self._now(), FIRST_PAUSE_S
            else:
                self._pause = min(2 * self._pause, LONGEST_PAUSE_S)
            self._next_try = self._now() + self._pause
            self.outage = error
            return False
        self.outage = None
        return True

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def take_notes(self) -> tuple[str, ...]:
        """What the operator should know of the file: see `BookStore.take_notes`."""
        return self._store.take_notes()
