"""An asyncio loop that is a guest of a host's own loop: it makes a turn when it is called, and never sleeps.

asyncio sleeps in one place only, in the `select` of its selector, and says there for how long it would. So the selector is
what is replaced: it sleeps for nobody, and when asyncio has nothing more to do, it ends the turn instead and keeps how long
asyncio wanted to sleep. Nothing of asyncio's insides is touched, and all of it works: sockets, subprocesses, executors.

Its descriptor is that of the selector's epoll, which the host's epoll watches in turn: whatever a coroutine waits for, a
call from another thread included, makes it readable.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context
from time import monotonic
from typing import Any, TypeVarTuple, Unpack

Arguments = TypeVarTuple("Arguments")

SHARE_S = 0.002  # of a turn of the host's loop, if the coroutines have so much to do: the host has other work


class _TurnOverError(Exception):
    """Ends a turn, where asyncio would have slept."""


class _Turns(selectors.EpollSelector):
    """The selector of a guest: bounds a turn by a look at what is ready and a share of time.

    Attributes: is_turning, whether a turn is being made, and not a loop that sleeps as usual; wanted, for how many seconds
    asyncio wanted to sleep at the end of the turn: None until something is ready.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_turning = False
        self.wanted: float | None = 0.0
        self._until = 0.0
        self._is_first = False

    def begin(self) -> None:
        """Begin a turn."""
        self.wanted = 0.0
        self._until = monotonic() + SHARE_S
        self._is_first = self.is_turning = True

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """As a selector's, but for a turn, in which it does not sleep. Raises: _TurnOverError."""
        if not self.is_turning:
            return super().select(timeout)
        # What is ready is looked at once at least; after that as long as there is more to do, and time.
        if self._is_first or (timeout is not None and timeout <= 0 and monotonic() < self._until):
            self._is_first = False
            return super().select(0)
        self.wanted = timeout
        raise _TurnOverError


class GuestLoop(asyncio.SelectorEventLoop):
    """Belongs to one actor, and to the thread of its host.

    Args: wake, is called when something was scheduled between two turns: a turn is wanted soon. Not called for what other
        threads schedule, for that makes the descriptor readable.
    """

    is_guest = True  # `mail/loop_reader.py` looks at it

    def __init__(self, wake: Callable[[], object]) -> None:
        self._turns = _Turns()
        self._wake = wake
        super().__init__(self._turns)

    def fileno(self) -> int:
        """The descriptor that is readable when a turn is wanted."""
        return self._turns.fileno()

    def turn(self) -> float | None:
        """Run what is ready, for a share of a turn of the host's loop.

        Returns: after how many seconds the next turn is wanted; None when nothing is due, until the descriptor is readable.
        Raises: what ends a loop: SystemExit and KeyboardInterrupt.
        """
        self._turns.begin()
        try:
            with _no_loop_around(), contextlib.suppress(_TurnOverError):
                self.run_forever()
        finally:
            self._turns.is_turning = False
        return self._turns.wanted

    def finish(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run until this is done, sleeping as usual: the host stands still meanwhile."""
        with _no_loop_around():
            return self.run_until_complete(work)

    def call_soon(
        self,
        callback: Callable[[Unpack[Arguments]], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.Handle:
        handle = super().call_soon(callback, *args, context=context)
        if not self._turns.is_turning:
            self._wake()
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Arguments]], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = super().call_at(when, callback, *args, context=context)
        if not self._turns.is_turning:  # a turn, which then says when the next one is wanted
            self._wake()
        return handle


@contextlib.contextmanager
def _no_loop_around() -> Iterator[None]:
    """For a turn within that of another actor's loop, which waits in the middle of a callback: asyncio allows only one."""
    around = asyncio._get_running_loop()  # noqa: SLF001 - this and the following are for those who make loops
    if around is None:
        yield
        return
    task = asyncio.current_task(around)
    if task is not None:
        asyncio.tasks._leave_task(around, task)  # noqa: SLF001 - as above
    asyncio._set_running_loop(None)  # noqa: SLF001 - as above
    try:
        yield
    finally:
        asyncio._set_running_loop(around)  # noqa: SLF001 - as above
        if task is not None:
            asyncio.tasks._enter_task(around, task)  # noqa: SLF001 - as above
