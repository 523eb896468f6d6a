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
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

import pykka
from pykka import Timeout

from peerage.actors.runtime.errors import ActorDeadError, FutureCancelledError
from peerage.actors.runtime.mail import here
from peerage.actors.runtime.mail.asks import NOT_ASKED, Ask
from peerage.actors.runtime.mail.deadlines import ends_at
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.outcome import Outcome, State
from peerage.actors.runtime.mail.waiters import CLAIMING, Waiters

if TYPE_CHECKING:
    from types import TracebackType

    OptExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

T = TypeVar("T")
M = TypeVar("M")

FOREIGN_SLICE_S = 0.05  # how long a thread sleeps on a future whose port another thread is reading

# How a future is pickled: see `object.__reduce__`.
Departure = tuple[Callable[..., Any], tuple[Any, ...]] | tuple[Callable[..., Any], tuple[Any, ...], Any]


class Journey(Protocol):
    """What a future is to others once it was pickled, or came from elsewhere: see `promise.py`."""

    is_read: bool

    @property
    def home(self) -> Any: ...
    @property
    def place(self) -> here.Host | None: ...
    def departure(self, state: State | None) -> Departure: ...
    def begin(self, future: Future[Any]) -> None: ...
    def keep(self, future: Future[Any]) -> None: ...
    def let_go(self, future: Future[Any]) -> None: ...
    def set(self, future: Future[Any], value: Any, error: BaseException | None) -> bool: ...
    def value(self, value: Any) -> Any: ...


