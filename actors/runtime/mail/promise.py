"""Futures that travel: a future sent in a message, an argument or an answer can be set and read where it arrives.

A future has one home, the process that it was made in. What arrives elsewhere is a guest: setting it sends the value home,
reading it asks there, and is answered once the future is resolved. The first value that comes home is the one. Back at home
a guest is the future itself again. Homes are addressed by the mailbox of their process's loop, which is read whatever the
program's threads are doing; that of the thread that made the future would be read only while it waits for something. A
future gets a number there when it is pickled for the first time, and costs nothing before.

    maker                      home's loop                     holder
    pickled: number n  ------------ (system, address, n) ----->  guest
    resolved           <------------ SET n, or SET_FAILED ----   set, set_exception
                                     READ n               <----  get, await, then
                                     REPLY, FAIL, DEAD    ---->  once it is resolved

Home does not know who holds guests, and guests do not say when they are dropped: counting references across processes would
take a message for each copy. So home keeps a future only as long as its maker does or somebody waits for it, and a guest
whose future is gone finds that out when it asks. Why so, and what else was considered: docs/decisions/0030.
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
    """Opens connections to other mailboxes."""

    def open(self, address: int, purpose: Purpose) -> None:
        """Make sure that there is one. Raises: LimitReachedError."""


class Questions(Protocol):
    """Asks other processes."""

    def ask_about(self, future: Future[Any], address: int, kind: int, number: int) -> None:
        """Ask about the thing with this number; `future` gets the answer."""


class Port(here.Port, Protocol):
    """What of a port it takes to set and read futures that are elsewhere."""

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
    """A loop of actors, or the root."""

    @property
    def port(self) -> Port: ...


class Home(NamedTuple):
    """Where a future is at home: the system, the mailbox of a process's loop, a number there. It identifies the future."""

    system: str
    address: int
    number: int

    def __str__(self) -> str:
        return f"future {self.number} of process {serial_of(self.address)}"


class Promises:
    """The futures of one process that have left it or come to it. All its threads use it; CLAIMING guards what they add."""

    def __init__(self, process: here.Process) -> None:
        self._process = process
        self._numbers = count(1)
        # Those that are at home here, by number, and the guests. A guest is one object for each place that is isolated from
        # others, so that two messages with the same future bring the same object to one actor's host.
        self._made: weakref.WeakValueDictionary[int, Future[Any]] = weakref.WeakValueDictionary()
        self._held: weakref.WeakValueDictionary[tuple[here.Host | None, Home], Future[Any]] = (
            weakref.WeakValueDictionary()
        )
        # At home here and pending, with somebody who waits: not to be collected.
        self._kept: set[Future[Any]] = set()

    # Leaving and arriving

    def register(self, future: Future[Any]) -> Home:
        """Give a future of this process its number, with which it can leave."""
        main = self._process.main
        assert main is not None
        with CLAIMING:
            if future.journey is not None:  # another thread is sending it too
                return cast("Home", future.journey.home)
            home = Home(self._process.system, main.port.address, next(self._numbers))
            future.journey = AtHome(home, self)
            self._made[home.number] = future
            if future.waiters:  # they came before, when there was nobody to tell
                self.keep(future)
        return home

    def arrived(self, home: Home) -> Future[Any]:
        """What a future is unpickled as: itself where it is at home, otherwise the guest that stands for it here.

        An actor in a thread of the home process gets a guest as well: it must not share objects with its neighbours.
        """
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
        """Somebody waits for it: keep it until it is resolved, even if its maker drops it."""
        self._kept.add(future)
        if future.done:  # resolved in between, by a thread that called `let_go` before this was added
            self._kept.discard(future)

    def let_go(self, future: Future[Any]) -> None:
        """It is resolved, or nobody waits any more."""
        self._kept.discard(future)

    # What holders send

    def on_set(self, port: Port, kind: int, number: int, body: Raw) -> None:
        """An outcome comes home: a value (REPLY) or an exception (FAIL).

        It stays packed until somebody reads it. This loop serves the whole process, and unpickling may take long, or run
        the program's own code.
        """
        future = self._made.get(number)
        if future is None or not future.resolve(None, packed=(kind, body)):
            # Nobody wants it any more, or another value was first. Its setter cannot be told: it does not wait.
            port.count_dead_letters(str(Home("", port.address, number)), 1)
        elif future.port is not None:
            # The future of an ask that somebody set by hand: the thread that asked sleeps at its mailbox, not as a waiter.
            port.wake(future.port.address)

    def on_read(self, host: Host, source: int, corr: int, number: int) -> None:
        """A guest asks for the outcome, and is answered when there is one: by this loop, whichever thread resolves it."""
        future = self._made.get(number)
        if future is None:
            text = b"is not kept any more where it was made"
            host.port.send(source, Kind.DEAD, corr, target=b"it", body=text)
            return
        future.when_done(lambda: host.call_threadsafe(None, _answer, host.port, future, source, corr))
        try:
            _read_for_its_thread(future)
        except RuntimeError as error:  # no thread can be started: the guest must not wait for ever
            host.port.send(source, Kind.FAIL, corr, body=codec.encode_failure(error))

    # The end

    def close(self) -> None:
        """The system has ended: fail those that are pending, since nobody can set them from elsewhere any more."""
        for future in [*self._made.values(), *self._held.values()]:
            future.resolve(None, ActorDeadError("the actor system has shut down"))


def isolated_host() -> here.Host | None:
    """The host that runs in the calling thread, unless it is the process's main one: it must not share objects with others.

    None for the main loop and for threads that run no actors, which may all hold the same future.
    """
    host = here.host()
    return None if host is None or here.process is None or host is here.process.main else host


