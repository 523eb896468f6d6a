"""A small, picklable handle to an actor, valid in every process of its system."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Literal, overload

import pykka
from pykka.messages import _ActorStop

from peerage.actors.runtime.errors import (
    ActorDeadError,
    ForeignRefError,
    LimitReachedError,
    MailboxFullError,
    Timeout,
)
from peerage.actors.runtime.mail import here
from peerage.actors.runtime.mail.actor_path import ActorPath
from peerage.actors.runtime.mail.answer_stream import AnswersInParts
from peerage.actors.runtime.mail.awaiting import answer_within, ask_later, ask_on, fail, tell_later
from peerage.actors.runtime.mail.calls import nothing
from peerage.actors.runtime.mail.class_path import class_of
from peerage.actors.runtime.mail.codec import Encoded, encode
from peerage.actors.runtime.mail.deadlines import Span, ends_at, in_seconds
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import ROOT_ADDRESS
from peerage.actors.runtime.mail.patience import PatientAsk
from peerage.actors.runtime.mail.port import Port
from peerage.actors.runtime.mail.presence import is_there, pid_of
from peerage.actors.runtime.mail.process import current_port, current_process
from peerage.actors.runtime.mail.proxy import ActorProxy, Likeness
from peerage.actors.runtime.mail.scheduled import ScheduledTells
from peerage.actors.runtime.mail.stops import ask_to_stop, when_stopped
from peerage.actors.runtime.mail.telling import tell_if_there, tell_many
from peerage.actors.runtime.mail.typed_actor import TypedActor
from peerage.actors.runtime.mail.window import Fail, WhenFull

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    A_co = TypeVar("A_co", bound=TypedActor, default=Any, covariant=True)
    M = TypeVar("M", default=Any)
    R = TypeVar("R", default=Any)
    V = TypeVar("V", bound=ActorProxy[Any])
else:
    from typing import TypeVar

    A_co = TypeVar("A_co", covariant=True)
    M = TypeVar("M")
    R = TypeVar("R")
    V = TypeVar("V")


class ActorRef(  # type: ignore[type-var]  # Pykka's is invariant
    ActorPath,
    AnswersInParts[A_co],
    ScheduledTells[A_co],
    pykka.ActorRef[A_co],  # type: ignore[type-var]  # to no checker are our actors Pykka's: `typed_actor.py`
):
    """Names one actor: equal by system, host and name, valid again when an actor of that name is back in that host.

    Messages from one thread or actor to one actor arrive in order, each at most once.

    It can be used in the processes of its system, while that runs. Anywhere else (after the system's end, in the next
    system of the same process, in a forked or spawned child) every use fails at once with ForeignRefError, an
    ActorDeadError; `is_alive` is False, a watch fires.
    """

    @classmethod
    def to(cls, name: str, host: str | None = None) -> ActorRef[Any]:
        """A ref by name, without having received it, of the system that runs now, or else the first that it is used in.

        Args: host, defaults to the actor's own name.
        """
        process = here.process
        if process is not None and process.border is not None:
            return ActorRef(*process.border.named(name, host or name))
        return ActorRef(name, host or name)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, self.fields

    def port(self) -> Port:
        """The calling thread's port, for messages to this actor. Raises: ActorDeadError, if the actor cannot be reached."""
        process = here.process
        if process is not None:
            self.belong_to(process.system)
        elif self.system:
            raise self.foreign()
        return current_port()

    @property
    def _actor(self) -> Any:
        """What Pykka's own `ActorProxy` looks into."""
        return Likeness(self)

    def _actor_weakref(self) -> Any:  # type: ignore[override]  # called only
        """The same, as later versions of Pykka call it."""
        return self._actor

    @property
    def actor_urn(self) -> str:  # type: ignore[override]  # an attribute in Pykka
        return self.name

    @property
    def actor_class(self) -> type[A_co]:  # type: ignore[override]  # an attribute in Pykka
        """The actor's class. It is imported, unless it was started here or came here before: see `class_path.py`."""
        return class_of(self.class_path)

    def is_alive(self) -> bool:
        """Whether its host has the actor, and it can be reached from here. A host too busy to answer counts as alive."""
        return is_there(self)

    def tell(
        self: ActorRef[TypedActor[M, Any]],
        message: M,
        *,
        when_full: WhenFull | None = None,
        exempt: bool = False,
        if_there: bool = False,
    ) -> None:
        """Send a message that nobody answers.

        If the actor is gone, the message becomes a dead letter: counted, never raised, because the sender cannot know in
        time. Where no system runs, and for an actor of another one, it raises: nobody would count the message there.

        Args:
            message: anything picklable, or `Frames`.
            when_full: what to do while 10,000 messages or 64 MiB of this sender are not yet handled:
                `Wait(timeout)` (default, 10 s; None: while the actor lives), `FAIL` or `DROP`.
            exempt: do not count in the window; the sender has its own bound.
            if_there: the message is for whoever is there now. No dead letter is counted when nobody is, or when the actor
                ends before it has handled the message. Outside the window, as with `exempt`.

        Raises: MailboxFullError; what pickling raises; ForeignRefError; ActorDeadError, when no system runs;
            LimitReachedError, when there is no descriptor for a way to the actor's process.
        """
        if type(message) is _ActorStop:
            error = ask_to_stop(self).error
            if isinstance(error, ForeignRefError):
                raise error
            return
        # As `current_port`, without the call in the usual case. Whether the actor is of this system, the port looks when it
        # has no route to it yet.
        try:
            port = here.thread.port
        except AttributeError:
            try:
                port = self.port()
            except LimitReachedError:  # an ActorDeadError too, but nothing has ended
                raise
            except ActorDeadError:
                if not _is_late(self, 0 if if_there else 1):
                    raise
                return
        if if_there:
            tell_if_there(port, self, message)
        else:
            port.tell(self, message, when_full, exempt)

    def tell_many(
        self: ActorRef[TypedActor[M, Any]],
        messages: Iterable[M],
        *,
        when_full: WhenFull | None = None,
        exempt: bool = False,
    ) -> None:
        """As `tell` for each of the messages in turn, at a fraction of the cost: they travel together.

        Nothing is held back for messages to come: all are on their way when this returns.

        Raises: MailboxFullError, whose `accepted` says how many were sent before the one that did not fit; what
            pickling a message, or the iterable, raises, once those before it are sent; ForeignRefError; ActorDeadError,
            when no system runs.
        """
        try:
            port = self.port()
        except LimitReachedError:
            raise
        except ActorDeadError:
            if not _is_late(self, sum(1 for _ in messages)):
                raise
            return
        tell_many(port, self, messages, when_full, exempt)

    @overload  # type: ignore[override]  # one more keyword than Pykka's
    def ask(
        self: ActorRef[TypedActor[M, R]],
        message: M,
        *,
        block: Literal[False],
        timeout: Span = None,
        when_full: WhenFull | None = None,
        exempt: bool = False,
        patience: float | None = None,
    ) -> Future[R]: ...

    @overload
    def ask(
        self: ActorRef[TypedActor[M, R]],
        message: M,
        *,
        block: Literal[True] = True,
        timeout: Span = None,
        when_full: WhenFull | None = None,
        exempt: bool = False,
        patience: float | None = None,
    ) -> R: ...

    @overload
    def ask(
        self: ActorRef[TypedActor[M, R]],
        message: M,
        *,
        block: bool,
        timeout: Span = None,
        when_full: WhenFull | None = None,
        exempt: bool = False,
        patience: float | None = None,
    ) -> R | Future[R]: ...

    def ask(
        self,
        message: Any,
        *,
        block: bool = True,
        timeout: Span = None,
        when_full: WhenFull | None = None,
        exempt: bool = False,
        patience: float | None = None,
    ) -> Any | Future[Any]:
        """Send a message and wait for the answer, or get a future of it with `block=False`.

        Args:
            message: as for `tell`.
            block: whether to wait for the answer.
            timeout: seconds for the whole call, whether it waits for room in the mailbox or for the answer, and the
                actor sees what is left; with `block=False` only for room. `INHERIT`: what is left of the time of the
                ask that this actor handles.
            when_full: as for `tell`, except `DROP`; by default it waits for room for `timeout`, or 10 s. Where an
                asyncio loop runs and only the future is wanted, it does not wait, but leaves the message in line.
            exempt: as for `tell`.
            patience: seconds, counted from now, to wait for an actor that is not there, or that ends before it has
                answered: as soon as one of its name is up again, that one is asked. The message may then be handled twice
                (at least once, whereas an ask is otherwise handled at most once), so use it for what may be repeated. Up
                to 10,000 asks of one thread or host can wait like this. Afterwards ActorDeadError, as without.

        Raises (or sets in the future): what the actor raised, with the remote traceback as cause;
            ActorDeadError as soon as its death is known; AskCycleError within a second; Timeout, with
            MailboxFullError as its cause when there was no room in that time; MailboxFullError, when
            `when_full` allowed a shorter wait.
        """
        timeout = in_seconds(timeout)
        until = ends_at(timeout)
        if type(message) is _ActorStop:
            future = ask_to_stop(self)
        else:
            try:
                try:  # as in `tell`: the port checks the system when it looks for a route
                    port = here.thread.port
                except AttributeError:
                    port = self.port()
            except ActorDeadError as error:
                future = Future()
                future.resolve(None, error)
            else:
                try:
                    if patience is None:
                        future = port.ask(
                            self, message, exempt, when_full=when_full, until=until, block=block
                        )
                    else:
                        future = Future()
                        patient, packed = _patient_ask(self, future, port, message, patience)
                        patient.begin(
                            port.ask(self, packed, exempt, when_full=when_full, until=until, block=block)
                        )
                except MailboxFullError as error:
                    if until is None or type(when_full) is Fail or time.monotonic() < until:
                        raise
                    raise Timeout(f"{timeout} seconds: {error}") from error
        if not block:
            return future
        try:
            return future.get_until(until, timeout)
        finally:
            if patience is not None:
                future.cancel()  # after a timeout no successor need be asked

    def ask_async(
        self: ActorRef[TypedActor[M, R]],
        message: M,
        timeout: Span = None,
        *,
        when_full: WhenFull | None = None,
        exempt: bool = False,
        patience: float | None = None,
    ) -> Coroutine[Any, Any, R]:
        """Ask from asyncio: `await ref.ask_async(…)` never blocks the loop, and returns the answer.

        The message is copied at the call, not when it is awaited. While the mailbox is full it waits in line, and what the
        same thread sends to the actor afterwards waits behind it. A cancelled call leaves the line, or drops the answer.

        Args:
            message: as for `tell`.
            timeout: seconds for the whole call.
            when_full: as for `ask`; by default it waits for room for `timeout`, or until the line has not moved for 10 s.
            exempt: as for `tell`.
            patience: as for `ask`.

        Raises (when awaited): as `ask`.
        """
        timeout = in_seconds(timeout)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no loop runs yet: the coroutine is to be awaited in one later
            return ask_later(self, message, timeout, when_full, exempt, patience)
        if type(message) is _ActorStop:
            return answer_within(ask_to_stop(self), timeout, timeout)
        try:
            port = self.port()
        except ActorDeadError as error:
            return fail(error)
        if patience is None:
            return port.face.ask(loop, self, message, timeout, when_full, exempt)
        try:
            answer: Future[Any] = Future()
            patient, packed = _patient_ask(self, answer, port, message, patience)
        except Exception as error:  # it cannot be pickled
            return fail(error)
        first = port.face.ask(loop, self, packed, timeout, when_full, exempt)
        return ask_on(first, patient, answer, ends_at(timeout), timeout)

    def tell_async(
        self: ActorRef[TypedActor[M, Any]],
        message: M,
        *,
        when_full: WhenFull | None = None,
        exempt: bool = False,
    ) -> Coroutine[Any, Any, None]:
        """Tell from asyncio: as `tell`, but the task waits for room, never the loop.

        The message is copied at the call, and on its way when `await` returns. Order and cancelling as for `ask_async`.

        Args:
            message: as for `tell`.
            when_full: as for `tell`; by default it waits for room until the line has not moved for 10 s.
            exempt: as for `tell`.

        Raises (when awaited): as `tell`.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return tell_later(self, message, when_full, exempt)
        if type(message) is _ActorStop:
            ask_to_stop(self)
            return nothing()
        try:
            port = self.port()
        except ActorDeadError as error:
            return nothing() if _is_late(self, 1) else fail(error)
        return port.face.tell(loop, self, message, when_full, exempt)

    @overload  # type: ignore[override]  # our Future
    def stop(self, *, block: Literal[True] = True, timeout: float | None = None) -> bool: ...

    @overload
    def stop(self, *, block: Literal[False], timeout: float | None = None) -> Future[bool]: ...

    @overload
    def stop(self, *, block: bool, timeout: float | None = None) -> bool | Future[bool]: ...

    def stop(self, *, block: bool = True, timeout: float | None = None) -> bool | Future[bool]:
        """Have the actor stop after the messages sent before. Returns: False if it was already gone, perhaps with its
        system; with `block=False` a future of that.

        Raises (or sets in the future): ForeignRefError, in a child of the process that may still have it; Timeout.
        """
        stopped = when_stopped(self, ask_to_stop(self))
        return stopped.get(timeout=timeout) if block else stopped

    def kill(self) -> None:
        """SIGKILL the actor's host process, with all actors in it.

        Raises: ActorDeadError, when there is no such process: the actor is gone, or lives in a thread of the embedder.
        """
        self.port().requests.ask(ROOT_ADDRESS, Kind.KILL, (self.host, self.serial)).get(timeout=5.0)

    def pid(self) -> int:
        """The process the actor lives in. Raises: ActorDeadError."""
        return pid_of(self, self.port())

    @overload
    def proxy(self) -> ActorProxy[A_co]: ...

    @overload
    def proxy(self, view: type[V]) -> V: ...

    def proxy(self, view: type[Any] | None = None) -> Any:
        """Pykka's proxy: attributes and methods of the actor, as futures.

        Args:
            view: a class made with `pykka.typing` that describes what the proxy offers. Only type checkers look at it: to
                them the proxy is an instance.

        Raises: ActorDeadError.
        """
        return ActorProxy(actor_ref=self)


def _rebuild(name: str, host: str, serial: int, class_path: str, system: str) -> ActorRef[Any]:
    return ActorRef(name, host, serial, class_path, system)


@functools.lru_cache(maxsize=4096)
def from_identity(data: bytes, system: str) -> ActorRef[Any] | None:
    """The ref with this identity in a system; None for no bytes, a sender that is no actor.

    Cached, since an actor looks up the senders of all its messages, and these are few.
    """
    if not data:
        return None
    name, host, serial, class_path = data.decode().split("\0")
    return ActorRef(name, host, int(serial), class_path, system)


def _is_late(path: ActorPath, messages: int) -> bool:
    """Count messages as dead letters if they come while the system ends: their sender cannot know that. Returns: whether
    it does; otherwise the caller has an error to raise.
    """
    process = current_process()
    if process is None or process.system != path.system:
        return False
    if messages:
        process.network.dead_letters.add_late(path.key, messages)
    return True


def _patient_ask(
    ref: ActorRef[Any], answer: Future[Any], port: Port, message: Any, patience: float
) -> tuple[PatientAsk, Encoded]:
    packed = Encoded(*encode(message))  # once, and with all definitions: a successor knows none
    answer.port = port  # whose mailbox is read by those who wait for the answer
    return PatientAsk(answer, port.lives, ref, packed, port.sender, ends_at(patience, "patience")), packed
