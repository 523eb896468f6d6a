"""Pykka's Future, read by the thread that waits for it: no callback thread between the socket and the
caller.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pykka
from pykka import Timeout

from .errors import FutureCancelledError

if TYPE_CHECKING:
    from types import TracebackType

    from .cell import ActorCell
    from .port import Port
    from .routes import Route

    OptExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

T = TypeVar("T")
M = TypeVar("M")

FOREIGN_SLICE_S = 0.05  # how long a thread sleeps on a future whose port another thread is reading


class Future(pykka.Future[T]):
    """The answer to an ask, now or later.

    `get` in the thread that asked reads that thread's own mailbox. `then` continues without blocking.
    Awaiting never blocks the event loop. May be resolved by hand (`set`, `set_exception`) when made by hand.
    """

    def __init__(self) -> None:
        super().__init__()
        self.done = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._trace: TracebackType | None = None
        self._callbacks: list[Callable[[], object]] | None = None
        self._events: list[threading.Event] | None = None
        self._sources: tuple[pykka.Future[Any], ...] = ()
        # Set by the port that asked:
        self.port: Port | None = None
        self.route: Route | None = None
        self.serial = 0
        self.corr = 0
        self.size = -1  # bytes held in the window, -1 if none

    def __repr__(self) -> str:
        return f"<Future {'done' if self.done else 'pending'}>"

    def get(self, *, timeout: float | None = None) -> Any:
        """The answer; an exception is raised, a remote one with its remote traceback as cause.

        Raises: Timeout, when there is none after `timeout` seconds; AskCycleError; ActorDeadError.
        """
        return self.get_until(None if timeout is None else time.monotonic() + timeout, timeout)

    def get_until(self, until: float | None, timeout: float | None) -> Any:
        """As `get`, until then (monotonic seconds), which is what is left of the caller's `timeout`."""
        if self._get_hook is not None:
            return super().get(timeout=_left(until))
        if not self.done and not self._wait(until):
            raise Timeout(f"{timeout} seconds")
        if self._error is not None:
            raise self._error.with_traceback(self._trace)
        return self._value

    def _wait(self, until: float | None) -> bool:
        """Returns: whether it is resolved."""
        port = self.port
        if port is not None and port.is_mine():
            return port.wait_for(self, _left(until))
        event = threading.Event()
        self._events = [*(self._events or []), event]
        try:
            while not self.done:
                left = FOREIGN_SLICE_S if until is None else min(FOREIGN_SLICE_S, until - time.monotonic())
                if left <= 0:
                    return False
                if port is None or not port.pump_for(self, left):
                    event.wait(left)
        finally:
            self._events = [other for other in self._events or () if other is not event]
        return True

    def resolve(self, value: Any, error: BaseException | None = None) -> bool:
        """Set the outcome once. Returns: whether this call was the one."""
        if self.done:
            return False
        self._value, self._error = value, error
        self._trace = None if error is None else error.__traceback__
        self.done = True
        for event in self._events or ():
            event.set()
        if self._callbacks is not None:
            self._run_callbacks()
        return True

    def set(self, value: T | None = None) -> None:
        if self._get_hook is not None or not self.resolve(value):
            raise queue.Full

    def set_exception(self, exc_info: OptExcInfo | BaseException | None = None) -> None:
        """As Pykka's, with an exception allowed in place of the triple."""
        if isinstance(exc_info, BaseException):
            error: BaseException | None = exc_info
        else:
            kind, error, _trace = exc_info or sys.exc_info()
            if error is None and kind is not None:
                error = kind()
        assert error is not None
        if self._get_hook is not None or not self.resolve(None, error):
            raise queue.Full

    def set_get_hook(self, func: Callable[[float | None], T]) -> None:
        if self.done:
            raise queue.Full
        super().set_get_hook(func)

    def cancel(self) -> bool:
        """Stop waiting: `get` raises FutureCancelledError; a late answer is dropped. Returns: whether it was
        pending.
        """
        return self.resolve(None, FutureCancelledError("cancelled"))

    def then(self, fn: Callable[[Future[T]], object]) -> None:
        """Call `fn(self)` once this future is resolved; it reads the outcome with `get()`.

        Inside an actor `fn` runs as that actor, in its host's loop, never in the middle of a handler.
        Elsewhere it runs in the thread that resolves the future.
        """
        from .process import current_host

        host = current_host()
        cell: ActorCell | None = host.cell if host is not None else None
        if cell is None:
            self._when_done(lambda: fn(self))
        else:
            self._when_done(lambda: cell.host.call_soon(cell, fn, self))

    def _when_done(self, callback: Callable[[], object]) -> None:
        pending = [source for source in self._sources if isinstance(source, Future) and not source.is_ready()]
        if pending:
            pending[0]._when_done(lambda: self._when_done(callback))  # noqa: SLF001 - the same class
        elif self.is_ready() or self._get_hook is not None:
            callback()
        else:
            self._callbacks = [*(self._callbacks or []), callback]
            if self.is_ready():  # another thread resolved it in between
                self._run_callbacks()

    def _run_callbacks(self) -> None:
        callbacks, self._callbacks = self._callbacks, None
        for callback in callbacks or ():
            callback()

    @property
    def error(self) -> BaseException | None:
        """The exception it was resolved with, if any."""
        return self._error

    def follow(self, source: Future[Any], finish: Callable[[], object]) -> None:
        """Be resolved by `finish`, called once `source` is; waiting for this one reads the source's port."""
        self.port, self.route, self.serial, self.corr = source.port, source.route, source.serial, source.corr
        source._when_done(finish)

    def is_ready(self) -> bool:
        """Whether `get` would return at once."""
        if self._sources:
            return all(not isinstance(source, Future) or source.is_ready() for source in self._sources)
        return self.done

    def filter(self, func: Callable[[Any], bool]) -> Future[Iterable[Any]]:
        return self._derived(super().filter(func))  # type: ignore[misc]  # pykka wants self to be a future of an iterable

    def join(self, *futures: pykka.Future[Any]) -> Future[Iterable[Any]]:
        joined: Future[Iterable[Any]] = Future()

        def get(
            timeout: float | None,
        ) -> list[Any]:  # within that time all together, where Pykka gives it to each
            until = None if timeout is None else time.monotonic() + timeout
            return [future.get(timeout=_left(until)) for future in (self, *futures)]

        joined.set_get_hook(get)
        return self._derived(joined, *futures)

    def map(self, func: Callable[[T], M]) -> Future[M]:
        return self._derived(super().map(func))

    def reduce(self, func: Callable[[Any, Any], Any], *args: Any) -> Future[Any]:
        return self._derived(super().reduce(func, *args))  # type: ignore[misc]  # as filter

    def _derived(self, future: pykka.Future[M], *others: pykka.Future[Any]) -> Future[M]:
        derived = cast("Future[M]", future)
        derived._sources = (self, *others)  # noqa: SLF001 - the same class
        return derived

    def __await__(self) -> Generator[Any, None, T]:
        if not self.is_ready():
            loop = asyncio.get_running_loop()
            waiter: asyncio.Future[None] = loop.create_future()
            for source in self._leaves():
                if source.port is not None:
                    source.port.attach(loop)
            self._when_done(lambda: _wake_in(loop, waiter))
            yield from waiter
        return cast("T", self.get(timeout=0))

    __iter__ = __await__

    def _leaves(self) -> list[Future[Any]]:
        if not self._sources:
            return [self]
        return [leaf for source in self._sources if isinstance(source, Future) for leaf in source._leaves()]  # noqa: SLF001 - the same class


def _left(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())


def _wake_in(loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
        loop.call_soon_threadsafe(_wake, waiter)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
