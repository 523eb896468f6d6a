"""Calls made from asyncio: what a task awaits until its ask is answered, or its tell has gone."""

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

SHARE_S = 0.002  # of one turn of the loop, for each of sending, receiving, and giving up


class Keeper(Protocol):
    """Keeps the deadlines of calls, and forgets those that nobody awaits any more."""

    def forget_deadline(self, call: Call) -> None: ...

    def abandon(self, call: Call) -> None: ...


class CallsPort(Protocol):
    """The port that a call is made by."""

    @property
    def face(self) -> Keeper: ...

    def is_mine(self) -> bool: ...


class Call(asyncio.Future[Any]):
    """An ask until its answer, or a tell until it goes: what a task awaits. In the port's thread."""

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
        self.letter: Any = None  # while it waits in line: see `lines.py`
        self.timeout = timeout
        self.until = ends_at(timeout)
        self.room_until: float | None = None
        self.patient = False  # as long as the line moves
        self.tick = 0  # of its deadline

    def resolve(self, value: Any, error: BaseException | None = None) -> bool:
        """As a future's, from any thread. Returns: whether nobody was quicker."""
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
        """In the loop's thread."""
        if self.done():
            return
        if self.tick:
            assert self.port is not None
            self.port.face.forget_deadline(self)
        try:
            if error is None:
                self.set_result(value)
                return
            if isinstance(error, StopIteration):  # which asyncio lets nobody raise
                error, cause = RuntimeError(f"the actor raised {error!r}"), error
                error.__cause__ = cause
            self.set_exception(error)
            self._log_traceback = False  # who never awaits it is told by Python already
        except RuntimeError:  # as above
            pass

    def cancel(self, msg: Any = None) -> bool:
        """The task that awaits it was cancelled: it leaves the line, or its answer is dropped when it comes."""
        if not super().cancel(msg):
            return False
        assert self.port is not None
        self.port.face.abandon(self)
        return True


async def outcome(call: Call) -> Any:
    """What `ask_async` gives: a coroutine, so that tasks can be made of it."""
    return await call


async def nothing() -> None:
    """The message has gone."""


def settle_in_their_loops(calls: Iterable[Call]) -> None:
    """What their port had when it was closed."""
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
