"""A small, picklable handle to an actor, valid in every process of its system."""

from __future__ import annotations

import asyncio
import functools
import importlib
import time
from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Literal, overload

import pykka
from pykka import ActorRegistry
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
from peerage.actors.runtime.mail.async_face import nothing
from peerage.actors.runtime.mail.deadlines import ends_at
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import ROOT_ADDRESS, THREAD_BITS
from peerage.actors.runtime.mail.message import Encoded, Kind, encode
from peerage.actors.runtime.mail.patience import PatientAsk, is_gone
from peerage.actors.runtime.mail.process import current_host, current_port, current_process
from peerage.actors.runtime.mail.telling import tell_if_there, tell_many
from peerage.actors.runtime.mail.window import Fail

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from peerage.actors.runtime.mail.port import Port
    from peerage.actors.runtime.mail.proxy import ActorProxy
    from peerage.actors.runtime.mail.window import WhenFull

    A = TypeVar("A", bound=pykka.Actor, default=Any)
    V = TypeVar("V", bound=ActorProxy[Any])
else:
    from typing import TypeVar

    A = TypeVar("A")
    V = TypeVar("V")

ALIVE_TIMEOUT_S = 0.5  # a host that does not answer for so long is busy, not dead


class ActorRef(ActorPath, pykka.ActorRef[A]):
    """Names one actor: equal by system, host and name, valid again when an actor of that name is back in that host.

    Messages from one thread or actor to one actor arrive in order, each at most once.

    It is of use in the processes of its system, as long as that runs. Anywhere else (after the system's end, in the next
    system of the same process, in a forked or spawned child) whatever is done with it fails at once with ForeignRefError,
    an ActorDeadError; `is_alive` says False, a watch fires.
    """

    @classmethod
    def to(cls, name: str, host: str | None = None) -> ActorRef[Any]:
        """A ref by name, without having received it: of the system that runs now, else of the first it is used in.

        Args: host, defaults to the actor's own name.
        """
        return ActorRef(name, host or name)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.name, self.host, self.serial, self.class_path, self.system)

    def port(self) -> Port:
        """The calling thread's port. Raises: ActorDeadError, if it does not lead to the actor."""
        process = here.process
        if process is not None:
            self.belong_to(process.system)
        elif self.system:
            raise self.foreign()
        return current_port()

    def __repr__(self) -> str:
        return f"<ActorRef for {self}>"

    @property
    def _actor(self) -> Any:
        """What Pykka's own `ActorProxy` looks into."""
        from peerage.actors.runtime.mail.proxy import Likeness

        return Likeness(self)

    def _actor_weakref(self) -> Any:  # type: ignore[override]  # called only
        """The same, as later versions of Pykka call it."""
        return self._actor

    @property
    def actor_urn(self) -> str:  # type: ignore[override]  # an attribute in Pykka
        return self.name

    @property
    def actor_class(self) -> type[A]:  # type: ignore[override]  # an attribute in Pykka
        """The actor's class; imported, so it must be importable here unless it was started here."""
        return class_of(self.class_path)

    def is_alive(self) -> bool:
        """Whether the actor is known to its host, and can be reached from here. A host too busy to say counts as alive."""
        process = current_process()
        if process is None or process.closed:
            return False
        try:
            self.belong_to(process.system)
        except ForeignRefError:
            return False
        serial = process.table.resolve(self.host, self.serial)
        if serial is None:
            return False
        host = current_host()
        if host is not None and host.serial == serial:
            return self.name.encode() in host.cells
        try:
            question = current_port().requests.ask(
                serial << THREAD_BITS, Kind.QUERY, None, target=self.name.encode()
            )
            return bool(question.get(timeout=ALIVE_TIMEOUT_S))
        except LimitReachedError:  # its host is alive, as far as we know
            return True
        except ActorDeadError:
            return False
        except Timeout:
            return True

    def tell(
        self,
        message: Any,
        *,
        when_full: WhenFull | None = None,
        exempt: bool = False,
        if_there: bool = False,
    ) -> None:
        """Send a message that nobody answers.

        To an actor that is gone it becomes a dead letter: counted, never raised, for the sender cannot know
        in time. Nobody would count what is told where no system runs, or to an actor of another one.

        Args:
            message: anything picklable, or `Frames`.
            when_full: what to do while 10,000 messages or 64 MiB of this sender are not yet handled:
                `Wait(timeout)` (default, 10 s; None: while the actor lives), `FAIL` or `DROP`.
            exempt: do not count in the window; the sender has its own bound.
            if_there: it is for whoever is there now: no dead letter is counted when nobody is, nor when the actor ends
                before it has handled it. Outside the window, as with `exempt`.

        Raises: MailboxFullError; what pickling raises; ForeignRefError; ActorDeadError, when no system runs;
            LimitReachedError, when there is no descriptor for a way to the actor's process.
        """
        if type(message) is _ActorStop:
            error = self._ask_to_stop().error
            if isinstance(error, ForeignRefError):
                raise error
            return
        try:  # as `current_port`, without the call in the usual case
            port = here.thread.port
        except AttributeError:
            try:
                port = self.port()
            except LimitReachedError:
                raise
            except ActorDeadError:
                if not self._is_late(0 if if_there else 1):
                    raise
                return
        if if_there:
            tell_if_there(port, self, message)
        else:
            port.tell(self, message, when_full, exempt)

    def tell_many(
        self, messages: Iterable[Any], *, when_full: WhenFull | None = None, exempt: bool = False
    ) -> None:
        """As `tell` for each of the messages in turn, at a fraction of the cost: they travel together.

        Nothing is held back for messages to come: all are on their way when this returns.

        Raises: MailboxFullError, whose `accepted` says how many had gone before the one that did not; what
            pickling a message, or the iterable, raises, once those before it have gone; ForeignRefError; ActorDeadError,
            when no system runs.
        """
        try:
            port = self.port()
        except LimitReachedError:
            raise
        except ActorDeadError:
            if not self._is_late(sum(1 for _ in messages)):
                raise
            return
        tell_many(port, self, messages, when_full, exempt)

    @overload  # type: ignore[override]  # one more keyword than Pykka's
    def ask(
        self,
        message: Any,
        *,
        block: Literal[False],
        timeout: float | None = None,
        when_full: WhenFull | None = None,
        exempt: bool = False,
        patience: float | None = None,
    ) -> Future[Any]: ...

    @overload
    def ask(
        self,
        message: Any,
        *,
        block: Literal[True] = True,
        timeout: float | None = None,
        when_full: WhenFull | None = None,
        exempt: bool = False,
        patience: float | None = None,
    ) -> Any: ...

    @overload
    def ask(
        self,
        message: Any,
        *,
        block: bool,
        timeout: float | None = None,
        when_full: WhenFull | None = None,
        exempt: bool = False,
        patience: float | None = None,
    ) -> Any | Future[Any]: ...

    def ask(
        self,
        message: Any,
        *,
        block: bool = True,
        timeout: float | None = None,
        when_full: WhenFull | None = None,
        exempt: bool = False,
        patience: float | None = None,
    ) -> Any | Future[Any]:
        """Send a message and wait for the answer, or get a future of it with `block=False`.

        Args:
            message: as for `tell`.
            block: whether to wait for the answer.
            timeout: seconds for the whole call, be it that it waits for room in the mailbox or for the answer; with
                `block=False` for room alone.
            when_full: as for `tell`, but for `DROP`; by default it waits for room for `timeout`, or 10 s. Where an
                asyncio loop runs and only the future is wanted, it does not wait, but leaves the message in line.
            exempt: as for `tell`.
            patience: for so many seconds, counted from now, an actor that is not there, or that ends before it has
                answered, is waited for: as soon as one of its name is up again, it is asked. The message may then be
                handled twice (at least once, where an ask otherwise is handled at most once), so this is for questions
                that may be. Up to 10,000 asks of one thread or host wait so. Afterwards ActorDeadError, as without.

        Raises (or set in the future): what the actor raised, with the remote traceback as cause;
            ActorDeadError as soon as its death is known; AskCycleError within a second; Timeout, with
            MailboxFullError as its cause when there was no room in that time; MailboxFullError, when
            `when_full` had it wait for less.
        """
        until = ends_at(timeout)
        if type(message) is _ActorStop:
            future = self._ask_to_stop()
        else:
            try:
                try:  # as in `tell`: whether it leads to the actor, the port sees when it looks for the way
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
                        patient, packed = self._patient_ask(future, port, message, patience)
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
                future.cancel()  # whoever has stopped waiting asks no successor

    def _patient_ask(
        self, answer: Future[Any], port: Port, message: Any, patience: float
    ) -> tuple[PatientAsk, Encoded]:
        packed = Encoded(*encode(message))
        answer.port = port  # whoever waits for the answer reads it
        return PatientAsk(answer, port.lives, self, packed, port.sender, time.monotonic() + patience), packed

    def ask_async(
        self,
        message: Any,
        timeout: float | None = None,
        *,
        when_full: WhenFull | None = None,
        exempt: bool = False,
        patience: float | None = None,
    ) -> Coroutine[Any, Any, Any]:
        """Ask from asyncio: `await ref.ask_async(…)` never blocks the loop, and gives the answer.

        The message is taken as it is now. While the mailbox is full it waits in line; what is sent to the actor from the
        same thread afterwards goes behind it. Cancelled, it leaves the line, or drops the answer.

        Args:
            message: as for `tell`.
            timeout: seconds for the whole call.
            when_full: as for `ask`; by default it waits for room for `timeout`, or until the line has not moved for 10 s.
            exempt: as for `tell`.
            patience: as for `ask`.

        Raises (when awaited): as `ask`.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # to be awaited in a loop yet
            return _ask_later(self, message, timeout, when_full, exempt, patience)
        if type(message) is _ActorStop:
            return _answer(self._ask_to_stop(), timeout, timeout)
        try:
            port = self.port()
        except ActorDeadError as error:
            return _fail(error)
        if patience is None:
            return port.face.ask(loop, self, message, timeout, when_full, exempt)
        try:
            answer: Future[Any] = Future()
            patient, packed = self._patient_ask(answer, port, message, patience)
        except Exception as error:  # it cannot be pickled
            return _fail(error)
        first = port.face.ask(loop, self, packed, timeout, when_full, exempt)
        return _ask_on(first, patient, answer, ends_at(timeout), timeout)

    def tell_async(
        self, message: Any, *, when_full: WhenFull | None = None, exempt: bool = False
    ) -> Coroutine[Any, Any, None]:
        """Tell from asyncio: as `tell`, but what waits for room is the task, never the loop.

        The message is taken as it is now, and on its way when `await` returns. Order and cancelling as for `ask_async`.

        Args:
            message: as for `tell`.
            when_full: as for `tell`; by default it waits for room until the line has not moved for 10 s.
            exempt: as for `tell`.

        Raises (when awaited): as `tell`.
        """
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return _tell_later(self, message, when_full, exempt)
        if type(message) is _ActorStop:
            self._ask_to_stop()
            return nothing()
        try:
            port = self.port()
        except ActorDeadError as error:
            return nothing() if self._is_late(1) else _fail(error)
        return port.face.tell(loop, self, message, when_full, exempt)

    def _is_late(self, messages: int) -> bool:
        """Whether these come while the system ends: they are dead letters then, and counted."""
        process = current_process()
        if process is None or process.system != self.system:
            return False
        if messages:
            process.network.dead_letters.add_late(self.key, messages)
        return True

    def _ask_to_stop(self) -> Future[Any]:
        try:
            return self.port().ask(self, None, kind=Kind.STOP)
        except ActorDeadError as error:
            future: Future[Any] = Future()
            future.resolve(None, error)
            return future

    @overload  # type: ignore[override]  # our Future
    def stop(self, *, block: Literal[True] = True, timeout: float | None = None) -> bool: ...

    @overload
    def stop(self, *, block: Literal[False], timeout: float | None = None) -> Future[bool]: ...

    @overload
    def stop(self, *, block: bool, timeout: float | None = None) -> bool | Future[bool]: ...

    def stop(self, *, block: bool = True, timeout: float | None = None) -> bool | Future[bool]:
        """Let the actor stop after the messages sent before. Returns: False if it was already gone, its system
        perhaps with it, or a future of that.

        Raises (or set in the future): ForeignRefError, in a child of the process that may still have it; Timeout.
        """
        stopped: Future[bool] = Future()
        asked = self._ask_to_stop()

        def finish(_asked: object = None) -> None:
            error = asked.error
            if isinstance(error, LimitReachedError):  # it has not been told
                stopped.resolve(None, error)
                return
            unregister(self)
            if error is None and asked.port is not None:
                asked.port.asks.has_stopped(asked.asked)
            is_out_of_reach = isinstance(error, ForeignRefError) and not error.has_ended
            if error is None or (isinstance(error, ActorDeadError) and not is_out_of_reach):
                stopped.resolve(error is None)
            else:
                stopped.resolve(None, error)

        stopped.follow(asked, finish)
        return stopped.get(timeout=timeout) if block else stopped

    def kill(self) -> None:
        """SIGKILL the actor's host process, with all actors in it.

        Raises: ActorDeadError, when it has none of its own: it is gone, or lives in a thread of the embedder.
        """
        self.port().requests.ask(ROOT_ADDRESS, Kind.KILL, (self.host, self.serial)).get(timeout=5.0)

    def pid(self) -> int:
        """The process the actor lives in. Raises: ActorDeadError."""
        port = self.port()
        serial = port.table.resolve(self.host, self.serial)
        facts = port.table.live.get(serial) if serial is not None else None
        if facts is not None:
            return facts.pid
        if serial is not None:  # younger than the news of it
            return int(port.requests.ask(serial << THREAD_BITS, Kind.QUERY, "pid").get(timeout=5.0))
        raise ActorDeadError(f"{self} not found")

    @overload
    def proxy(self) -> ActorProxy[A]: ...

    @overload
    def proxy(self, view: type[V]) -> V: ...

    def proxy(self, view: type[Any] | None = None) -> Any:
        """Pykka's proxy: attributes and methods of the actor, as futures.

        Args:
            view: a class made with `pykka.typing` that says what the proxy offers; type checkers take the
                proxy for one of it.

        Raises: ActorDeadError.
        """
        from peerage.actors.runtime.mail.proxy import ActorProxy

        return ActorProxy(actor_ref=self)


async def _ask_later(
    ref: ActorRef[Any],
    message: Any,
    timeout: float | None,  # noqa: ASYNC109 - Pykka's word for it
    when_full: WhenFull | None,
    exempt: bool,
    patience: float | None,
) -> Any:
    return await ref.ask_async(message, timeout, when_full=when_full, exempt=exempt, patience=patience)


async def _tell_later(ref: ActorRef[Any], message: Any, when_full: WhenFull | None, exempt: bool) -> None:
    await ref.tell_async(message, when_full=when_full, exempt=exempt)


async def _fail(error: Exception) -> Any:
    raise error


async def _ask_on(
    first: Coroutine[Any, Any, Any],
    patient: PatientAsk,
    answer: Future[Any],
    until: float | None,
    timeout: float | None,  # noqa: ASYNC109 - as above
) -> Any:
    """Await the answer of the first actor, then of its successors."""
    try:
        return await first
    except ActorDeadError as error:
        if not is_gone(error):
            raise
        patient.failed(error)
    try:
        left = None if until is None else max(0.0, until - time.monotonic())
        return await _answer(answer, left, timeout)
    finally:
        answer.cancel()


async def _answer(future: Future[Any], left: float | None, timeout: float | None) -> Any:  # noqa: ASYNC109 - Pykka's word
    """Await it for the seconds that are `left` of the caller's `timeout`."""
    try:
        async with asyncio.timeout(left):
            return await future
    except TimeoutError:
        if future.is_ready():
            raise
        raise Timeout(f"{timeout} seconds") from None


