"""Tells that are sent later, once or again and again, until the one that has scheduled them ends.

In an actor the timer is the actor's, in the loop of its host. A thread that runs no actors has no loop: there the timer is
that of its process's main loop, and it is from nobody that the message then comes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any, Generic, Protocol

from peerage.actors.runtime.errors import ActorDeadError, LimitReachedError
from peerage.actors.runtime.mail.codec import Encoded, packed
from peerage.actors.runtime.mail.process import Loop, Process, current_host, current_process
from peerage.actors.runtime.mail.typed_actor import TypedActor
from peerage.actors.runtime.mail.window import DROP

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    A_co = TypeVar("A_co", bound=TypedActor, default=Any, covariant=True)
    M = TypeVar("M", default=Any)
else:
    from typing import TypeVar

    A_co = TypeVar("A_co", covariant=True)
    M = TypeVar("M")


class Timer(Protocol):
    """What calls later."""

    def cancel(self) -> None: ...


class Receiver(Protocol):
    """The actor that is told: its ref."""

    def tell(self, message: Any, *, when_full: Any) -> None: ...


NOTHING = packed(None)

# Calls a function so many seconds later, in the thread of a loop.
CallLater = Callable[[float, Callable[[], None]], Timer]


class ScheduledTell:
    """One scheduled message, or the row of them that `tell_every` sends. From any thread.

    Attributes:
        sent: how many times it was told. Those that found a full mailbox, or nobody, are among them: they are dead letters.
        skipped: how many were left out because their time had passed when the one before was sent.
    """

    def __init__(
        self,
        ref: Receiver,
        message: Encoded,
        due: float,
        period: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ref, self._message, self._due, self._period = ref, message, due, period
        self._clock = clock
        self._lock = threading.Lock()
        self._is_over = False
        self._call_later: CallLater | None = None
        self._is_free, self._thread = False, 0
        self._timer: Timer | None = None
        self.sent = self.skipped = 0

    def __repr__(self) -> str:
        left = self.left
        when = "over" if left is None else f"due in {left:.3f} s"
        return f"<ScheduledTell to {self._ref}, {when}>"

    @property
    def left(self) -> float | None:
        """Seconds until it is sent, or sent again, at least 0.0; None when it is over: sent, or cancelled."""
        with self._lock:
            return None if self._is_over else max(0.0, self._due - self._clock())

    def cancel(self) -> float | None:
        """Send it no more. Returns: the seconds that were left, as `left`."""
        with self._lock:
            if self._is_over:
                return None
            self._is_over = True
            self._message = NOTHING  # which may be large, and is not wanted until then
            # A timer of an actor belongs to its thread. It fires then, and nothing happens.
            if self._timer is not None and (self._is_free or threading.get_ident() == self._thread):
                self._timer.cancel()
            return max(0.0, self._due - self._clock())

    def begin(self, call_later: CallLater, *, is_free: bool = False) -> None:
        """Set the first timer. In the thread of the loop, as everything below.

        Args: is_free, whether the timers are nobody's, and any thread may cancel one.
        """
        self._call_later, self._is_free = call_later, is_free
        self._thread = threading.get_ident()
        self._arm()

    def _arm(self) -> None:
        with self._lock:
            if not self._is_over:
                assert self._call_later is not None
                self._timer = self._call_later(max(0.0, self._due - self._clock()), self._fire)

    def _fire(self) -> None:
        with self._lock:
            if self._is_over:
                return
            message = self._message
            if self._period is None:
                self._is_over, self._message = True, NOTHING
            else:  # from when it was due, and not from now: so being late does not add up
                late = max(0.0, self._clock() - self._due)
                missed = int(late / self._period)
                self.skipped += missed
                self._due += (missed + 1) * self._period
        try:
            self._ref.tell(message, when_full=DROP)
            self.sent += 1
        except LimitReachedError:  # no descriptor for a way just now
            self.skipped += 1
        except ActorDeadError:  # the system has ended
            self.cancel()
        self._arm()


class ScheduledTells(Generic[A_co]):
    """The part of a ref that tells later."""

    def tell_after(self: ScheduledTells[TypedActor[M, Any]], seconds: float, message: M) -> ScheduledTell:
        """Tell the actor once, after so many seconds. The message is copied now.

        If the mailbox is full then, or nobody is there, it is a dead letter. Whoever bears the actor's name at that time
        gets it. It ends with the actor that has scheduled it; outside actors, with the system.

        Returns: what cancels it.
        Raises: ValueError or TypeError, when `seconds` is no time; what pickling the message raises; ForeignRefError;
            ActorDeadError, when no system runs.
        """
        return _schedule(self, _checked("seconds", seconds), None, message)

    def tell_every(
        self: ScheduledTells[TypedActor[M, Any]], seconds: float, message: M, *, first: float | None = None
    ) -> ScheduledTell:
        """As `tell_after`, again and again, so many seconds apart.

        The times are multiples of `seconds` from the first one on, and being late does not add up. When two or more would be
        due at once, since the sender was kept, one is sent and the others are skipped.

        Args: first, seconds until the first one; by default `seconds`.
        """
        period = _checked("seconds", seconds)
        if period == 0.0:
            raise ValueError("seconds is 0: there must be time between two messages")
        return _schedule(self, period if first is None else _checked("first", first), period, message)


def _checked(name: str, seconds: float) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"{name} is {seconds!r}: a number of seconds was expected")
    if not 0.0 <= seconds < inf:
        raise ValueError(f"{name} is {seconds!r}: a number of seconds was expected, 0 or more")
    return float(seconds)


def _schedule(ref: Any, delay: float, period: float | None, message: Any) -> ScheduledTell:
    ref.port()  # raises, where nobody could be told
    scheduled = ScheduledTell(ref, packed(message), time.monotonic() + delay, period)
    host, process = current_host(), current_process()
    assert process is not None
    if host is not None and (cell := host.cell) is not None:
        loop = host.loop
        scheduled.begin(lambda seconds, fn: loop.call_later(cell, seconds, fn))
    else:
        _begin_in_main_loop(process, scheduled)
    return scheduled


def _begin_in_main_loop(process: Process, scheduled: ScheduledTell) -> None:
    main = process.main
    if main is None:  # it is ending
        raise ActorDeadError(process.network.why_over())
    timers: Loop = main

    def begin() -> None:
        scheduled.begin(lambda seconds, fn: timers.loop.call_later(None, seconds, fn), is_free=True)

    main.call_threadsafe(None, begin)
