"""A clock that the test sets, in place of an actor's `self.runtime`."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any

from peerage.actors.runtime import Timer


class FakeClock:
    """Time passes when the test says so."""

    def __init__(self) -> None:
        self._now = 100.0
        self._numbers = count()
        self._timers: list[tuple[float, int, Timer]] = []

    def now(self) -> float:
        return self._now

    def call_later(self, delay: float, fn: Callable[..., object], *args: Any) -> Timer:
        timer = Timer(None, self._now + delay, fn, args)
        heapq.heappush(self._timers, (timer.when, next(self._numbers), timer))
        return timer

    def pass_by(self, seconds: float) -> None:
        """Do what is due within so many seconds, each thing at its time."""
        end = self._now + seconds
        while self._timers and self._timers[0][0] <= end:
            when, _, timer = heapq.heappop(self._timers)
            self._now = max(self._now, when)
            if not timer.cancelled:
                timer.fn(*timer.args)
        self._now = end

    def stand_still(self, seconds: float) -> None:
        """Let time pass in which nothing runs here, as after Ctrl-Z."""
        self._now += seconds
