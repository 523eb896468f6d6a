"""Pykka's Future, read by the thread that waits for it: no other thread stands between the socket and the caller.

An answer comes to the mailbox of the thread that asked. Who reads it depends on who waits:

    the thread that asked          its own mailbox, in `port.wait_for`
    a thread that runs actors      its own mailbox: its other actors go on, and it is woken when the future is resolved
    any other thread               the asker's mailbox, on its behalf, while the asker itself is not reading it
    an asyncio loop                the asker's mailbox, as one of its descriptors (`loop_reader.py`)

So `get` costs no thread switch in the usual case, and a future may be handed to any thread all the same.
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
from peerage.actors.runtime.mail.cancelling import cancel_ask
from peerage.actors.runtime.mail.deadlines import ends_at
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.outcome import Outcome, State
from peerage.actors.runtime.mail.waiters import CLAIMING, Waiters

if TYPE_CHECKING:
    from types import TracebackType

    OptExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]

T = TypeVar("T")
M = TypeVar("M")

# How long a thread sleeps on a future whose port another thread is reading. That one may stop reading at any time, when its
# own wait is over, and tells nobody: so we look again whether it is our turn to read.
FOREIGN_SLICE_S = 0.05

# How a future is pickled: see `object.__reduce__`.
Departure = tuple[Callable[..., Any], tuple[Any, ...]] | tuple[Callable[..., Any], tuple[Any, ...], Any]


class Journey(Protocol):
    """What becomes of a future once it was pickled, or came from elsewhere: see `promise.py`.

    A future that never leaves its process has none, and pays for nothing of this.
    """

    is_read: bool  # whether a thread reads the asker's mailbox for those who wait elsewhere

    @property
    def home(self) -> Any: ...
    @property
    def place(self) -> here.Host | None:
        """The host, isolated from its neighbours, in which this object may be seen; None for the program's threads."""

    def departure(self, state: State | None) -> Departure:
        """How it is pickled. Args: state, what it was resolved with; None while it is pending."""

    def begin(self, future: Future[Any]) -> None:
        """Somebody is about to wait. Raises: ActorDeadError, when nothing can come any more."""

    def keep(self, future: Future[Any]) -> None:
        """A callback waits: do not let it be collected."""

    def let_go(self, future: Future[Any]) -> None:
        """Nobody waits any more, or it is resolved."""

    def set(self, future: Future[Any], value: Any, error: BaseException | None) -> bool:
        """Resolve it for all who hold it. Returns: False, if it is known to be resolved already."""

    def value(self, value: Any) -> Any:
        """What the caller gets of the value: a copy, if others may hold the same object."""


