"""How a new address becomes an old one when a handshake has proved it, and whose place it gets."""

from __future__ import annotations

from collections.abc import Iterator

from peerage.actors.discovery.book.entries import Entries
from peerage.actors.discovery.book.eviction_tests import EvictionTests
from peerage.actors.discovery.book.known_address import Entry, Kind


class Promotion:
    """Moves entries from new to old buckets.

    Args: test_first, whether the oldest entry of a full bucket is tried before it has to go.
    """

    def __init__(self, entries: Entries, *, test_first: bool) -> None:
        self._entries = entries
        self._test_first = test_first
        self._tests = EvictionTests()

    def promote(self, entry: Entry, now: int) -> None:
        """Make a new entry old, if there is room or the oldest there need not be tested first."""
        old = self._entries.old
        number = self._entries.old_bucket(entry)
        if old.is_full(number) and self._test_first:
            self._tests.begin(entry, old.oldest(number), now)
        else:
            self._entries.promote(entry)

    def settle(self, now: int) -> None:
        """Give old places to the challengers whose tests have been decided for them."""
        if not len(self._tests):
            return
        for test in self._tests.settled(now):
            if test.challenger.kind is Kind.NEW and not test.challenger.attempts:
                self._entries.promote(test.challenger, test.incumbent)

    def to_be_tested(self) -> Iterator[Entry]:
        """The old entries whose places are contested: a dial of each decides its test."""
        return (test.incumbent for test in self._tests)
