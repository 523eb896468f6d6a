"""When a configured seed may be dialled again: a seed serves the whole network, so we do not dial it for nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

LONGEST_PAUSE_S = 300.0  # between two visits that told us nothing new


@dataclass(slots=True)
class _Visit:
    at: float
    pause: float
    speaks_otherwise: bool = False


class SeedVisits:
    """The pauses between one node's visits to each of its seeds.

    The first pause is a period. Each visit that tells us nothing new doubles it, whether the seed knows no other node, hangs
    up or cannot be reached; a visit that does resets it. A node without any peer asks every period, except a seed of
    another network or protocol: that mistake is not corrected soon, and the node there has done nothing wrong.

    Args: clock, seconds; period, seconds, of ensure-peers.
    """

    def __init__(self, clock: Callable[[], float], *, period: float) -> None:
        self._clock = clock
        self._period = period
        self._visits: dict[str, _Visit] = {}

    def may_begin(self, seed_id: str, *, alone: bool = False) -> bool:
        """Whether this seed may be dialled now. Args: alone, whether we have no peer."""
        visit = self._visits.get(seed_id)
        if visit is None:
            return True
        elapsed = self._clock() - visit.at
        # a clock that is set back must not make the pause longer
        return not 0 <= elapsed < (self._period if alone and not visit.speaks_otherwise else visit.pause)

    def begin(self, seed_id: str) -> None:
        """The seed is being dialled."""
        visit = self._visits.get(seed_id)
        pause = self._period if visit is None else min(2 * visit.pause, max(LONGEST_PAUSE_S, self._period))
        self._visits[seed_id] = _Visit(self._clock(), pause)

    def bring_news(self, seed_id: str) -> None:
        """The seed told us addresses that we did not know."""
        visit = self._visits.get(seed_id)
        if visit is not None:
            visit.pause = self._period

    def let_be(self, seed_id: str) -> None:
        """At this visit the seed turned out to belong to another network, or to speak another protocol."""
        visit = self._visits.get(seed_id)
        if visit is not None:
            visit.speaks_otherwise = True
