"""Futures that travel: a future sent in a message, an argument or an answer can be set and read where it arrives.

A future has one home, the process that it was made in. What arrives elsewhere is a guest: setting it sends the value home,
reading it asks there, and is answered once the future is resolved. The first value that comes home is the one. Back at home
a guest is the future itself again. A home is found by the mailbox of its process's loop, which reads on whatever the
program's threads are at; a future takes a number there when it is pickled for the first time, and costs nothing before.

    maker                      home's loop                     holder
    pickled: number n  ------------ (system, address, n) ----->  guest
    resolved           <------------ SET n, or SET_FAILED ----   set, set_exception
                                     READ n               <----  get, await, then
                                     REPLY, FAIL, DEAD    ---->  once it is resolved
"""

from __future__ import annotations

import contextlib
import pickle
import threading
import weakref
from itertools import count
from typing import Any, NamedTuple, Protocol, cast

from peerage.actors.runtime.errors import ActorDeadError, LimitReachedError
from peerage.actors.runtime.limits import Purpose
from peerage.actors.runtime.mail import codec, here, systems
from peerage.actors.runtime.mail.codec import PLAIN
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.future import Departure, Future, wait_quietly
from peerage.actors.runtime.mail.host_table import HostTable, serial_of
from peerage.actors.runtime.mail.memory import Raw
from peerage.actors.runtime.mail.outcome import State, pack, pack_outcome
from peerage.actors.runtime.mail.waiters import CLAIMING


class Opener(Protocol):
    """Sees to it that there is a way to an address."""

    def open(self, address: int, purpose: Purpose) -> None:
        """Raises: LimitReachedError."""


class Questions(Protocol):
    """Asks other processes."""

    def ask_about(self, future: Future[Any], address: int, kind: int, number: int) -> None:
        """Ask about the thing with this number; the future is the answer."""


class Port(here.Port, Protocol):
    """A port, by which futures are set and read."""

    @property
    def table(self) -> HostTable: ...

    @property
    def purpose(self) -> Purpose: ...

    @property
    def outbox(self) -> Opener: ...

    def send(
        self, address: int, kind: int, corr: int = 0, *, target: bytes = b"", body: Raw = b""
    ) -> None: ...

    @property
    def requests(self) -> Questions: ...

    def count_dead_letters(self, key: str, messages: int) -> None: ...


class Host(here.Host, Protocol):
    """A loop whose port is one of those."""

    @property
    def port(self) -> Port: ...


class Home(NamedTuple):
    """Where a future is at home: the system, the mailbox of a process's loop, a number there."""

    system: str
    address: int
    number: int

    def __str__(self) -> str:
        return f"future {self.number} of process {serial_of(self.address)}"