class Future(pykka.Future[T]):
    """The answer to an ask, now or later, or what somebody will set.

    `get` in the thread that asked reads that thread's own mailbox. `then` continues without blocking.
    Awaiting never blocks the event loop. May be resolved by hand (`set`, `set_exception`), also by an actor that it was
    sent to: the first who sets it wins. See `promise.py` for how it travels.
    """

    # The state of a new future, shared by all until it changes: an ask makes one, and setting a dozen attributes each time
    # costs as much as everything else about making it (tests/bench/runtime_messages.py).
    done = False
    outcome: Outcome | None = None
    _waiters: Waiters | None = None
    _sources: tuple[pykka.Future[Any], ...] = ()
    port: here.Port | None = None  # that asked
    asked: Ask = NOT_ASKED
    journey: Journey | None = None  # since it has been pickled for the first time

    _get_hook: Any = None  # Pykka's, whose constructor is called when there is one

    def __init__(self) -> None:
        # Whoever takes it resolves the future: threads may do so at once, and a lock costs ten times as much.
        self._claims = [None]

    def __repr__(self) -> str:
        return f"<Future {'done' if self.done else 'pending'}>"

    def __reduce__(self) -> Departure:
        """Raises: TypeError, when it is pending and no actor system runs here."""
        if self._get_hook is not None:
            return _arrive_hooked, (self._get_hook, self._sources)
        state = None if self.outcome is None else self.outcome.state()
        process = here.process
        if self.journey is None and process is not None and not process.closed and process.main is not None:
            process.promises.register(self)
        if self.journey is not None:
            return self.journey.departure(state)
        if state is None:
            raise TypeError(
                "a pending future cannot be pickled where no actor system runs: nobody could set it from elsewhere"
            )
        return Future, (), state

    def __setstate__(self, state: State) -> None:
        value, packed = state
        self.resolve(value, packed=packed)

    def get(self, *, timeout: float | None = None) -> Any:
        """The answer; an exception is raised, a remote one with its remote traceback as cause.

        Raises: Timeout, when there is none after `timeout` seconds; AskCycleError; ActorDeadError.
        """
        return self.get_until(ends_at(timeout), timeout)

    def get_until(self, until: float | None, timeout: float | None) -> Any:
        """As `get`, until then (monotonic seconds), which is what is left of the caller's `timeout`."""
        if self._get_hook is not None:
            return super().get(timeout=_left(until))
        if not self.done and not wait_for(self, until):
            raise Timeout(f"{timeout} seconds")
        assert self.outcome is not None
        value = self.outcome.get()
        return value if self.journey is None else self.journey.value(value)

    @property
    def waiters(self) -> Waiters:
        """Those who wait for it."""
        with CLAIMING:  # of two threads that begin to wait neither is lost
            if self._waiters is None:
                self._waiters = Waiters()
            return self._waiters

    def resolve(
        self, value: Any, error: BaseException | None = None, packed: tuple[int, Raw] | None = None
    ) -> bool:
        """Set the outcome once. Returns: whether this call was the one.

        Args: packed, the outcome as a message's kind and body instead.
        """
        try:
            self._claims.pop()
        except IndexError:
            return False
        self.outcome = Outcome(value, error, packed)
        self.done = True
        if self._waiters is not None:
            self._waiters.tell()
        if self.journey is not None:
            self.journey.let_go(self)
        return True

    def set(self, value: T | None = None) -> None:
        """Set the value; what was sent elsewhere gets a copy of it.

        Raises: queue.Full, when it has a value already, as far as is known here; of a future made elsewhere a value that
            comes there second is dropped, and counted as a dead letter. ActorDeadError, when its system has ended. What
            pickling the value raises.
        """
        if self._get_hook is not None or not self._settle(value, None):
            raise queue.Full

    def _settle(self, value: Any, error: BaseException | None) -> bool:
        if self.journey is not None:
            return self.journey.set(self, value, error)
        return self.resolve(value, error)

    def set_exception(self, exc_info: OptExcInfo | BaseException | None = None) -> None:
        """As Pykka's, with an exception allowed in place of the triple."""
        if isinstance(exc_info, BaseException):
            error: BaseException | None = exc_info
        else:
            kind, error, _trace = exc_info or sys.exc_info()
            if error is None and kind is not None:
                error = kind()
        assert error is not None
        if self._get_hook is not None or not self._settle(None, error):
            raise queue.Full

    def set_get_hook(self, func: Callable[[float | None], T]) -> None:
        if self.done:
            raise queue.Full
        if self.journey is not None:
            raise RuntimeError(
                f"{self} was sent in a message: others wait for a value, and cannot call a hook"
            )
        super().__init__()
        super().set_get_hook(func)

    def cancel(self) -> bool:
        """Stop waiting: `get` raises FutureCancelledError; a late answer is dropped. Returns: whether it was
        pending. Of a future that was made elsewhere, only who has received it here stops waiting.
        """
        return self.resolve(None, FutureCancelledError("cancelled"))

    def then(self, fn: Callable[[Future[T]], object]) -> None:
        """Call `fn(self)` once this future is resolved; it reads the outcome with `get()`.

        Inside an actor `fn` runs as that actor, in its host's loop, never in the middle of a handler.
        Elsewhere it runs in the thread that resolves the future, or in one of its own if that is a loop of actors.
        """
        host = here.host()
        if host is None or (cell := host.cell) is None:
            self.when_done(lambda: _call_outside(fn, self))
        else:
            self.when_done(lambda: host.call_soon(cell, fn, self))

    def when_done(self, callback: Callable[[], object]) -> None:
        """Have `callback()` called by whoever resolves the future: it must be quick, and safe in any thread."""
        pending = [source for source in self._sources if isinstance(source, Future) and not source.is_ready()]
        if pending:
            pending[0].when_done(lambda: self.when_done(callback))
        elif self.is_ready() or self._get_hook is not None:
            callback()
        else:
            waiters = self.waiters
            waiters.add(callback)
            if self.journey is not None:
                self.journey.keep(self)
                self.journey.begin(self)
            if self.is_ready():  # another thread resolved it in between
                waiters.call()

    @property
    def error(self) -> BaseException | None:
        """The exception it was resolved with, if any."""
        return None if self.outcome is None else self.outcome.error

    def follow(self, source: Future[Any], finish: Callable[[], object]) -> None:
        """Be resolved by `finish`, called once `source` is; waiting for this one reads the source's port."""
        self.port, self.asked = source.port, source.asked
        source.when_done(finish)

    def rest(self) -> None:
        """The source has come to nothing, and `follow` will name another; its port is read on."""
        self.asked = NOT_ASKED

    def is_ready(self) -> bool:
        """Whether `get` would return at once."""
        if self._sources:
            return all(not isinstance(source, Future) or source.is_ready() for source in self._sources)
        return self.done

    def filter(self, func: Callable[[Any], bool]) -> Future[Iterable[Any]]:
        return _derived(self, super().filter(func))  # type: ignore[misc]  # pykka wants self to be a future of an iterable

    def join(self, *futures: pykka.Future[Any]) -> Future[Iterable[Any]]:
        joined: Future[Iterable[Any]] = Future()

        def get(
            timeout: float | None,
        ) -> list[Any]:  # within that time all together, where Pykka gives it to each
            until = ends_at(timeout)
            return [future.get(timeout=_left(until)) for future in (self, *futures)]

        joined.set_get_hook(get)
        return _derived(self, joined, *futures)

    def map(self, func: Callable[[T], M]) -> Future[M]:
        return _derived(self, super().map(func))

    def reduce(self, func: Callable[[Any, Any], Any], *args: Any) -> Future[Any]:
        return _derived(self, super().reduce(func, *args))  # type: ignore[misc]  # as filter

    def derived_from(self, sources: tuple[pykka.Future[Any], ...]) -> Future[T]:
        """Wait for these before its hook is called."""
        self._sources = sources
        return self

    def __await__(self) -> Generator[Any, None, T]:
        if not self.is_ready():
            loop = asyncio.get_running_loop()
            waiter: asyncio.Future[None] = loop.create_future()
            for source in _leaves(self):
                if source.journey is not None:
                    source.journey.begin(source)
                if source.port is not None:
                    source.port.face.attach(loop)

            def wake() -> None:
                _wake_in(loop, waiter)

            self.when_done(wake)
            try:
                yield from waiter
            finally:
                if not self.done and self.waiters.drop(wake) and self.journey is not None:
                    self.journey.let_go(self)
        return cast("T", self.get(timeout=0))

    __iter__ = __await__


