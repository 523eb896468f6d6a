"""Which metrics there are: those of every node, and those that its reactors have declared for themselves.

A reactor's metrics come with its reports, and go a minute after its end, if no successor has come: what it counted goes on
over a restart. Each source may declare so many, and none of a name that is taken by something else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from peerage.actors.metrics.families import MetricFamily, families_by_name

__all__ = ["MOST_DECLARED", "DeclaredFamilies"]

MOST_DECLARED: Final = 64  # of one source
LINGER_S: Final = 60.0  # after the end of the source: a successor takes them over


class DeclaredFamilies:
    """The families by name, in the order of their declaration. Args: fixed, those of every node."""

    def __init__(self, fixed: Iterable[MetricFamily]) -> None:
        self.known: dict[str, MetricFamily] = dict(families_by_name(fixed))
        self._fixed = frozenset(self.known)
        self._sources: dict[str, set[str]] = {}  # source → names that it has declared
        self._gone: dict[str, float] = {}  # source → when it ended

    def declare(self, source: str, families: Iterable[MetricFamily]) -> int:
        """A source lives, and has metrics of its own. Returns: how many were refused: too many, or a name is taken."""
        self._gone.pop(source, None)
        own = self._sources.setdefault(source, set())
        refused = 0
        for family in families:
            known = self.known.get(family.name)
            if family.name in self._fixed or known not in {None, family}:
                refused += 1
            elif family.name in own or len(own) < MOST_DECLARED:
                own.add(family.name)
                self.known[family.name] = family
            else:
                refused += 1
        return refused

    def source_gone(self, source: str, now: float) -> None:
        """It has ended."""
        if source in self._sources:
            self._gone[source] = now

    def expire(self, now: float) -> list[str]:
        """Forget what nobody declares any more. Returns: the names."""
        for source in [source for source, at in self._gone.items() if at + LINGER_S <= now]:
            del self._gone[source], self._sources[source]
        held = self._fixed.union(*self._sources.values())
        dropped = [name for name in self.known if name not in held]
        for name in dropped:
            del self.known[name]
        return dropped