class Future(pykka.Future[T]):
    """The answer to an ask, now or later, or what somebody will set.

    `get` waits, `then` continues without waiting, and `await` never blocks the event loop. It can be resolved by hand
    (`set`, `set_exception`), also by an actor that it was sent to: the first value wins. `promise.py` says how it travels.

    Attributes:
        done: whether it is resolved. `outcome` is set before, so that a thread that sees the one may read the other.
        port: of the thread that asked, whose mailbox the answer comes to; None if nobody asked.
        asked: the question, NOT_ASKED if there is none.
    """

    # The state of a new future, shared by all until it changes: an ask makes one, and setting a dozen attributes each time
    # costs as much as everything else about making it (tests/bench/runtime_messages.py).
    done = False
    outcome: Outcome | None = None
    _waiters: Waiters | None = None
    _sources: tuple[pykka.Future[Any], ...] = ()
    port: here.Port | None = None
    asked: Ask = NOT_ASKED
    journey: Journey | None = None  # from the moment it is pickled for the first time

    _get_hook: Any = None  # Pykka's attribute; its constructor is called only when there is a hook

    def __init__(self) -> None:
        # Whoever pops the one item resolves the future. `list.pop` is atomic, several threads may try at once, and a lock
        # costs ten times as much.
        self._claims = [None]

    def __repr__(self) -> str:
        return f"<Future {'done' if self.done else 'pending'}>"

    def __reduce__(self) -> Departure:
        """Raises: TypeError, when it is pending and no actor system runs here."""
        if self._get_hook is not None:
            return _arrive_hooked, (self._get_hook, self._sources)
        # One that is resolved takes its value along, and its receiver has no question to ask. If it is resolved just after
        # this line, the receiver asks, and is answered at once.
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

    def get(self, *, timeout: float | None = None) -> T:
        """The answer. An exception is raised, a remote one with its remote traceback as the cause.

        Raises: Timeout, when there is no answer after `timeout` seconds; AskCycleError; ActorDeadError.
        """
        return self.get_until(ends_at(timeout), timeout)

    def get_until(self, until: float | None, timeout: float | None) -> T:
        """As `get`, until a point in time. `ask` uses it, which has spent some of its timeout on waiting for room.

        Args: until, monotonic seconds; timeout, what the caller had given, for the text of the error.
        """
        if self._get_hook is not None:
            hooked: T = super().get(timeout=_left(until))
            return hooked
        if not self.done and not wait_for(self, until):
            raise Timeout(f"{timeout} seconds")
        assert self.outcome is not None
        value: T = self.outcome.get()
        return value if self.journey is None else cast("T", self.journey.value(value))

    @property
    def waiters(self) -> Waiters:
        """The record of those who wait for it, made when the first one does."""
        with CLAIMING:  # two threads that begin to wait at once must not make one each
            if self._waiters is None:
                self._waiters = Waiters()
            return self._waiters

    def resolve(
        self, value: Any, error: BaseException | None = None, packed: tuple[int, Raw] | None = None
    ) -> bool:
        """Set the outcome here, in this process. Only the first call has an effect. Returns: whether this was the first.

        Args: packed, a message's kind and body in place of value and error, to be unpickled when somebody asks for them.
        """
        try:
            self._claims.pop()
        except IndexError:
            return False
        self.outcome = Outcome(value, error, packed)
        # First this, then the look for waiters; `when_done` adds itself first and then looks at this. So one of the two
        # threads sees the other.
        self.done = True
        if self._waiters is not None:
            self._waiters.tell()
        if self.journey is not None:
            self.journey.let_go(self)
        return True

    def set(self, value: T | None = None) -> None:
        """Set the value. Those who have received the future elsewhere get copies of it.

        Raises:
            queue.Full: it has a value already, as far as this process knows. If it was made elsewhere and another value
                arrives there first, this one is dropped there and counted as a dead letter.
            ActorDeadError: its system has ended.
            Exception: whatever pickling the value raises.
        """
        if self._get_hook is not None or not self._settle(value, None):
            raise queue.Full

    def _settle(self, value: Any, error: BaseException | None) -> bool:
        if self.journey is not None:
            return self.journey.set(self, value, error)
        return self.resolve(value, error)

    def set_exception(self, exc_info: OptExcInfo | BaseException | None = None) -> None:
        """As Pykka's; an exception may be given in place of the triple. Without either, the one that is being handled."""
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
        """Have the value computed by `func(timeout)` when it is first read. Pykka makes `map`, `join` and the like of it.

        Raises: queue.Full, when it has a value; RuntimeError, when it was sent elsewhere.
        """
        if self.done:
            raise queue.Full
        if self.journey is not None:
            raise RuntimeError(
                f"{self} was sent in a message: others wait for a value, and cannot call a hook"
            )
        super().__init__()
        super().set_get_hook(func)

    def cancel(self) -> bool:
        """Stop waiting: `get` raises FutureCancelledError, and a late answer is dropped. Returns: whether it was pending.

        The actor that was asked is told: an ask that it has not begun, it does not begin (docs/topics/deadlines.md). Of a
        future that was made elsewhere this cancels only the waiting here: others may still want the value.
        """
        if not self.resolve(None, FutureCancelledError("cancelled")):
            return False
        if self.journey is None:
            cancel_ask(self.port, self.asked)
        return True

    def then(self, fn: Callable[[Future[T]], object]) -> None:
        """Call `fn(self)` once this future is resolved; it reads the outcome with `get()`.

        Inside an actor `fn` runs as that actor, in its host's loop, never in the middle of a handler.
        Elsewhere it runs in the thread that resolves the future, or in a new one if that thread runs actors, which `fn`
        must not hold up.
        """
        host = here.host()
        if host is None or (cell := host.cell) is None:
            self.when_done(lambda: _call_outside(fn, self))
        else:
            self.when_done(lambda: host.call_soon(cell, fn, self))

    def when_done(self, callback: Callable[[], object]) -> None:
        """Have `callback()` called by the thread that resolves the future. It must be quick, and safe in any thread.

        A future with a hook counts as resolved once those are that it is derived from: nothing more comes, it is to be read.
        """
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
            if self.is_ready():  # another thread resolved it in between, perhaps without seeing us
                waiters.call()

    @property
    def error(self) -> BaseException | None:
        """The exception it was resolved with, if any."""
        return None if self.outcome is None else self.outcome.error

    def follow(self, source: Future[Any], finish: Callable[[], object]) -> None:
        """Have `finish` called once `source` is resolved; it is to resolve this future.

        Whoever waits for this one then reads the mailbox that the source's answer comes to, and is seen by the detection of
        deadlocks as waiting for the source.
        """
        self.port, self.asked = source.port, source.asked
        source.when_done(finish)

    def rest(self) -> None:
        """The source has come to nothing, and `follow` will name another one. Until then its mailbox is still read."""
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

        # The timeout is for all of them together; Pykka's own `join` gives it to each in turn.
        def get(timeout: float | None) -> list[Any]:
            until = ends_at(timeout)
            return [future.get(timeout=_left(until)) for future in (self, *futures)]

        joined.set_get_hook(get)
        return _derived(self, joined, *futures)

    def map(self, func: Callable[[T], M]) -> Future[M]:
        return _derived(self, super().map(func))

    def reduce(self, func: Callable[[Any, Any], Any], *args: Any) -> Future[Any]:
        return _derived(self, super().reduce(func, *args))  # type: ignore[misc]  # as filter

    def derived_from(self, sources: tuple[pykka.Future[Any], ...]) -> Future[T]:
        """Note what its hook will read, so that it is ready, and can be awaited, when these are."""
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
                # A task that was cancelled leaves nothing behind: if it was the last one that waited, the future need not
                # be kept on its account.
                if not self.done and self.waiters.drop(wake) and self.journey is not None:
                    self.journey.let_go(self)
        return self.get(timeout=0)

    __iter__ = __await__


