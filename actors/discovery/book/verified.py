"""The pool of verified addresses: a handshake succeeded there, and no dial has failed since."""

from __future__ import annotations

import random
from collections.abc import Iterator

from peerage.actors.discovery.book.known_address import Entry
from peerage.actors.discovery.book.timestamps import MINUTE

VERIFIED_FOR = 180 * MINUTE
"""How long a handshake vouches for an address. A seed visits it again every half an hour."""


class VerifiedPool:
    """A set of entries to draw from. An entry that was verified too long ago drops out when it is drawn."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._places: dict[Entry, int] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __contains__(self, entry: Entry) -> bool:
        return entry in self._places

    def put(self, entry: Entry) -> None:
        """Add an entry that was verified just now."""
        if self._places.setdefault(entry, len(self._entries)) == len(self._entries):
            self._entries.append(entry)

    def take(self, entry: Entry) -> None:
        """Remove an entry, if it is there."""
        place = self._places.pop(entry, None)
        if place is None:
            return
        last = self._entries.pop()
        if last is not entry:
            self._entries[place] = last
            self._places[last] = place

    def sample(self, rng: random.Random, count: int, now: int) -> list[Entry]:
        """Up to `count` different entries in random order, none whose handshake is too long ago."""
        while True:
            total = len(self._entries)
            drawn = [self._entries[index] for index in rng.sample(range(total), min(count, total))]
            stale = [entry for entry in drawn if not 0 <= now - entry.last_success <= VERIFIED_FOR]
            if not stale:
                return drawn
            for entry in stale:
                self.take(entry)
