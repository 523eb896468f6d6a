"""What an actor may ask of its host: `self.runtime`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from peerage.actors.runtime.errors import ActorDeadError, CheckpointError
from peerage.actors.runtime.host.answers import Answers
from peerage.actors.runtime.host.callers import Callers
from peerage.actors.runtime.host.coroutines import Coroutines
from peerage.actors.runtime.host.errands import send_errands
from peerage.actors.runtime.host.loop import Loop, Task
from peerage.actors.runtime.host.mailbox import Mailbox
from peerage.actors.runtime.host.streams import Streams
from peerage.actors.runtime.host.timing import Timing
from peerage.actors.runtime.host.watching import Following, Watching
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.port import Port
from peerage.actors.runtime.mail.ref import ActorRef, from_identity
from peerage.actors.runtime.mail.window import WhenFull

if TYPE_CHECKING:
    from peerage.actors.runtime.host.checkpoints import Checkpoint


class Pool(Protocol):
    """The actor's workers."""

    def work(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        when_full: WhenFull | None,
        /,
    ) -> Future[Any]: ...

    def close(self) -> None: ...


class Keeping(Protocol):
    """The actor's object, which says where its checkpoint is."""

    actor_urn: str

    @property
    def checkpoint_dir(self) -> Path | str | None: ...

    @property
    def checkpoint_name(self) -> str: ...


class Running(Task, Protocol):
    """The actor itself, as the loop runs it."""

    current: tuple[int, int, int] | None  # source, correlation and kind of the message that is being handled
    deferred: bool  # whether it is answered later
    sender_identity: bytes

    @property
    def ended(self) -> bool: ...

    @property
    def instance(self) -> Keeping | None: ...

    def stop_soon(self) -> None: ...

    @property
    def answers(self) -> Answers: ...

    @property
    def until(self) -> float | None: ...

    @property
    def watching(self) -> Watching: ...


class Resident(Protocol):
    """An actor of the host, as the others may look at it."""

    @property
    def mailbox(self) -> Mailbox: ...


class Home(Protocol):
    """The host."""

    @property
    def cells(self) -> Mapping[Any, Resident]: ...

    @property
    def name(self) -> str: ...

    @property
    def system(self) -> str: ...

    @property
    def port(self) -> Port: ...

    @property
    def loop(self) -> Loop[Any]: ...

    @property
    def callers(self) -> Callers: ...

    @property
    def is_system_ending(self) -> bool: ...

    def call_soon(self, cell: Any, fn: Callable[..., object], *args: Any) -> None: ...


class Reply:
    """The answer to one ask, given later by the actor that called `defer`. Only the first answer counts."""

    __slots__ = ("_answers", "_corr", "_source")

    def __init__(self, answers: Answers, source: int, corr: int) -> None:
        self._answers, self._source, self._corr = answers, source, corr

    @property
    def is_awaited(self) -> bool:
        """Whether anybody waits for the answer: nobody does for that to a tell, nor to an ask that was cancelled, or whose
        time is over.
        """
        return self._corr != 0 and self._answers.is_wanted((self._source, self._corr))

    def set(self, value: Any = None) -> None:
        self._answers.give(self._source, self._corr, value)

    def set_exception(self, error: BaseException) -> None:
        self._answers.fail(self._source, self._corr, error)


