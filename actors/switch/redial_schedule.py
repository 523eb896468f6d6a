"""When a lost persistent peer is redialled (reference 6)."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

__all__ = ["ReconnectSchedule"]

LINEAR_TRIES = 20  # the first at once, the others about 5 s apart
LINEAR_PAUSE_S = 5.0
EXPONENTIAL_TRIES = 10  # then 3^k s
EXPONENTIAL_BASE_S = 3.0
JITTER_S = 3.0


@dataclass(slots=True)
class ReconnectSchedule:
    """The pauses before each redial of one persistent peer.

    Args:
        max_period: seconds; if above 0, no pause is longer, and the schedule never ends.
        rng: the source of the jitter.
    """

    max_period: float
    rng: random.Random
    tries: int = field(default=0, init=False)

    def let_be(self) -> None:
        """The peer answered, but belongs to another network: the pauses grow from now on, beginning with 9 s."""
        self.tries = max(self.tries, LINEAR_TRIES + 2)

    def next_pause(self) -> float | None:
        """Seconds to wait before the next dial; None when there is none left. Source: reference 6."""
        k = self.tries
        self.tries += 1
        if k == 0:
            return 0.0
        if k < LINEAR_TRIES:
            pause = LINEAR_PAUSE_S
        elif k < LINEAR_TRIES + EXPONENTIAL_TRIES or self.max_period > 0:
            pause = EXPONENTIAL_BASE_S ** min(k - LINEAR_TRIES, EXPONENTIAL_TRIES)
        else:
            return None
        pause += self.rng.random() * JITTER_S
        return min(pause, self.max_period) if self.max_period > 0 else pause