def _answer(port: Port, future: Future[Any], source: int, corr: int) -> None:
    """Tell a guest the outcome. A value that cannot be pickled fails there, where its reader can see it."""
    try:
        assert future.outcome is not None
        kind, body = future.outcome.as_message()
    except Exception as error:
        kind, body = Kind.FAIL, codec.encode_failure(error)
    port.send(source, kind, corr, body=body)


def _read_for_its_thread(future: Future[Any]) -> None:
    """Have a thread read the mailbox that the answer to an ask comes to, since a guest wants it.

    The thread that has asked may be busy with anything, and perhaps waits for nothing. A loop reads its mailbox anyway. One
    thread is enough for each future.
    """
    port = future.port
    journey = future.journey
    if future.done or port is None or port.is_read_by_loop or journey is None or journey.is_read:
        return
    journey.is_read = True
    threading.Thread(target=wait_quietly, args=(future,), name="future", daemon=True).start()


class AtHome:
    """The journey of a future that has left, at its home.

    The value as it was resolved belongs to the actor that sent the future off first, or to the program's threads together.
    Everybody else in this process gets a copy: actors share nothing, even in one host.
    """

    is_read = False  # somebody reads its mailbox on behalf of the thread that asked

    def __init__(self, home: Home, promises: Promises) -> None:
        self.home, self._promises = home, promises
        self.place = isolated_host()
        self._owner = here.actor()

    def departure(self, state: State | None) -> Departure:
        return _departure(self.home, state)

    def begin(self, future: Future[Any]) -> None:
        """Somebody is about to wait. Raises: ActorDeadError, in a forked child or after the system's end."""
        _check(self.home)

    def keep(self, future: Future[Any]) -> None:
        self._promises.keep(future)

    def let_go(self, future: Future[Any]) -> None:
        self._promises.let_go(future)

    def set(self, future: Future[Any], value: Any, error: BaseException | None) -> bool:
        _check(self.home)
        if error is None:
            value = own_copy(value)  # others will read it, and its setter may go on changing the object
        return future.resolve(value, error)

    def value(self, value: Any) -> Any:
        return value if here.actor() is self._owner else own_copy(value)


class Guest:
    """The journey of what stands for a future away from its home.

        nothing asked ── begin ──> asked ──> resolved by home's answer
                          ↑          └────── the thread that asked has ended: another one asks, if somebody still waits

    Setting it does not resolve it. Another value may have been first, and every reader must get the same one: so whoever
    reads after having set asks at home too. The own value is used only if home is gone and cannot contradict.
    """

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
        """Somebody is about to wait: ask at home, once for all who do.

        Raises: ActorDeadError, when its system has ended or is another; LimitReachedError.
        """
        port = _port_of(self.home)
        with CLAIMING:  # of several threads one asks; the question itself is sent without the lock
            if self._question is not None or future.done:
                return
            question: Future[Any] = Future()
            self._question = question
        self._ask(future, question, port)

    def _ask(self, future: Future[Any], question: Future[Any], port: Port) -> None:
        port.requests.ask_about(question, self.home.address, Kind.READ, self.home.number)
        # It was not sent. That says nothing about the future, and whoever waits next may find room.
        if isinstance(question.error, LimitReachedError):
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
            # The thread that asked has ended, and its mailbox with it; the future may well be pending. If others wait, the
            # process's loop asks for them: it stays as long as the process does.
            future.port, self._question = None, None
            if future.waiters and process.main is not None:
                again: Future[Any] = Future()
                self._question = again
                with contextlib.suppress(LimitReachedError):  # threads that wait try again themselves
                    self._ask(future, again, cast("Port", process.main.port))
            return
        # With a remote cause the error is the future's value, even if it is an ActorDeadError: somebody has set it.
        if not isinstance(error, ActorDeadError) or error.__cause__ is not None:
            future.resolve(None, error)
        elif self._own is not None:
            future.resolve(None, packed=self._own)  # nobody can say any more whether another was first
        else:
            future.resolve(None, ActorDeadError(f"{self.home}: {error}"))

    def keep(self, future: Future[Any]) -> None:
        """Nothing to do: its question, which the port keeps until it is answered, refers to it."""

    def let_go(self, future: Future[Any]) -> None:
        pass  # as above

    def set(self, future: Future[Any], value: Any, error: BaseException | None) -> bool:
        """Send the value home. Everything that may raise comes first: a `set` that fails must not count as the first."""
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
    """The value as if it had come in a message. What cannot change is not copied."""
    return value if type(value) in PLAIN else pickle.loads(pack(value))


def _check(home: Home) -> None:
    """Raises: ActorDeadError, when the system of a future does not run in this process."""
    process = here.process
    if process is None or process.closed or process.system != home.system:
        raise ActorDeadError(f"{home} {systems.whereabouts(home.system).text}")


def _port_of(home: Home) -> Port:
    _check(home)
    return cast("Port", here.port())


# Pickling


def _departure(home: Home, state: State | None) -> Departure:
    """The pickled form of a future with this home: its state, if it is resolved, is set when it has arrived."""
    return (arrive, tuple(home)) if state is None else (arrive, tuple(home), state)


def arrive(system: str, address: int, number: int) -> Future[Any]:
    """How a future is unpickled. Pickles name this function, so it must stay where it is.

    Outside its system a future can still arrive, say from a file: then waiting for it raises, unless its value came along.
    """
    home = Home(system, address, number)
    process = here.process
    if process is not None and not process.closed and process.system == system:
        return cast("Future[Any]", process.promises.arrived(home))
    stranger: Future[Any] = Future()
    stranger.journey = Guest(home)
    return stranger
