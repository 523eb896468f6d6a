"""When a configured seed may be asked again: whoever serves everybody is not to be knocked at for nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

LONGEST_PAUSE_S = 300.0  # between two visits that bring nothing new


@dataclass(slots=True)
class _Visit:
    at: float
    pause: float
    speaks_otherwise: bool = False


class SeedVisits:
    """The pauses between one node's visits to each of its seeds.

    The first is a period. Each visit that brings nothing new, be it that the seed knows nobody else, hangs up or is not
    there, doubles it; one that does brings it back to a period. Who has no peer at all asks every period, but not one that
    is of another network or protocol: that will not be mended soon, and whoever is there has done nothing wrong.

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
        # a clock set back makes nobody wait longer
        return not 0 <= elapsed < (self._period if alone and not visit.speaks_otherwise else visit.pause)

    def begin(self, seed_id: str) -> None:
        """It is being dialled."""
        visit = self._visits.get(seed_id)
        pause = self._period if visit is None else min(2 * visit.pause, max(LONGEST_PAUSE_S, self._period))
        self._visits[seed_id] = _Visit(self._clock(), pause)

    def bring_news(self, seed_id: str) -> None:
        """It told addresses that we had not heard of."""
        visit = self._visits.get(seed_id)
        if visit is not None:
            visit.pause = self._period

    def let_be(self, seed_id: str) -> None:
        """It turned out to be of another network or protocol at this visit."""
        visit = self._visits.get(seed_id)
        if visit is not None:
            visit.speaks_otherwise = True