class Promises:
    """The travelled futures of one process."""

    def __init__(self, process: here.Process) -> None:
        self._process = process
        self._numbers = count(1)
        self._made: weakref.WeakValueDictionary[int, Future[Any]] = weakref.WeakValueDictionary()
        self._held: weakref.WeakValueDictionary[tuple[here.Host | None, Home], Future[Any]] = (
            weakref.WeakValueDictionary()
        )
        self._kept: set[Future[Any]] = set()  # made here and not resolved: somebody waits for them

    # Leaving and arriving

    def register(self, future: Future[Any]) -> Home:
        """Give a future of this process its number."""
        main = self._process.main
        assert main is not None
        with CLAIMING:
            if future.journey is not None:  # another thread is sending it too
                return cast("Home", future.journey.home)
            home = Home(self._process.system, main.port.address, next(self._numbers))
            future.journey = AtHome(home, self)
            self._made[home.number] = future
            if future.waiters:
                self.keep(future)
        return home

    def arrived(self, home: Home) -> Future[Any]:
        """The future itself where it is at home, else the guest that stands for it here."""
        place = isolated_host()
        main = self._process.main
        if main is not None and home.address == main.port.address:
            made = self._made.get(home.number)
            if made is not None and made.journey is not None and made.journey.place is place:
                return made
        with CLAIMING:
            guest = self._held.get((place, home))
            if guest is None:
                guest = Future()
                guest.journey = Guest(home)
                self._held[place, home] = guest
        return guest

    def keep(self, future: Future[Any]) -> None:
        """Somebody waits for it: it stays until it is resolved, though its maker may have let go of it."""
        self._kept.add(future)
        if future.done:
            self._kept.discard(future)

    def let_go(self, future: Future[Any]) -> None:
        self._kept.discard(future)

    # What holders send

    def on_set(self, port: Port, kind: int, number: int, body: Raw) -> None:
        """An outcome comes home: a value (REPLY) or an exception (FAIL). Who reads it unpickles it, not this loop."""
        future = self._made.get(number)
        if future is None or not future.resolve(None, packed=(kind, body)):
            # Nobody wants it any more, or another was quicker.
            port.count_dead_letters(str(Home("", port.address, number)), 1)
        elif future.port is not None:
            port.wake(future.port.address)  # it was asked for there: who waits looks again

    def on_read(self, host: Host, source: int, corr: int, number: int) -> None:
        future = self._made.get(number)
        if future is None:
            text = b"is not kept any more where it was made"
            host.port.send(source, Kind.DEAD, corr, target=b"it", body=text)
            return
        future.when_done(lambda: host.call_threadsafe(None, _answer, host.port, future, source, corr))
        try:
            _read_for_its_thread(future)
        except RuntimeError as error:  # no thread can be started
            host.port.send(source, Kind.FAIL, corr, body=codec.encode_failure(error))

    # The end

    def close(self) -> None:
        """The system has ended: nobody can set any of them from afar."""
        for future in [*self._made.values(), *self._held.values()]:
            future.resolve(None, ActorDeadError("the actor system has shut down"))


def isolated_host() -> here.Host | None:
    """The host of the calling thread, if it is isolated from the other threads of its process; None for these."""
    host = here.host()
    return None if host is None or here.process is None or host is here.process.main else host


def _answer(port: Port, future: Future[Any], source: int, corr: int) -> None:
    try:
        assert future.outcome is not None
        kind, body = future.outcome.as_message()
    except Exception as error:
        kind, body = Kind.FAIL, codec.encode_failure(error)
    port.send(source, kind, corr, body=body)


def _read_for_its_thread(future: Future[Any]) -> None:
    """A thread that asked need not be reading its mailbox: somebody else does, while the answer is wanted elsewhere."""
    port = future.port
    journey = future.journey
    if future.done or port is None or port.is_read_by_loop or journey is None or journey.is_read:
        return
    journey.is_read = True
    threading.Thread(target=wait_quietly, args=(future,), name="future", daemon=True).start()


class AtHome:
    """What a future that has left is to its maker. Its value belongs to one actor, or to all that is none."""

    is_read = False  # somebody reads its mailbox on behalf of the thread that asked

    def __init__(self, home: Home, promises: Promises) -> None:
        self.home, self._promises = home, promises
        self.place = isolated_host()
        self._owner = here.actor()

    def departure(self, state: State | None) -> Departure:
        return _departure(self.home, state)

    def begin(self, future: Future[Any]) -> None:
        """Before somebody waits for it. Raises: ActorDeadError, where nobody could set it any more."""
        _check(self.home)

    def keep(self, future: Future[Any]) -> None:
        self._promises.keep(future)

    def let_go(self, future: Future[Any]) -> None:
        self._promises.let_go(future)

    def set(self, future: Future[Any], value: Any, error: BaseException | None) -> bool:
        _check(self.home)
        if error is None:
            value = own_copy(value)  # others will read it, and who set it may go on changing it
        return future.resolve(value, error)

    def value(self, value: Any) -> Any:
        return value if here.actor() is self._owner else own_copy(value)