class ActorContext(Timing):
    """The loop of the actor's host, seen by the actor. To be used from the host's thread, except for
    `call_threadsafe`.

    Everything called back runs as this actor, one thing at a time: never in the middle of a handler, even
    when that handler waits for an answer. An exception in a callback ends the actor as one in `on_receive`
    does. All timers, watches and descriptors are dropped when the actor ends.

    A callback may be an `async def`: it runs as one of the actor's `coroutines`, which take turns wherever they await.
    """

    __slots__ = ("_checkpoint", "_host", "_pool", "_streams", "extra", "fds", "make_pool")
    _cell: Running

    make_pool: Callable[[], Pool]  # set by the actor's class: who starts others stands above a host

    def __init__(self, cell: Running, host: Home, fds: Mapping[str, int], extra: Any) -> None:
        super().__init__(cell, host.loop, Coroutines(cell, host))
        self._host = host
        self._streams: Streams | None = None
        self._checkpoint: Checkpoint | None = None
        self._pool: Pool | None = None
        self.fds = dict(fds)  # passed descriptors by name; they belong to the actor, which closes them
        self.extra = extra  # the value given as options(extra=…)

    @property
    def host_name(self) -> str:
        return self._host.name

    @property
    def dead_letters(self) -> int:
        """Messages that the loop of this host could not deliver so far."""
        return self._host.port.dead_letters

    def on_dead_letter(self, hook: Callable[[str, int], None]) -> None:
        """Have `hook(target, messages)` called for dead letters of this process, by whichever thread notices them, perhaps
        in the middle of sending: it must be quick. There is one hook in a process; this one takes the place of any other.
        """
        self._host.port.network.dead_letters.hook = hook

    def waiting_messages(self) -> tuple[int, float]:
        """How many messages wait in the mailboxes of this host's actors, and for how many seconds the oldest has waited."""
        mailboxes = [cell.mailbox for cell in self._host.cells.values()]
        now = time.monotonic()
        oldest = max((mailbox.oldest_age(now) for mailbox in mailboxes), default=0.0)
        return sum(mailbox.depth for mailbox in mailboxes), oldest

    @property
    def sender(self) -> ActorRef | None:
        """The actor that sent the current message, None when it came from no actor."""
        return from_identity(self._cell.sender_identity, self._host.system)

    @property
    def deadline(self) -> float | None:
        """Seconds that the asker of the current message still waits, 0.0 when it does not any more; None if it set no limit.

        To ask others within that time: `timeout=INHERIT`.
        """
        until = self._cell.until
        return None if until is None else max(0.0, until - time.monotonic())

    @property
    def cancelled(self) -> bool:
        """Whether nobody wants the answer to the current ask any more: its time is over, it was cancelled, or its asker's
        thread or process has ended. To be looked at now and again in a long handler: it reads what has come.
        """
        if self._cell.current is None:
            return False
        self._host.port.wait(_at_once, 0.0)
        return self.deadline == 0.0

    @property
    def asks_not_begun(self) -> int:
        """How many asks this actor has not begun because nobody wanted their answers any more when it was their turn."""
        return self._cell.answers.not_begun

    def life_of(self, ref: ActorRef) -> int | None:
        """Which life of its host a ref leads to now, as far as this process has heard: a number that grows with
        each restart; None while there is none.
        """
        if ref.system not in {"", self._host.system}:
            return None
        return self._host.port.table.resolve(ref.host, 0)

    @property
    def system_is_ending(self) -> bool:
        """Whether the system, or this host, has begun to end: no process can be started any more, and nothing need be
        restarted. Its turn to stop may be yet to come.
        """
        return self._host.is_system_ending

    @property
    def process_ids(self) -> tuple[int, ...]:
        """The processes of this system that actors live in, the embedder's first."""
        hosts = tuple(self._host.port.table.live.values())  # other threads may ask
        return tuple(dict.fromkeys(facts.pid for facts in sorted(hosts, key=lambda facts: facts.serial)))

    def watch(self, ref: ActorRef) -> None:
        """Have `on_down(ref, reason)` called once when `ref` ends, at once if it is not there. A second
        watch of the same ref adds nothing.
        """
        self._cell.watching.watch(ref)

    def unwatch(self, ref: ActorRef) -> None:
        self._cell.watching.unwatch(ref)

    def follow(
        self, ref: ActorRef, *, on_up: Callable[[], object], on_down: Callable[[DownReason], object]
    ) -> Following:
        """Follow a name through its lives, across restarts of its host and inside a living one.

        `on_up()` is called when an actor of that name is up, soon after this call if it is already; `on_down(reason)` when
        it has ended; `on_up()` again when its successor is up, and so on. While there is none, nothing is called. "Up"
        means that its constructor and `on_start` are done. A life too short to be heard of is passed over; no end is told
        without its beginning.

        Each call follows anew, and on its own: until `cancel()` of what it returns, or the end of this actor.

        Raises: ForeignRefError; LimitReachedError, when there is no descriptor for a way to its host.
        """
        return self._cell.watching.follow(ref, on_up, on_down)

    def send_errands(self, work: Callable[[str], Any]) -> dict[str, Future[Any]]:
        """Have every other process of the system call `work(name of its host)`, which must be quick and is pickled.

        Returns: the answers, by host; one that has ended meanwhile fails with ActorDeadError.
        """
        port = self._host.port
        return send_errands(port.requests, dict(port.table.live), os.getpid(), work)

    def streams(self, actor: Any) -> Streams:
        """The answers in parts that the actor is giving. For its host: the actor returns iterators."""
        if self._streams is None:
            self._streams = Streams(self._cell, self._host, actor.actor_ref, actor.on_receive)
        return self._streams

    def end(self) -> None:
        """As the actor's `stop()`: it ends behind what is in its mailbox. For those who come and go by the hundred."""
        self._cell.stop_soon()

    def work(
        self, function: Callable[..., Any], *args: Any, when_full: WhenFull | None = None, **kwargs: Any
    ) -> Future[Any]:
        """Have `function(*args, **kwargs)` called in another process: one of the actor's `work_processes`.

        The function is one that other processes can import, or is sent by value, as classes are; arguments and result are
        copied. `work_waiting` calls may wait while all workers are busy.

        Args: when_full, if as many wait: by default this waits for room for up to 10 s; `Wait(seconds)`; `FAIL`, at once.
        Returns: a future of the result, or of what the function raised; of a WorkerDiedError, when its process was killed.
            `then` calls back in the actor's turn, `await` waits in a coroutine.
        Raises: WorkQueueFullError; whatever pickling the arguments raises.
        """
        if self._pool is None:
            self._pool = self.make_pool()
        return self._pool.work(function, args, kwargs, when_full)

    def checkpoint(self, state: Any) -> None:
        """Save a state for a successor of this actor's name, whose `on_restore` gets it. It replaces the one before.

        When this returns, the state survives SIGKILL of this process the moment after. A power failure may lose it; then the
        one before it counts. It takes about as long as writing the state to a file.

        Args: state, plain values: None, bool, int of 64 bits, float, str, bytes, list, dict. A tuple or set comes back as a
            list, a dataclass as a dict. At most 64 MiB.
        Raises: CheckpointError, when that is not possible, or the actor has no `checkpoint_dir`.
        """
        self._own_checkpoint().save(state)

    def restored(self) -> Any:
        """What a predecessor has saved; None if there is nothing. For the host, before `on_start`."""
        instance = self._cell.instance
        if instance is None or instance.checkpoint_dir is None:
            return None
        checkpoint = self._own_checkpoint()
        found = checkpoint.load()
        if found is None:
            return None
        state, fault = found
        if fault:
            logger().warning(
                "checkpoint set aside", actor=instance.actor_urn, path=str(checkpoint.path), cause=fault
            )
        return state

    def _own_checkpoint(self) -> Checkpoint:
        if self._checkpoint is None:
            # SQLite is for actors that save something: hosts start without it.
            from peerage.actors.runtime.host.checkpoints import Checkpoint

            instance = self._cell.instance
            assert instance is not None
            if instance.checkpoint_dir is None:
                name = type(instance).__qualname__
                raise CheckpointError(
                    name, "it has no place for a checkpoint: set `checkpoint_dir` in the class or in __init__"
                )
            self._checkpoint = Checkpoint(Path(instance.checkpoint_dir), instance.checkpoint_name)
        return self._checkpoint

    def close(self) -> None:
        """The actor has ended: nothing of it runs any more, and its iterators clean up."""
        self.coroutines.close()
        if self._streams is not None:
            self._streams.close_all()
        if self._checkpoint is not None:
            self._checkpoint.close()
        if self._pool is not None:
            self._pool.close()

    def defer(self) -> Reply:
        """Answer the current ask later; what `on_receive` returns is ignored then. For a tell the reply goes
        nowhere.
        """
        if self._cell.current is None:
            raise ActorDeadError("defer: no message is being handled")
        self._cell.deferred = True
        source, corr, kind = self._cell.current
        return Reply(self._cell.answers, source, corr if kind == Kind.ASK else 0)


def _at_once() -> bool:
    """What is waited for to read what has come, and no longer."""
    return False
