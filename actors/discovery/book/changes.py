"""What a store has to write: the rows that changed since it was last told."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.facts import Fact
from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.wire.keys import NodeID


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows in their present state, whatever happened in between: writing them twice does no harm.

    new_key: whether the key has to be written too, as into a new store. An instance is false when there is nothing
    to write.
    """

    key: str
    changed: tuple[KnownAddress, ...] = ()
    gone: tuple[NodeID, ...] = ()
    banned: tuple[Ban, ...] = ()
    lifted: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    new_key: bool = False

    def __bool__(self) -> bool:
        return bool(self.changed or self.gone or self.banned or self.lifted or self.facts or self.new_key)

    @property
    def rows(self) -> int:
        """The number of rows to write or delete."""
        return sum(map(len, (self.changed, self.gone, self.banned, self.lifted, self.facts)))


class TouchedIDs(set[NodeID]):
    """The IDs whose rows have changed since the last `drain`, shared by all parts of a book that change entries."""

    def drain(self) -> tuple[NodeID, ...]:
        """Return the IDs that were touched, and begin anew."""
        touched = tuple(self)
        self.clear()
        return touched


class NoTouchedIDs(TouchedIDs):
    """Remembers nothing: for a book that no store keeps, which would only grow the set."""

    # A method of C that keeps nothing. Every address that is heard of comes here; a Python method that does nothing
    # took three per cent of a simulation.
    add = deque[NodeID](maxlen=0).append
