"""What an actor has called later, and the coroutines that it runs: the part of `self.runtime` that is about time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from peerage.actors.runtime.host.coroutines import Coroutines, is_coroutine
from peerage.actors.runtime.host.descriptor_calls import DescriptorCalls
from peerage.actors.runtime.host.loop import Loop, Task, Timer


class Repetition:
    """A call that is repeated until this is cancelled, or the actor ends."""

    __slots__ = ("_args", "_due", "_fn", "_period", "_running", "_timer", "_timing")

    def __init__(
        self, timing: Timing, period: float, fn: Callable[..., object], args: tuple[Any, ...]
    ) -> None:
        self._timing, self._period, self._fn, self._args = timing, period, fn, args
        self._due = timing.now() + period
        self._running: asyncio.Task[Any] | None = None
        self._timer: Timer | None = timing.call_later(period, self._call)

    def cancel(self) -> None:
        """Call no more. A call that is running, if it is a coroutine, is not touched."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _call(self) -> None:
        now = self._timing.now()
        # By the clock, so that the calls do not drift; what was missed, because the actor was busy, is not made up for.
        self._due = max(self._due + self._period, now)
        self._timer = self._timing.call_later(self._due - now, self._call)
        if self._running is not None and not self._running.done():
            return
        result = self._fn(*self._args)
        self._running = self._timing.spawn(result) if is_coroutine(result) else None


class Timing(DescriptorCalls):
    """The base of `ActorContext`.

    Attribute: coroutines, those of the actor's hooks and callbacks; for the runtime's own use.
    """

    __slots__ = ("coroutines",)

    def __init__(self, cell: Task, loop: Loop[Any], coroutines: Coroutines) -> None:
        super().__init__(cell, loop)
        self.coroutines = coroutines

    def now(self) -> float:
        """Monotonic seconds, the clock of `call_later`."""
        return time.monotonic()

    def call_later(self, delay: float, fn: Callable[..., object], *args: Any) -> Timer:
        """Call `fn(*args)` after `delay` seconds."""
        return self._loop.call_later(self._cell, delay, fn, *args)

    def call_every(self, seconds: float, fn: Callable[..., object], *args: Any) -> Repetition:
        """Call `fn(*args)` again and again, the first time after so many seconds. A restart of the actor begins anew.

        Calls keep to the clock and do not drift. One that is late, because the actor was busy, is made once and not made up
        for; a coroutine that is still running is not begun a second time.

        Returns: what ends it, with `cancel()`.
        Raises: ValueError, for a period that is not more than 0.
        """
        if not seconds > 0:
            raise ValueError(f"call_every: {seconds!r} seconds; more than 0 was expected")
        return Repetition(self, seconds, fn, args)

    def call_soon(self, fn: Callable[..., object], *args: Any) -> None:
        """Call `fn(*args)` in the loop's next turn."""
        self._loop.call_soon(self._cell, fn, *args)

    def call_threadsafe(self, fn: Callable[..., object], *args: Any) -> None:
        """From any thread: call `fn(*args)` in the host's loop."""
        self._loop.call_threadsafe(self._cell, fn, *args)

    def call_between(self, fn: Callable[..., object], *args: Any) -> None:
        """From any thread: call `fn(*args)` in the host's loop, though the actor is in the middle of a hook that waits. For
        the runtime's own use: it must be quick, raise nothing, and not call the author's code.
        """
        self._loop.call_soon(None, fn, *args)

    def at_end_of_turn(self, fn: Callable[[], object]) -> None:
        """Call `fn()` once, after the messages, descriptors and timers of the current turn."""
        self._loop.end_hooks.append((self._cell, fn))

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine beside everything else that this actor does, on the asyncio loop of its hooks.

        What it raises ends the actor, as an exception in a callback does. When the actor ends, it is cancelled.

        Returns: its task, which can be awaited and cancelled.
        """
        return self.coroutines.start(work)
