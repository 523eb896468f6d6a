"""Anchors: the last good outbound peers, which are dialled first after a restart.

A restart is what an eclipse attacker waits for: with anchors the node comes back to peers that it chose before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from peerage.actors.discovery.book.facts import Fact, FactKind, FactList
from peerage.wire.net_address import NetAddress

MAX_ANCHORS = 4  # few, so that a bad lot does not stay for ever


class Anchors:
    """Keeps the anchors among the facts, so that they are stored with them.

    Args: enabled, the switch; may_be_dialled, what holds now of an address that was good once.
    """

    def __init__(
        self, facts: FactList, *, enabled: bool, may_be_dialled: Callable[[NetAddress], bool]
    ) -> None:
        self._facts = facts
        self._enabled = enabled
        self._may_be_dialled = may_be_dialled
        self._due = False

    def addresses(self) -> list[NetAddress]:
        """The anchors, the best first; none when the switch is off."""
        if not self._enabled:
            return []
        facts = sorted(self._facts.of(FactKind.ANCHOR), key=lambda fact: fact.numbers)
        found = (NetAddress.parse(fact.name) for fact in facts)
        return [address for address in found if self._may_be_dialled(address)]

    def remember(self, addresses: Iterable[NetAddress]) -> None:
        """Remember outbound peers that are good now, the best first. With none of them the last ones stay."""
        names = [str(address) for address in addresses][:MAX_ANCHORS]
        if not names or not self._enabled:
            return
        gone = {fact.name for fact in self._facts.of(FactKind.ANCHOR)}.difference(names)
        self._facts.keep(Fact(FactKind.ANCHOR, name) for name in gone)
        self._facts.keep(Fact(FactKind.ANCHOR, name, (rank,)) for rank, name in enumerate(names))

    def forget(self, node_ids: Collection[str]) -> None:
        """Begin with none of these after the next restart."""
        for fact in self._facts.of(FactKind.ANCHOR):
            if fact.name.partition("@")[0] in node_ids:
                self._facts.keep([Fact(FactKind.ANCHOR, fact.name)])

    def begin(self) -> None:
        """Have the anchors taken once, after a restart."""
        self._due = bool(self.addresses())

    def take_due(self) -> list[NetAddress]:
        """The anchors at the first call after `begin`, nothing at others."""
        due, self._due = self._due, False
        return self.addresses() if due else []