class Guest:
    """What stands for a future away from its home."""

    is_read = False

    def __init__(self, home: Home) -> None:
        self.home = home
        self.place = isolated_host()
        self._owner = here.actor()
        self._question: Future[Any] | None = None
        self._own: tuple[int, Raw] | None = None  # what was set here, packed

    def departure(self, state: State | None) -> Departure:
        return _departure(self.home, state)

    def begin(self, future: Future[Any]) -> None:
        """Ask at home, once. Raises: ActorDeadError, when its system has ended or is another; LimitReachedError."""
        port = _port_of(self.home)
        with CLAIMING:
            if self._question is not None or future.done:
                return
            question: Future[Any] = Future()
            self._question = question
        self._ask(future, question, port)

    def _ask(self, future: Future[Any], question: Future[Any], port: Port) -> None:
        port.requests.ask_about(question, self.home.address, Kind.READ, self.home.number)
        if isinstance(
            question.error, LimitReachedError
        ):  # it has not been asked, and may be once there is room
            self._question = None
            raise question.error
        future.follow(question, lambda: self._finish(future, question))

    def _finish(self, future: Future[Any], question: Future[Any]) -> None:
        error = question.error
        if error is None:
            future.resolve(question.get())
            return
        process = here.process
        port = question.port
        if port is not None and port.closed and process is not None and not process.closed:
            # The thread that asked has ended: that says nothing about the future.
            future.port, self._question = None, None
            if future.waiters and process.main is not None:
                again: Future[Any] = Future()
                self._question = again
                with contextlib.suppress(LimitReachedError):  # threads that wait try again
                    self._ask(future, again, cast("Port", process.main.port))
            return
        if not isinstance(error, ActorDeadError) or error.__cause__ is not None:
            future.resolve(None, error)
        elif self._own is not None:
            future.resolve(None, packed=self._own)  # that another was quicker, nobody can say any more
        else:
            future.resolve(None, ActorDeadError(f"{self.home}: {error}"))

    def keep(self, future: Future[Any]) -> None:
        """Its question does."""

    def let_go(self, future: Future[Any]) -> None:
        pass

    def set(self, future: Future[Any], value: Any, error: BaseException | None) -> bool:
        port = _port_of(self.home)
        outcome = kind, body = pack_outcome(value, error)
        if port.address != self.home.address:
            port.outbox.open(self.home.address, port.purpose)
        with CLAIMING:
            if future.done or self._own is not None:
                return False
            self._own = outcome
        if port.table.is_dead(serial_of(self.home.address)):
            port.count_dead_letters(str(self.home), 1)
        else:
            port.send(
                self.home.address,
                Kind.SET if kind == Kind.REPLY else Kind.SET_FAILED,
                self.home.number,
                body=body,
            )
        return True

    def value(self, value: Any) -> Any:
        return value if here.actor() is self._owner else own_copy(value)


def own_copy(value: Any) -> Any:
    return value if type(value) in PLAIN else pickle.loads(pack(value))


def _check(home: Home) -> None:
    process = here.process
    if process is None or process.closed or process.system != home.system:
        raise ActorDeadError(f"{home} {systems.whereabouts(home.system).text}")


def _port_of(home: Home) -> Port:
    _check(home)
    return cast("Port", here.port())


# Pickling


def _departure(home: Home, state: State | None) -> Departure:
    """How a future is pickled that has this home, and was resolved if there is a state."""
    return (arrive, tuple(home)) if state is None else (arrive, tuple(home), state)


def arrive(system: str, address: int, number: int) -> Future[Any]:
    """How a future is unpickled."""
    home = Home(system, address, number)
    process = here.process
    if process is not None and not process.closed and process.system == system:
        return cast("Future[Any]", process.promises.arrived(home))
    stranger: Future[Any] = Future()
    stranger.journey = Guest(home)
    return stranger
