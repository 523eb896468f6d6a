"""A clock that the test sets, for the timers of actors under test.

    clock = FakeClock()
    with run_actor(clock.drives(Heartbeat), probe.ref):
        clock.pass_by(60.0)                     # what is due within that minute is done, each call at its time

An actor of such a class sees it in `self.runtime`: in `now`, `call_later` and `call_every`. Its messages, and the machinery
of peerage beneath it, go on in real time; so do `asyncio.sleep` and timeouts.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from peerage.actors.runtime import ActorRef, ProcessActor, Timer
from peerage.testing.waiting import TIMEOUT_S

__all__ = ["FakeClock", "Repeated"]

A = TypeVar("A", bound=ProcessActor)

LOOK_S = 0.05  # between two looks at whether an actor that has something to do is still there

_serials = itertools.count(1)
# By number: a class is copied into the thread of its actor, and a clock is not.
_clocks: WeakValueDictionary[int, FakeClock] = WeakValueDictionary()


class Repeated:
    """A call that is repeated until this is cancelled, as the runtime's own."""

    def __init__(
        self, face: _Clocked, period: float, fn: Callable[..., object], args: tuple[Any, ...]
    ) -> None:
        self._face, self._period, self._fn, self._args = face, period, fn, args
        self._timer: Timer | None = None
        self._again()

    def cancel(self) -> None:
        """Call no more."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _again(self) -> None:
        self._timer = self._face.call_later(self._period, self._call)

    def _call(self) -> object:
        self._again()
        return self._fn(*self._args)


class _Clocked:
    """What an actor may ask of its host, with the test's clock in place of the host's."""

    _runtime: Any
    _clock: FakeClock
    _ended: threading.Event

    def __init__(self, runtime: Any, clock: FakeClock, ended: threading.Event) -> None:
        self.__dict__.update(_runtime=runtime, _clock=clock, _ended=ended)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._runtime, name, value)

    def now(self) -> float:
        return self._clock.now()

    def call_later(self, delay: float, fn: Callable[..., object], *args: Any) -> Timer:
        return self._clock.add(self._runtime, self._ended, delay, fn, args)

    def call_every(self, seconds: float, fn: Callable[..., object], *args: Any) -> Repeated:
        if not seconds > 0:
            raise ValueError(f"call_every: {seconds!r} seconds; more than 0 was expected")
        return Repeated(self, seconds, fn, args)


class FakeClock:
    """Time passes when the test says so, for all actors whose classes it drives.

    Args: start, what the clock shows first, in seconds.
    """

    def __init__(self, start: float = 1000.0) -> None:
        self._now = start
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._timers: list[tuple[float, int, Timer, Any, threading.Event]] = []
        self._serial = next(_serials)
        _clocks[self._serial] = self

    def drives(self, actor_class: type[A]) -> type[A]:
        """A class to be run in place of an actor's or reactor's: a subclass of the same name that goes by this clock.

        It runs in threads of the test's process (`place=THREAD`), as `run_actor` and `ReactorHarness` start actors.
        """
        serial = self._serial

        def on_bound(self: Any, ref: ActorRef[Any], runtime: Any, stopped: threading.Event) -> None:
            actor_class.on_bound(self, ref, runtime, stopped)
            self.runtime = face_of(serial, runtime, stopped)

        clocked: type[A] = type(actor_class.__name__, (actor_class,), {"on_bound": on_bound})
        return clocked

    def now(self) -> float:
        """What the clock shows."""
        with self._lock:
            return self._now

    @property
    def waiting(self) -> int:
        """How many timers wait for their time. To wait until an actor has set one: `wait_until(lambda: clock.waiting)`."""
        with self._lock:
            return sum(not timer.cancelled for _, _, timer, _, _ in self._timers)

    def pass_by(self, seconds: float, timeout: float = TIMEOUT_S) -> None:
        """Let time pass: what is due is called in its actor's turn, in order, with the clock at its time.

        Returns when all of it has been called; a coroutine has begun then, and may go on.

        Args: timeout, real seconds that an actor may take until it is its turn.
        Raises: AssertionError, an actor was busy for longer.
        """
        end = self.now() + seconds
        while (due := self._next_due(end)) is not None:
            self._call(*due, timeout)
        with self._lock:
            self._now = max(self._now, end)

    def add(
        self,
        runtime: Any,
        ended: threading.Event,
        delay: float,
        fn: Callable[..., object],
        args: tuple[Any, ...],
    ) -> Timer:
        """A timer of an actor. For the actor's own use."""
        with self._lock:
            timer = Timer(None, self._now + max(0.0, delay), fn, args)
            heapq.heappush(self._timers, (timer.when, next(self._numbers), timer, runtime, ended))
        return timer

    def _next_due(self, end: float) -> tuple[Timer, Any, threading.Event] | None:
        with self._lock:
            while self._timers and self._timers[0][0] <= end:
                when, _, timer, runtime, ended = heapq.heappop(self._timers)
                if not timer.cancelled and not ended.is_set():
                    self._now = max(self._now, when)
                    return timer, runtime, ended
        return None

    def _call(self, timer: Timer, runtime: Any, ended: threading.Event, timeout: float) -> None:
        done = threading.Event()
        fn, args = timer.fn, timer.args  # a cancelled timer has others

        def mark() -> None:
            done.set()

        def call() -> None:
            if not timer.cancelled:
                runtime.call_soon(fn, *args)
            runtime.call_soon(mark)

        runtime.call_threadsafe(call)
        deadline = time.monotonic() + timeout
        while not done.wait(LOOK_S) and not ended.is_set():
            if time.monotonic() > deadline:
                raise AssertionError(f"an actor was busy for {timeout:g} s, and did not call {fn!r}")


def face_of(serial: int, runtime: Any, ended: threading.Event) -> Any:
    """What an actor of a driven class sees of its host. Raises: RuntimeError, it is not in the test's process."""
    clock = _clocks.get(serial)
    if clock is None:
        raise RuntimeError("a FakeClock drives actors in threads of the test's own process: place=THREAD")
    return _Clocked(runtime, clock, ended)
