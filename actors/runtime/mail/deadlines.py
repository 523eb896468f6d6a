"""When many calls of an asyncio loop are over: one timer for all of them."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Generic, Protocol, TypeVar

TICK_S = 0.004  # deadlines this close are one: none is early, and none later than that
SPARE = 64  # ticks of the heap of which nothing is left, before it is made anew


class Mortal(Protocol):
    """What has a deadline."""

    tick: int  # its deadline's, 0 if none


T = TypeVar("T", bound=Mortal)


def ends_at(timeout: float | None) -> float | None:
    """When a call that begins now is over, in monotonic seconds; None for never.

    Raises: TypeError or ValueError, for what is no number of seconds: NaN, which is neither over nor not, would never end.
    """
    if timeout is None:
        return None
    try:
        until = monotonic() + timeout
    except TypeError:
        raise TypeError(f"timeout is {timeout!r}: a number of seconds was expected, or None") from None
    if until < inf:
        return until
    if until == inf:
        return None
    raise ValueError(f"timeout is {timeout!r}: a number of seconds was expected, or None")


class Deadlines(Generic[T]):
    """Who leaves in time leaves nothing behind: an answer that has come is not kept until its deadline.

    Args:
        expire: called with each whose time is over, and now (monotonic seconds).
        share: seconds of a turn of the loop that this may take; the rest goes on in the next.
    """

    def __init__(self, expire: Callable[[T, float], None], share: float) -> None:
        self._expire, self._share = expire, share
        self._at: dict[int, set[T]] = {}
        self._ticks: list[int] = []  # a heap of the keys
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_tick = 0

    def __len__(self) -> int:
        return sum(map(len, self._at.values()))

    def add(self, item: T, when: float) -> None:
        """Have it expire then, in place of an earlier wish."""
        if item.tick:
            self.discard(item)
        tick = item.tick = int(when / TICK_S) + 1
        there = self._at.get(tick)
        if there is not None:
            there.add(item)
            return
        self._at[tick] = {item}
        heapq.heappush(self._ticks, tick)
        if self._timer is None or tick < self._timer_tick:
            self._set_timer()

    def discard(self, item: T) -> None:
        """It needs no deadline any more."""
        tick, item.tick = item.tick, 0
        there = self._at.get(tick)
        if there is not None:
            there.discard(item)
            if not there:
                del self._at[tick]
                if len(self._ticks) > 2 * len(self._at) + SPARE:
                    self._ticks = sorted(self._at)

    def move(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on this loop runs, and no other."""
        self._loop, self._timer = loop, None
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._ticks and self._ticks[0] not in self._at:
            heapq.heappop(self._ticks)
        if self._ticks and self._loop is not None and not self._loop.is_closed():
            self._timer_tick = self._ticks[0]
            self._timer = self._loop.call_later(
                max(0.0, self._timer_tick * TICK_S - monotonic()), self._pass_on
            )

    def _pass_on(self) -> None:
        self._timer = None
        now = monotonic()
        end = now + self._share
        while self._ticks and self._ticks[0] * TICK_S <= now:
            there = self._at.get(self._ticks[0])
            while there:
                item = there.pop()
                item.tick = 0
                self._expire(item, now)
                if monotonic() >= end:
                    self._set_timer()
                    return
            self._at.pop(heapq.heappop(self._ticks), None)
        self._set_timer()
