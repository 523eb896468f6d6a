"""What a store has to write: the rows that changed since it was last told."""

from __future__ import annotations

from dataclasses import dataclass

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.facts import Fact
from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.wire.keys import NodeID


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows as they are now, whatever happened in between: writing them twice does no harm.

    new_key: whether the key is to be written too, as into a new store. False when there is nothing to write.
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
        """How many rows they are."""
        return sum(map(len, (self.changed, self.gone, self.banned, self.lifted, self.facts)))
