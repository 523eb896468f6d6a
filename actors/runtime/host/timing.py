"""What an actor has called later, and the coroutines that it runs: the part of `self.runtime` that is about time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from peerage.actors.runtime.host.coroutines import Coroutines
from peerage.actors.runtime.host.descriptor_calls import DescriptorCalls
from peerage.actors.runtime.host.loop import Loop, Task, Timer


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

    def call_soon(self, fn: Callable[..., object], *args: Any) -> None:
        """Call `fn(*args)` in the loop's next turn."""
        self._loop.call_soon(self._cell, fn, *args)

    def call_threadsafe(self, fn: Callable[..., object], *args: Any) -> None:
        """From any thread: call `fn(*args)` in the host's loop."""
        self._loop.call_threadsafe(self._cell, fn, *args)

    def at_end_of_turn(self, fn: Callable[[], object]) -> None:
        """Call `fn()` once, after the messages, descriptors and timers of the current turn."""
        self._loop.end_hooks.append((self._cell, fn))

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine beside everything else that this actor does, on the asyncio loop of its hooks.

        What it raises ends the actor, as an exception in a callback does. When the actor ends, it is cancelled.

        Returns: its task, which can be awaited and cancelled.
        """
        return self.coroutines.start(work)