def _rebuild(name: str, host: str, serial: int, class_path: str, system: str) -> ActorRef[Any]:
    return ActorRef(name, host, serial, class_path, system)


@functools.lru_cache(maxsize=4096)
def from_identity(data: bytes, system: str) -> ActorRef[Any] | None:
    """The ref with this identity in a system."""
    if not data:
        return None
    name, host, serial, class_path = data.decode().split("\0")
    return ActorRef(name, host, int(serial), class_path, system)


_CLASSES: dict[str, type[Any]] = {}  # classes met in this process, those that cannot be imported too


def path_of(cls: type[Any]) -> str:
    path = f"{cls.__module__}:{cls.__qualname__}"
    _CLASSES[path] = cls
    return path


def class_of(path: str) -> type[Any]:
    known = _CLASSES.get(path)
    if known is None:
        module, _, qualname = path.partition(":")
        found: Any = importlib.import_module(module)
        for name in qualname.split("."):
            found = getattr(found, name)
        known = _CLASSES[path] = found
    return known


def unregister(ref: ActorRef[Any]) -> None:
    """Take a ref out of Pykka's registry, quietly if it is not there."""
    with ActorRegistry._actor_refs_lock:  # noqa: SLF001 - unregister() logs each miss
        if ref in ActorRegistry._actor_refs:  # noqa: SLF001
            ActorRegistry.unregister(ref)
