"""Calls made from asyncio: what a task awaits until its ask is answered, or its tell has gone.

A call is an `asyncio.Future` itself, and the port keeps that very object as the waiter of its ask: with tens of thousands of
calls the garbage collector, which visits every object, holds up the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterable
from time import monotonic
from typing import Any, Protocol

from peerage.actors.runtime.errors import ActorDeadError
from peerage.actors.runtime.mail.asks import NOT_ASKED, Ask
from peerage.actors.runtime.mail.deadlines import ends_at

# Seconds of one turn of the loop that sending, receiving and giving up may each take. The program's own tasks have the rest.
SHARE_S = 0.002


class Keeper(Protocol):
    """Keeps the deadlines of calls, and forgets those that nobody awaits any more."""

    def forget_deadline(self, call: Call) -> None:
        """The call is over before its deadline."""

    def cancel(self, call: Call) -> None:
        """Nobody awaits the call: take it out of its line, or drop its answer when that comes, and tell the actor."""


class CallsPort(Protocol):
    """The port that a call is made by."""

    @property
    def face(self) -> Keeper: ...

    def is_mine(self) -> bool: ...


class Call(asyncio.Future[Any]):
    """An ask until its answer, or a tell until it goes: what a task awaits.

    It is made, settled and cancelled in the thread of its loop, which is the port's. Only `resolve` may be called by any
    thread, because another one may read the port and find the answer there.

    Attributes:
        port: that it is made by.
        asked: what was asked of whom, NOT_ASKED as long as that is not known.
        letter: its message while that waits in line for room (`lines.Letter`), otherwise None.
        timeout: seconds, as its caller gave them, for the text of the exception.
        until: monotonic seconds when the call must be over, None for never.
        room_until: monotonic seconds when its message leaves the line without having gone, None for never.
        patient: whether `room_until` is put off as long as the line moves.
        tick: of its deadline in `Deadlines`, 0 if it has none.
    """

    __slots__ = (
        "asked",
        "letter",
        "patient",
        "port",
        "room_until",
        "tick",
        "timeout",
        "until",
    )

    def __init__(self, port: CallsPort, loop: asyncio.AbstractEventLoop, timeout: float | None) -> None:
        super().__init__(loop=loop)
        self.port: CallsPort | None = port
        self.asked: Ask = NOT_ASKED
        self.letter: Any = None
        self.timeout = timeout
        self.until = ends_at(timeout)
        self.room_until: float | None = None
        self.patient = False
        self.tick = 0

    def resolve(self, value: Any, error: BaseException | None = None) -> bool:
        """Take the outcome, as `Future.resolve` does. From any thread.

        Returns: whether it had none before. Another thread cannot be sure of that, since the loop settles the call later.
        """
        if self.done():
            return False
        assert self.port is not None
        if self.port.is_mine():
            self.settle(value, error)
        else:
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
                self.get_loop().call_soon_threadsafe(self.settle, value, error)
        return True

    def settle(self, value: Any, error: BaseException | None) -> None:
        """Take the outcome, in the loop's thread; of no effect if there is one already."""
        if self.done():
            return
        if self.tick:
            assert self.port is not None
            self.port.face.forget_deadline(self)
        try:
            if error is None:
                self.set_result(value)
                return
            if isinstance(error, StopIteration):  # no future of asyncio can raise it: it ends coroutines
                error, cause = RuntimeError(f"the actor raised {error!r}"), error
                error.__cause__ = cause
            self.set_exception(error)
            # asyncio would log an exception that nobody fetched. The caller holds a coroutine, not this future, and Python
            # warns already of a coroutine that is never awaited.
            self._log_traceback = False
        except RuntimeError:  # as above
            pass

    def cancel(self, msg: Any = None) -> bool:
        """The task that awaits it was cancelled: its message leaves the line or, if it has gone, the answer is dropped."""
        if not super().cancel(msg):
            return False
        assert self.port is not None
        self.port.face.cancel(self)
        return True


async def outcome(call: Call) -> Any:
    """What `ask_async` returns: a coroutine, since `create_task` takes no future."""
    return await call


async def nothing() -> None:
    """What `tell_async` returns when the message has gone already: nothing is left to wait for."""


def settle_in_their_loops(calls: Iterable[Call]) -> None:
    """Fail the calls that were left when their port was closed, in any thread.

    Their loops may have tens of thousands of them, and get a share of these in each turn.
    """
    by_loop: dict[asyncio.AbstractEventLoop, deque[Call]] = {}
    for call in calls:
        by_loop.setdefault(call.get_loop(), deque()).append(call)
    for loop, theirs in by_loop.items():
        with contextlib.suppress(RuntimeError):  # closed: nobody waits any more
            loop.call_soon_threadsafe(_settle_some, theirs, loop)


def _settle_some(calls: deque[Call], loop: asyncio.AbstractEventLoop) -> None:
    end = monotonic() + SHARE_S
    while calls:
        calls.popleft().settle(None, ActorDeadError("the asking thread or the system has ended"))
        if monotonic() >= end:
            loop.call_soon(_settle_some, calls, loop)
            return