def _left(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())


ProcessFuture = Future  # named like Pykka's ThreadingFuture


def _call_outside(fn: Callable[[Future[Any]], object], future: Future[Any]) -> None:
    if here.host() is None:
        fn(future)
    else:  # this thread runs actors, and must go on
        threading.Thread(target=fn, args=(future,), name="future", daemon=True).start()


class _HostWaker:
    """Wakes a host that waits at its mailbox, with a message there: nothing else ends that wait. Has an event's `set`."""

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
    """How a future with a hook is unpickled: it has brought the function, which is called here, and the futures it reads."""
    future: Future[Any] = Future()
    future.set_get_hook(hook)
    return future.derived_from(sources)


def wait_for(future: Future[Any], until: float | None) -> bool:
    """Wait in the way that fits the calling thread (see above). Returns: False when it is not resolved by then.

    Args: until, monotonic seconds.
    Raises: ActorDeadError, when it never will be.
    """
    if future.journey is not None:
        future.journey.begin(future)
    if future.port is not None and future.port.closed and not future.done:
        future.port.check_open()  # raises in a forked child, where the answer comes to the parent
    if future.port is not None and future.port.is_mine():
        return future.port.wait_for(future, _left(until))
    host = here.host()
    if host is not None:  # its other actors must go on: the value may come from one of them
        with future.waiters.woken(_HostWaker(host.port)):
            return host.port.wait_for(future, _left(until))
    event = threading.Event()
    with future.waiters.woken(event):
        while not future.done:
            left = FOREIGN_SLICE_S if until is None else min(FOREIGN_SLICE_S, until - time.monotonic())
            if left <= 0:
                return False
            port = future.port
            # It was sent elsewhere meanwhile, or the thread has ended whose question was to bring the value: ask ourselves.
            if port is None and future.journey is not None:
                future.journey.begin(future)
            if port is None or not port.reader.read_for(lambda: future.done, left):
                event.wait(left)
    return True


def wait_quietly(future: Future[Any]) -> None:
    """Read the mailbox that the answer comes to, until it is there, or until the mailbox is closed."""
    with contextlib.suppress(ActorDeadError):
        wait_for(future, None)


def _derived(future: pykka.Future[Any], derived: pykka.Future[M], *others: pykka.Future[Any]) -> Future[M]:
    return cast("Future[M]", derived).derived_from((future, *others))


def _leaves(future: Future[Any]) -> list[Future[Any]]:
    """The futures at the root of this one: those whose answers come in messages. Itself, if it is derived from none."""
    sources = future._sources  # noqa: SLF001 - of this module's own class
    if not sources:
        return [future]
    return [leaf for source in sources if isinstance(source, Future) for leaf in _leaves(source)]
