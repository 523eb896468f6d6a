"""What survives a restart besides addresses and bans: small facts, each with a name and some numbers.

A part that counts something (how often a peer asked, how often a dial failed) hands over what changed, the book's store
writes it, and the part gets it back at the next start.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

__all__ = ["Fact", "FactKind", "FactList"]


class FactKind(Enum):
    """What a fact is about. The values are written to disk."""

    ASKED = "asked"
    """A node ID's requests for addresses: (requests, last ns, strikes, last strike ns)."""
    GROUP = "group"
    """A group of IP addresses' requests: (thousandths of a request that are left, as of ns)."""
    FAILED = "failed"
    """Failed dials of an ip:port: (count, last ns, pause ns)."""
    ANCHOR = "anchor"
    """An outbound peer to begin with, as ID@ip:port: (rank,)."""
    OFFENCES = "offences"
    """What counts against an ID, a host or a network: see `Misbehaviour`."""
    PARDON = "pardon"
    """A ban that was lifted by order, where books share what they know: (when, ns)."""


MOST = {
    FactKind.ASKED: 16_384,
    FactKind.GROUP: 16_384,
    FactKind.FAILED: 65_536,
    FactKind.ANCHOR: 16,
    FactKind.OFFENCES: 4_096,
    FactKind.PARDON: 4_096,
}
MAX_NUMBERS = 8
MAX_NAME = 128


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. numbers: not negative; a fact without numbers is to be forgotten."""

    kind: FactKind
    name: str
    numbers: tuple[int, ...] = ()

    def __reduce__(self) -> tuple[type[Fact], tuple[FactKind, str, tuple[int, ...]]]:
        """Travel as a call: each caller of a seed has a fact, and what a dataclass does takes three times as long."""
        return Fact, (self.kind, self.name, self.numbers)

    @property
    def row_name(self) -> str:
        """What its row in the store is called."""
        return f"{self.kind.value} {self.name}"


class FactList:
    """All facts by kind and name. The number of each kind is bounded (`MOST`); the one kept longest ago makes room."""

    def __init__(self) -> None:
        self._facts: dict[FactKind, dict[str, Fact]] = {kind: {} for kind in FactKind}
        self._touched: set[tuple[FactKind, str]] = set()

    def __len__(self) -> int:
        return sum(map(len, self._facts.values()))

    def get(self, kind: FactKind, name: str) -> Fact | None:
        """One fact, None if there is none."""
        return self._facts[kind].get(name)

    def count(self, kind: FactKind) -> int:
        """How many facts of a kind there are."""
        return len(self._facts[kind])

    def of(self, kind: FactKind) -> tuple[Fact, ...]:
        """All facts of a kind, the one kept longest ago first."""
        return tuple(self._facts[kind].values())

    def all(self) -> tuple[Fact, ...]:
        """All facts by kind, each kind as `of` gives it."""
        return tuple(fact for kind in FactKind for fact in self.of(kind))

    def keep(self, facts: Iterable[Fact]) -> None:
        """Remember these facts, and forget those that have no numbers any more."""
        for fact in facts:
            if self._enter(fact):
                self._touched.add((fact.kind, fact.name))

    def restore(self, facts: Iterable[Fact]) -> None:
        """Put back what a store kept, the oldest first; it is not journaled again."""
        for fact in facts:
            self._enter(fact)

    def drain(self) -> tuple[Fact, ...]:
        """What changed since the last call."""
        touched, self._touched = self._touched, set()
        return tuple(self._facts[kind].get(name) or Fact(kind, name) for kind, name in touched)

    def _enter(self, fact: Fact) -> bool:
        facts = self._facts[fact.kind]
        before = facts.pop(fact.name, None)
        if not fact.numbers:
            return before is not None
        if len(facts) >= MOST[fact.kind]:
            first = next(iter(facts))
            del facts[first]
            self._touched.add((fact.kind, first))
        facts[fact.name] = fact
        return fact != before
