"""How an actor is started: where it lives, with which options, and what its starter gets to know.

Whatever the place, the class and its arguments travel as one packed `StartRequest` to the host, which answers when
`on_start` has returned:

    PROCESS   SPAWN to the root, which makes the host and passes the request on to it; the host answers the starter
    THREAD    RESERVE of a serial from the root, a host in a new thread under that serial, then START to it
    a host    START to it
    HERE      a call: no message is sent, and no other thread takes part

`start` waits for each answer, `start_nowait` has the loop of its host go on with each.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from enum import Enum
from itertools import count
from typing import Any, Generic, TypeVar

from peerage.actors.runtime.errors import (
    ActorDeadError,
    ActorStartError,
    ForeignRefError,
    LimitReachedError,
    StartLimitError,
    Timeout,
)
from peerage.actors.runtime.held_start import HeldStart
from peerage.actors.runtime.host import starting
from peerage.actors.runtime.host.hooks import refuse_async
from peerage.actors.runtime.host.host import Host
from peerage.actors.runtime.host.hosted import HostedActor
from peerage.actors.runtime.host.instruments import packed_setup
from peerage.actors.runtime.host.start_request import Endowment, StartRequest
from peerage.actors.runtime.limits import PROCESS_COST, Purpose, lack_of_descriptors
from peerage.actors.runtime.log import signature
from peerage.actors.runtime.mail import codec, here, pickling
from peerage.actors.runtime.mail.class_path import NamedClass, path_of
from peerage.actors.runtime.mail.definitions import EVERYTHING
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import ROOT_ADDRESS, ROOT_SERIAL, THREAD_BITS
from peerage.actors.runtime.mail.process import (
    Process,
    asking_port,
    current_host,
    current_port,
    current_process,
)
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.pending_start import PendingStart, as_start_error
from peerage.actors.runtime.processes.host_records import SYSTEM_ENDS
from peerage.actors.runtime.processes.passed_fds import pass_fds
from peerage.actors.runtime.processes.requests import Reservation, SpawnRequest
from peerage.actors.runtime.registration import register
from peerage.actors.runtime.system import System
from peerage.actors.runtime.thread_start import check_bound, give_back, launch_thread

A = TypeVar("A", bound=HostedActor)

# Descriptors of an actor in a thread: a loop, a mailbox, connections to the root and to its starter.
THREAD_COST = 8
DEFAULT_START_TIMEOUT_S = 30.0
LONGEST_NAME = 1024  # bytes


class Place(Enum):
    """Where an actor may live."""

    PROCESS = "process"  # a host process of its own
    THREAD = "thread"  # a host in a thread of the calling process
    HERE = "here"  # the calling actor's own host


PROCESS = Place.PROCESS
THREAD = Place.THREAD
HERE = Place.HERE


_names = count(1)  # for generated names; with the serial of this process they are unique in the system


class NamedActorClass(NamedClass):
    """What the root must know of a class that nobody here has imported."""

    __slots__ = ()
    stops_others = False


class Starter(Generic[A]):
    """A class and the options to start it with. It can start any number of actors if their names are generated."""

    def __init__(
        self,
        cls: type[A] | NamedActorClass,
        name: str | None,
        place: Place | str | ActorRef[Any],
        host: str | None,
        fds: dict[str, int],
        extra: Any,
        keep: bool,
        start_timeout: float,
        linked_to: ActorRef[Any] | None,
        log_setup: Callable[[], None] | None,
        by_reference: bool = False,
        fresh: bool = False,
    ) -> None:
        if isinstance(cls, type):
            refuse_async(cls)
        _check_name("name", name)
        _check_name("host", host)
        self._by_reference, self._fresh = by_reference, fresh
        self._class, self._name, self._place, self._host = cls, name, place, host
        self._fds, self._keep, self._timeout, self._linked_to = fds, keep, start_timeout, linked_to
        self._log_setup = b"" if log_setup is None else packed_setup(log_setup)
        # A process is killed by the root when its owner has ended, which works whatever the actor is busy with. Elsewhere
        # there are neighbours to spare: the actor watches its owner itself, and stops.
        self._extra, self._owner = extra, None if place is Place.PROCESS else linked_to

    def start(self, *args: Any, **kwargs: Any) -> ActorRef[A]:
        """Start the actor; returns once its constructor and `on_start` are done.

        Raises: what these raised, with the remote traceback as cause; ActorStartError when the
            name is taken, the host died, `start_timeout` passed, or the actor it is linked to has ended.
        """
        process, name = self._prepare()
        if self._place is Place.HERE:
            return self._start_here(name, args, kwargs)
        return self._start_elsewhere(process, name, self._body(name, args, kwargs), None)

    def named(self, name: str) -> Starter[A]:
        """The same options with another name, for those who start many actors of a kind."""
        _check_name("name", name)
        other: Starter[A] = object.__new__(type(self))
        other.__dict__ = {**self.__dict__, "_name": name}
        return other

    def hold(self) -> HeldStart[ActorRef[A]]:
        """Have the process made that the actor will run in, and return meanwhile: for those who start several actors in
        turn, whose processes need not wait for each other. The `start` of what is returned is as this class's.

        Raises: as `start`; ValueError, where the actor is to have no process of its own.
        """
        if self._place is not Place.PROCESS:
            raise ValueError(f"only an actor in a process of its own can be held, not one in {self._place}")
        process, name = self._prepare()
        held = self._spawn(process, name, b"", time.monotonic() + self._timeout, is_held=True)

        def kill() -> None:
            with contextlib.suppress(ActorDeadError):  # the system has ended, and the host with it
                self._give_up(held)

        def go_on(*args: Any, **kwargs: Any) -> ActorRef[A]:
            try:
                body = self._body(name, args, kwargs)
            except BaseException:  # arguments that cannot be sent
                kill()
                raise
            return self._start_elsewhere(process, name, body, held)

        return HeldStart(go_on, kill)

    def _start_elsewhere(
        self, process: Process, name: str, body: bytes, held: Future[Any] | None
    ) -> ActorRef[A]:
        until = time.monotonic() + self._timeout
        answer = held
        try:
            if held is not None:
                asking_port(held).send(ROOT_ADDRESS, Kind.RELEASE, held.asked.number, body=body)
            elif self._place is Place.PROCESS:
                answer = self._spawn(process, name, body, until)
            elif self._place is Place.THREAD:
                answer = self._start_thread(process, name, body, until)
            else:
                answer = self._start_in_host(process, name, body)
            assert answer is not None
            serial = answer.get_until(until, self._timeout)
        except Timeout:
            # A Timeout of the actor itself, from its constructor or `on_start`, comes with the answer: it is no late start.
            if answer is not None and answer.is_ready():
                raise
            if answer is not None:
                self._give_up(answer)
            raise ActorStartError(name, self._no_answer(name)) from None
        except ActorDeadError as error:
            told = as_start_error(name, error)
            if told is error:
                raise  # as it is, with its own cause
            # How far the end had come when it met this start depends on the machine; what it means does not.
            if process.closed:
                told = ActorStartError(name, SYSTEM_ENDS)
            raise told from error
        return self._ref_of(process, name, serial)

    def start_nowait(self, *args: Any, **kwargs: Any) -> PendingStart[ActorRef[A], Future[ActorRef[A]]]:
        """Begin to start the actor, and return while it starts. For actors: the loop of their host goes on with it.

        With place HERE the actor starts in this call, because it runs in the same thread.

        Returns: the start, whose `outcome` is a future of the ref, or of what `start` would raise; it can be given up.
        Raises: RuntimeError, when no actor is calling.
        """
        loop = current_host()
        if loop is None or loop.cell is None:
            raise RuntimeError("start_nowait() is for actors; elsewhere, call start()")
        outcome: Future[ActorRef[A]] = Future()
        requested: list[Future[Any]] = []  # the request to the root; nothing to kill before it is sent

        def kill() -> None:
            with contextlib.suppress(ActorDeadError):  # the system has ended, and the host with it
                for answer in requested:
                    self._give_up(answer)

        name = self._name or self._class.__name__
        pending: PendingStart[ActorRef[A], Future[ActorRef[A]]] = PendingStart(
            outcome,
            name,
            call_soon=lambda fn: loop.call_soon(None, fn),
            wait=lambda done, timeout: loop.port.wait(done, timeout, nested=True),
            kill=kill,
            late=lambda ref: ref.stop(block=False),
        )
        # None: of the host, not of the calling actor, which may end before the start does.
        timer = loop.loop.call_later(None, self._timeout, pending.expire, self._no_answer(name))
        outcome.when_done(timer.cancel)
        try:
            self._begin(pending, requested, args, kwargs)
        except (Exception, SystemExit) as error:  # SystemExit: of an actor in this very host
            pending.fail(error)
        return pending

    def _begin(
        self,
        pending: PendingStart[ActorRef[A], Any],
        requested: list[Future[Any]],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> None:
        """What `start` does, as a chain of steps that the loop takes: each is called with the answer it has waited for.

        A step that raises fails the start. So the answers are read with `get(timeout=0)`: it raises what they failed with.
        """
        process, name = self._prepare()
        if self._place is Place.HERE:
            pending.came_up(self._start_here(name, args, kwargs))
            return
        body = self._body(name, args, kwargs)

        def came_up(answer: Future[Any]) -> None:
            pending.came_up(self._ref_of(process, name, answer.get(timeout=0)))

        if self._place is Place.PROCESS:
            requested.append(self._spawn(process, name, body, time.monotonic() + self._timeout))
            pending.follow(requested[0], came_up)
        elif self._place is not Place.THREAD:
            pending.follow(self._start_in_host(process, name, body), came_up)
        else:

            def launch(reserved: Future[Any]) -> None:
                serial = reserved.get(timeout=0)
                if pending.is_given_up:  # later a thread cannot be killed, only stopped
                    give_back(reserved)
                    return
                bound = self._launch(process, name, reserved)

                # Only now: what is sent to a host before its mailbox is bound may be dropped, as if it were gone.
                def ask(bound: Future[Any]) -> None:
                    check_bound(name, bound, reserved)
                    pending.follow(_request_start(serial, body), came_up)

                pending.follow(bound, ask)

            pending.follow(self._reserve(name), launch)

    def _prepare(self) -> tuple[Process, str]:
        """Checks that come before anything is made. Returns: this process's part in the system, the actor's name.

        Raises: ActorStartError, StartLimitError.
        """
        if why := starting.refusal():
            raise ActorStartError(self._name or self._class.__name__, why)
        try:
            process = _process()
        except LimitReachedError as error:  # there is no room for a system
            raise StartLimitError(self._name or self._class.__name__, error.limit) from error
        except ActorDeadError as error:  # the system before is still shutting down
            raise ActorStartError(self._name or self._class.__name__, str(error)) from error
        self._check_refs(process)
        return process, self._name or f"{self._class.__name__}-{process.serial}.{next(_names)}"

    def _body(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bytes:
        actor_class = self._class if isinstance(self._class, type) else self._class.to_import()
        # A thread of this process has all definitions already. A new process gets them as they are now, while other messages
        # bring them as they were when first packed. `careful`, since what plain pickle names by its module is imported over
        # there, and that module may be the one that is starting this actor at its top level.
        what = pickling.dumps(
            (actor_class, args, kwargs),
            kept_there=EVERYTHING if self._place is Place.THREAD else (),
            careful=True,
            anew=self._place is Place.PROCESS,
        )
        return StartRequest(name, what, self._extra, self._owner).packed()

    def _ref_of(self, process: Process, name: str, serial: int) -> ActorRef[A]:
        """The ref of the actor, which is up in the host with this serial."""
        # The host has answered this thread, so the connection back exists, and need not be paid for with the first message.
        current_port().outbox.is_answered_by(serial << THREAD_BITS)
        ref: ActorRef[A] = ActorRef(name, self._host_name(name), serial, path_of(self._class), process.system)
        register(process, ref)
        return ref

    def _host_name(self, name: str) -> str:
        """The name of the host that the actor lives in. Args: name, the actor's, which is the default."""
        if isinstance(self._place, ActorRef):
            return self._place.host
        return self._host or name if isinstance(self._place, Place) else str(self._place)

    def _no_answer(self, name: str) -> str:
        return f"no answer from host {self._host_name(name)!r} within {self._timeout} s"

    def _check_refs(self, process: Process) -> None:
        """Raises: ActorStartError, when its place or its owner belongs to another system."""
        for what, ref in (("place", self._place), ("linked_to", self._linked_to)):
            if isinstance(ref, ActorRef):
                try:
                    ref.belong_to(process.system)
                except ForeignRefError as error:
                    raise ActorStartError(self._name or self._class.__name__, f"{what}: {error}") from None

    def _start_here(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> ActorRef[A]:
        """Start in the calling actor's host. The arguments are copied as if they had travelled, so that an actor may change
        its own wherever it is placed. Raises: RuntimeError, when no actor is calling; what the actor raises.
        """
        host = current_host()
        if not isinstance(host, Host) or host.cell is None:
            raise RuntimeError("place HERE means the calling actor's host, and no actor is calling")
        extra = self._extra
        if not self._by_reference and (args or kwargs or extra is not None):
            args, kwargs, extra = codec.copy((args, kwargs, extra))
        fds = {key: os.dup(fd) for key, fd in self._fds.items()}  # the actor will close its own
        assert isinstance(self._class, type)
        return host.start_here(self._class, name, args, kwargs, Endowment(fds, extra, self._owner))

    def _spawn(
        self, process: Process, name: str, body: bytes, until: float, *, is_held: bool = False
    ) -> Future[Any]:
        """Ask the root for a process. Returns: the host's answer. Descriptors go ahead, by a socket of their own: when the
        root reads the request they are in its queue, under the token that the request names.
        """
        host = self._host or name
        token = ""
        # The root checks as well. But where it is in this very process, which has no descriptor left, it could not answer.
        if process.serial == ROOT_SERIAL and (lack := lack_of_descriptors(PROCESS_COST, Purpose.WORK)):
            raise StartLimitError(name, lack)
        if self._fds:
            token = pass_fds(process, name, list(self._fds.values()), until)
        request = SpawnRequest(
            host,
            self._keep,
            name,
            body,
            tuple(self._fds),
            token,
            self._linked_to,
            self._log_setup or process.log_setup,
            dict(signature()),
            self._class.stops_others,
            "" if isinstance(self._class, type) else self._class.module,
            is_held,
            self._fresh,
        )
        return current_port().requests.ask(ROOT_ADDRESS, Kind.SPAWN, tuple(request))

    def _start_thread(self, process: Process, name: str, body: bytes, until: float) -> Future[Any]:
        """Make a host in a thread, waiting for each step. Returns: its answer to the start request."""
        reserved = self._reserve(name)
        try:
            serial = reserved.get_until(until, self._timeout)
        except Timeout:
            reserved.then(give_back)  # the root may still answer: then the name must not stay taken
            raise
        check_bound(name, self._launch(process, name, reserved), reserved)
        return _request_start(serial, body)

    def _reserve(self, name: str) -> Future[Any]:
        """Ask the root for the serial of a host in a thread, which takes the host's name. Raises: StartLimitError."""
        if lack := lack_of_descriptors(THREAD_COST + len(self._fds), Purpose.WORK):
            raise StartLimitError(name, lack)
        reservation = Reservation(
            self._host or name, dict(signature()), self._linked_to, self._class.stops_others
        )
        return current_port().requests.ask(ROOT_ADDRESS, Kind.RESERVE, tuple(reservation))

    def _launch(self, process: Process, name: str, reserved: Future[Any]) -> Future[None]:
        return launch_thread(process, self._host or name, reserved, keep=self._keep, fds=self._fds)

    def _start_in_host(self, process: Process, name: str, body: bytes) -> Future[Any]:
        """Ask a running host. A ref's serial is a hint, for its host may be younger than the news of it in this process."""
        if self._fds:
            raise ValueError(
                "descriptors can be passed to a new process, a thread or HERE, not into another process"
            )
        place = self._place
        host, hint = (place.host, place.serial) if isinstance(place, ActorRef) else (str(place), 0)
        serial = process.table.resolve(host, hint)
        if serial is None:
            raise ActorStartError(name, f"there is no host {host!r}")
        return _request_start(serial, body)

    def _give_up(self, answer: Future[Any]) -> None:
        """Have the root kill the host that is being made for this request, or drop the request if it has not begun.

        It is named by the number of the request, because the host's name may belong to an earlier life that is still ending.
        """
        if self._place is Place.PROCESS and answer.asked.number:
            asking_port(answer).requests.ask(ROOT_ADDRESS, Kind.GIVE_UP, answer.asked.number)


def _check_name(option: str, name: str | None) -> None:
    """Names travel in the headers of messages, as UTF-8 and separated by NUL. Raises: ValueError, for one that cannot."""
    if not name:
        return
    if not isinstance(name, str):
        raise TypeError(f"{option} is {name!r}: text was expected")
    length = len(name.encode(errors="surrogatepass"))  # half a pair is refused below, with a text of its own
    if length > LONGEST_NAME:
        raise ValueError(f"{option} {name[:20]!r}… has {length} bytes, where {LONGEST_NAME} are allowed")
    if "\0" in name or (not name.isascii() and any("\ud800" <= letter <= "\udfff" for letter in name)):
        raise ValueError(f"{option} {name!r}: neither NUL nor half a surrogate pair may stand in it")


def _request_start(serial: int, body: bytes) -> Future[Any]:
    """Ask a host to start an actor. Returns: the host's serial once it is up, or what it raised."""
    return current_port().requests.ask_packed(serial << THREAD_BITS, Kind.START, body)


def _process() -> Process:
    """This process's part in the system, which the first start of an actor creates. Raises: LimitReachedError."""
    if not here.system():
        System.ensure()
    process = current_process()
    assert process is not None
    return process
