"""Deadlines of many calls of an asyncio loop, under one timer.

`asyncio.timeout` around each call makes five more objects for each, and with 20,000 of them due together a turn of 50 ms
(tests/bench/deadlines.py). Here a deadline is a place in the set of its tick of 4 ms: taking and leaving it costs no search,
one timer waits for the earliest tick, and giving up the calls of a tick may take several turns of the loop.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from enum import Enum
from math import inf
from time import monotonic
from typing import Generic, Protocol, TypeVar

from peerage.actors.runtime.mail import here

TICK_S = 0.004  # deadlines this close share a tick: no call is given up early, and none more than a tick late
SPARE = 64  # empty ticks that the heap may hold, beside as many as there are others, before it is made anew


class Mortal(Protocol):
    """Something with a deadline.

    Attribute: tick, of its deadline, 0 if it has none.
    """

    tick: int


T = TypeVar("T", bound=Mortal)


class Inherit(Enum):
    """INHERIT, as a timeout: what is left of the time of the ask that is being handled."""

    INHERIT = "what was left of the asker's"

    def __repr__(self) -> str:
        return self.name


INHERIT = Inherit.INHERIT
Span = float | Inherit | None


def in_seconds(timeout: Span) -> float | None:
    """A timeout that is `INHERIT` as the seconds that are left; None, if no ask with a limit is being handled."""
    if timeout is not INHERIT:
        return timeout
    actor = here.actor()
    until = None if actor is None else actor.until
    return None if until is None else max(0.0, until - monotonic())


def ends_at(timeout: float | None, name: str = "timeout") -> float | None:
    """When a call that begins now must be over.

    Args: name, of the argument, for the error.
    Returns: monotonic seconds, None for never.
    Raises: TypeError, for something that is no number; ValueError, for NaN: no time is later than that, so the call would
        never end.
    """
    if timeout is None:
        return None
    try:
        until = monotonic() + timeout
    except TypeError:
        raise TypeError(f"{name} is {timeout!r}: a number of seconds was expected, or None") from None
    if until < inf:  # false for NaN, too
        return until
    if until == inf:
        return None
    raise ValueError(f"{name} is {timeout!r}: a number of seconds was expected, or None")


class Deadlines(Generic[T]):
    """The deadlines of one port, which its thread's loop waits for.

    An item that is discarded leaves nothing behind: a timer per call would hold the call, and so its answer, until the
    deadline.

    Args:
        expire: called with each item whose time is over, and now (monotonic seconds). It may add the item again.
        share: seconds of a turn of the loop that this may take; the rest is done in the next turns.
    """

    def __init__(self, expire: Callable[[T, float], None], share: float) -> None:
        self._expire, self._share = expire, share
        self._at: dict[int, set[T]] = {}  # the items of each tick
        self._ticks: list[int] = []  # a heap with all keys of `_at`, and ticks that have become empty
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_tick = 0

    def __len__(self) -> int:
        """How many items have a deadline."""
        return sum(map(len, self._at.values()))

    def add(self, item: T, when: float) -> None:
        """Have an item expire at `when` (monotonic seconds), instead of at the deadline that it may have."""
        if item.tick:
            self.discard(item)
        tick = item.tick = int(when / TICK_S) + 1  # rounded up, so that nothing expires early
        there = self._at.get(tick)
        if there is not None:
            there.add(item)
            return
        self._at[tick] = {item}
        heapq.heappush(self._ticks, tick)
        if self._timer is None or tick < self._timer_tick:
            self._set_timer()

    def discard(self, item: T) -> None:
        """The item needs no deadline any more; of no effect if it has none."""
        tick, item.tick = item.tick, 0
        there = self._at.get(tick)
        if there is not None:
            there.discard(item)
            if not there:
                del self._at[tick]
                # A heap cannot drop a tick in its middle: empty ones are left until they are too many.
                if len(self._ticks) > 2 * len(self._at) + SPARE:
                    self._ticks = sorted(self._at)

    def move(self, loop: asyncio.AbstractEventLoop) -> None:
        """From now on this loop has the timer: it runs in the port's thread, so the one before it has ended."""
        self._loop, self._timer = loop, None
        self._set_timer()

    def _set_timer(self) -> None:
        # For the earliest tick that still has items. `discard` leaves the timer alone, though it may then be due for
        # nothing: most calls are answered, and setting it anew for each of them would cost more than that one turn.
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
        """Expire what is due, for the share of this turn."""
        self._timer = None
        now = monotonic()
        end = now + self._share
        while self._ticks and self._ticks[0] * TICK_S <= now:
            # None for a tick that was emptied by `discard`. `add` may be called meanwhile, but only for later ticks.
            there = self._at.get(self._ticks[0])
            while there:
                item = there.pop()
                item.tick = 0
                self._expire(item, now)
                if monotonic() >= end:  # the tick keeps the rest, and the timer is due at once
                    self._set_timer()
                    return
            self._at.pop(heapq.heappop(self._ticks), None)
        self._set_timer()