def _left(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())


ProcessFuture = Future  # as Pykka names its own: ThreadingFuture


def _call_outside(fn: Callable[[Future[Any]], object], future: Future[Any]) -> None:
    if here.host() is None:
        fn(future)
    else:  # a loop of actors has resolved it, and must go on
        threading.Thread(target=fn, args=(future,), name="future", daemon=True).start()


class _HostWaker:
    """Wakes a host that waits in its mailbox."""

    def __init__(self, port: here.Port) -> None:
        self._port = port

    def set(self) -> None:
        if not self._port.is_mine():
            with contextlib.suppress(ActorDeadError):  # the system is ending
                here.port().wake(self._port.address)


def _wake_in(loop: asyncio.AbstractEventLoop, waiter: asyncio.Future[None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
        loop.call_soon_threadsafe(_wake, waiter)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _arrive_hooked(
    hook: Callable[[float | None], Any], sources: tuple[pykka.Future[Any], ...]
) -> Future[Any]:
    """A future with a hook travels with what computes it, which is called where it is read."""
    future: Future[Any] = Future()
    future.set_get_hook(hook)
    return future.derived_from(sources)


def wait_for(future: Future[Any], until: float | None) -> bool:
    """Returns: whether it is resolved. Raises: ActorDeadError, where it never will be."""
    if future.journey is not None:
        future.journey.begin(future)
    if future.port is not None and future.port.closed and not future.done:
        future.port.check_open()  # in a forked child: the answer comes to its parent
    if future.port is not None and future.port.is_mine():
        return future.port.wait_for(future, _left(until))
    host = here.host()
    if host is not None:  # whose other actors go on: one of them may be who sets it
        with future.waiters.woken(_HostWaker(host.port)):
            return host.port.wait_for(future, _left(until))
    event = threading.Event()
    with future.waiters.woken(event):
        while not future.done:
            left = FOREIGN_SLICE_S if until is None else min(FOREIGN_SLICE_S, until - time.monotonic())
            if left <= 0:
                return False
            port = future.port
            if port is None and future.journey is not None:  # sent meanwhile, or who asked has ended
                future.journey.begin(future)
            if port is None or not port.reader.read_for(lambda: future.done, left):
                event.wait(left)
    return True


def wait_quietly(future: Future[Any]) -> None:
    """Read the mailbox that the answer comes to, until it is there."""
    with contextlib.suppress(ActorDeadError):
        wait_for(future, None)


def _derived(future: pykka.Future[Any], derived: pykka.Future[M], *others: pykka.Future[Any]) -> Future[M]:
    return cast("Future[M]", derived).derived_from((future, *others))


def _leaves(future: Future[Any]) -> list[Future[Any]]:
    """Those that are asked for, of which this one is made."""
    sources = future._sources  # noqa: SLF001 - of this module's own class
    if not sources:
        return [future]
    return [leaf for source in sources if isinstance(source, Future) for leaf in _leaves(source)]
