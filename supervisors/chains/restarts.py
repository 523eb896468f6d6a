"""When a chain whose processes have ended is started again: decided for each chain alone, so that none costs the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from peerage.supervisors.intensity import Backoff, History, Intensity

__all__ = ["BACKOFF", "INTENSITY", "REST_S", "Again", "Restarts"]

INTENSITY: Final = Intensity(restarts=5, period=60.0)
BACKOFF: Final = Backoff(base=0.5, factor=2.0, limit=10.0)
REST_S: Final = 300.0  # after giving up: what keeps it down (a name server, a disk, a port) may mend


@dataclass(frozen=True, slots=True)
class Again:
    """The next start. Attributes: delay, seconds until then; attempt, how many restarts within the period it makes;
    gave_up, whether these were too many, and the delay is a rest.
    """

    delay: float
    attempt: int
    gave_up: bool = False


class Restarts:
    """Of one chain. The first is at once, the next ones after ever longer waits, and after too many the chain rests.

    As with a supervisor, waits and the time that a failing start takes do not count: a slow crash loop is one, too.
    """

    def __init__(
        self, intensity: Intensity = INTENSITY, backoff: Backoff = BACKOFF, rest: float = REST_S
    ) -> None:
        self._intensity, self._backoff, self._rest = intensity, backoff, rest
        self._history = History()
        self.count = 0  # since the seed was started

    def ended(self, now: float, took: float = 0.0) -> Again:
        """The chain has ended by itself. Args: now, monotonic seconds; took, seconds of a start that did not succeed."""
        history = (
            self._history.delayed(_ONLY, took).within(self._intensity.period, now).with_restart(_CHAIN, now)
        )
        attempt = len(history.records)
        self.count += 1
        if attempt > self._intensity.restarts:
            self._history = History()
            return Again(self._rest, attempt, gave_up=True)
        delay = self._backoff.delay(attempt)
        self._history = history.delayed(_ONLY, delay)
        return Again(delay, attempt)

    @property
    def limit(self) -> str:
        """What is too much, in words."""
        return f"{self._intensity.restarts} restarts in {self._intensity.period:g} s"


_CHAIN: Final = "chain"
_ONLY: Final = frozenset({_CHAIN})
