"""The system: one per embedding process, made on first use, gone with it.

It joins what the rest of the runtime provides: the directory of the sockets, the fork server, and the root, a loop in a
daemon thread of its own. A thread, because the embedder's own threads may be busy with anything, while starts, deaths and
ends must be dealt with; daemon, because Python must reach its exit handlers, which end it.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
from collections.abc import Callable
from multiprocessing import parent_process
from multiprocessing.util import Finalize
from types import TracebackType
from typing import Any, NamedTuple, Self

from pykka import ActorRegistry

from peerage.actors.runtime import monkey_patches
from peerage.actors.runtime.errors import ActorDeadError, LimitReachedError, Timeout, limit_of
from peerage.actors.runtime.host import starting
from peerage.actors.runtime.host.instruments import packed_setup
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail import here, shared_file, systems
from peerage.actors.runtime.mail.dead_letters import DeadLetterHook, DeadLetterRecord, merged
from peerage.actors.runtime.mail.envelope import Kind, new_key
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.host_table import ROOT_SERIAL, THREAD_BITS, HostFacts
from peerage.actors.runtime.mail.process import Process, current_host, current_port
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.watches import Watch
from peerage.actors.runtime.metrics import MetricsReader
from peerage.actors.runtime.observation import Observation
from peerage.actors.runtime.observer import TIMEOUT_S, Observer
from peerage.actors.runtime.processes import orphan, sigterm  # noqa: F401 - orphan registers what is done after a fork
from peerage.actors.runtime.processes.directory import remove_directory, sweep_abandoned, why_passed_over
from peerage.actors.runtime.processes.host_records import SYSTEM_ENDS
from peerage.actors.runtime.processes.prelaunch import TITLE, claim
from peerage.actors.runtime.processes.root import Root

STATISTICS_TIMEOUT_S = 1.0
MULTIPROCESSING_PRIORITY = 100  # above those of multiprocessing's queues and managers, which actors use
LOOK_S = 1.0  # between two looks at whether the thread that is waited for is alive
HURRY_S = 3.0  # for killing everything; whatever is left then exits when it notices that we are gone


class ActorStatistics(NamedTuple):
    """One actor, as its host reports it."""

    actor: str
    host: str
    pid: int
    mailbox: int  # messages waiting
    mailbox_bytes: int
    oldest_age: float  # seconds the oldest of them has waited
    handled: int


class System:
    """Hosts, their fork server and their directory, owned by this process.

    It is created by the first start of an actor, or explicitly to choose options. It ends with `shutdown`, at the exit of
    the process, or, if the process is killed, without it: every host notices and exits, and the directory is removed.

    At its end actors stop in the reverse order of their starts; supervisors stop their children in their own order, and are
    waited for as long as the children's shutdown times allow (docs/topics/end.md).

    Attributes: metrics, to be called for the metrics by class of actor (`metrics.py`).

    Args:
        title: prefix of the processes' titles, `title: host name`.
        preload: modules that the fork server imports once, in this order, so that hosts start quickly. A module that
            starts threads when it is imported is left out: a fork would have its locks without who releases them.
        log_setup: called first in every host process, unless its actor is started with another one.
        handle_sigterm: whether SIGTERM ends the program in order, by SystemExit(143) in its main thread. This works only if
            the system is created there and the program does not handle the signal; it is undone when the system ends.

    Raises:
        LimitReachedError: a limit of the operating system leaves no room for it.
        RuntimeError: this process has a system already, or must not start actors now (`host/starting.py`).
        ActorDeadError: the one before is still shutting down.
    """

    _current: System | None = None
    _lock = threading.RLock()  # reentrant: `current` and `ensure` hold it while they make one

    def __init__(
        self,
        *,
        title: str = TITLE,
        preload: tuple[str, ...] = (),
        log_setup: Callable[[], None] | None = None,
        handle_sigterm: bool = True,
    ) -> None:
        if why := starting.refusal() or monkey_patches.refusal():
            raise RuntimeError(why)
        with System._lock:
            if here.system():
                raise RuntimeError("an actor system already runs in this process")
            # It takes no part any more, and yet has to leave: what it would undo then is the new one's.
            if System._current is not None:
                raise ActorDeadError(SYSTEM_ENDS)
            self._stopped = False
            self._stopper: threading.Thread | None = None  # the thread that ends it
            self._over = threading.Event()
            self._finalizer: Any = None
            self._before_end: list[Callable[[], object]] = []
            self.log_setup = log_setup
            setup = packed_setup(log_setup)
            sweep_abandoned()
            try:
                self._make(preload, title, setup)
            except Exception as error:
                if lack := limit_of(error):
                    raise LimitReachedError("the actor system", lack) from error
                raise
            _say_where(self._directory.path)
            # Only now, when all of it runs: from here on other threads find the system without this lock.
            here.enter(self.process)
            System._current = self
            self._pid = os.getpid()
            atexit.register(self._shutdown_at_exit)
            # A child of multiprocessing ends with os._exit, which calls no `atexit` functions, after its own finalizers.
            if parent_process() is not None:
                self._finalizer = Finalize(
                    None, self._shutdown_at_exit, exitpriority=MULTIPROCESSING_PRIORITY
                )
        if handle_sigterm:
            sigterm.end_program()

    def _make(self, preload: tuple[str, ...], title: str, setup: bytes) -> None:
        """Get everything running that it consists of. If any of it fails, what was made before is undone."""
        with contextlib.ExitStack() as undo:
            foundation = claim(preload, title)
            undo.callback(foundation.tear_down)
            self._directory, self._fork_server = foundation.directory, foundation.fork_server
            self._life_read, self._life_write = foundation.life_read, foundation.life_write
            self._directory.make()  # the fork server, which removes it if this process is killed, runs already
            memory_fd = shared_file.create()
            if memory_fd >= 0:
                undo.callback(os.close, memory_fd)
            self.process = Process(self._directory.path, ROOT_SERIAL, new_key(), systems.new(), memory_fd)
            # `destroy`, since `term` would wait for sockets that nobody closes any more.
            undo.callback(self.process.network.context.destroy, linger=0)
            undo.callback(self.process.network.foothold.close)
            self.process.title = title
            self.metrics = MetricsReader(self.process)
            self.process.on_mended = self._directory.hold_again
            self._root: Root | None = None
            started, self._ran = threading.Event(), threading.Event()
            self._failure: BaseException | None = None
            self._thread = threading.Thread(
                target=self._run, args=(started, setup), name="actor system", daemon=True
            )
            self._thread.start()
            # The root is made in its own thread, since its mailbox belongs to the thread that makes it.
            started.wait()
            if self._failure is not None:
                raise self._failure
            undo.pop_all()

    def _run(self, started: threading.Event, log_setup: bytes) -> None:
        """The root's thread. What its constructor raises is raised by `_make`, in the thread that makes the system."""
        try:
            self._root = Root(self.process, self._fork_server, log_setup=log_setup)
        except BaseException as error:
            self._failure = error
            return
        finally:
            started.set()
        try:
            self._root.run()
        finally:
            self._ran.set()

    def _forget_after_fork(self) -> None:
        # Also of a system that is just being shut down: the child may have one of its own.
        System._current = None
        if self._stopped:
            return
        self._stopped, self._stopper = True, None
        atexit.unregister(self._shutdown_at_exit)  # the parent's actors are not ours to stop
        # The hosts live as long as the life pipe has a writer: a forked child must not keep them alive after its parent.
        with contextlib.suppress(OSError):
            os.close(self._life_write)
            self._directory.close()

    @classmethod
    def forget_after_fork(cls) -> None:
        """In a forked child of the embedder: the system belongs to the parent, and the child may make one of its own."""
        cls._lock = threading.RLock()  # another thread, which the child does not have, may hold the old one
        if cls._current is not None:
            cls._current._forget_after_fork()  # noqa: SLF001 - its own class

    @classmethod
    def current(cls) -> System:
        """The system of this process, created if there is none."""
        with cls._lock:  # of two threads that come at once, one makes it and the other gets that one
            return cls._current or cls()

    @classmethod
    def ensure(cls) -> None:
        """Create a system if none runs here. If several threads start their first actors at once, one of them does.

        In a host process there is one already, the embedder's, though it has no `System` object.

        Raises: ActorDeadError, while the one before is shutting down.
        """
        with cls._lock:
            if not here.system():
                cls()

    @classmethod
    def is_running(cls) -> bool:
        """Whether this process has made a system. False in a host process, which takes part in another one's."""
        return cls._current is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    @property
    def directory(self) -> str:
        """Where the mailboxes' sockets and the handled counts are."""
        return self.process.directory

    @property
    def fork_server_pid(self) -> int:
        """The process that all hosts are forked from. It changes when the fork server dies and is replaced."""
        return self._fork_server.pid

    def hosts(self) -> list[HostFacts]:
        """The hosts that are alive, the oldest first; the root is not one of them."""
        return [facts for serial, facts in sorted(self.process.table.live.items()) if serial != ROOT_SERIAL]

    def actors(self) -> list[ActorStatistics]:
        """Every actor with its mailbox. A host that is too busy to answer within a second is left out."""
        found: list[ActorStatistics] = []
        for row in _ask_hosts(self, "actors"):
            found.extend(ActorStatistics(*actor) for actor in row)
        return found

    def observe(self, timeout: float = TIMEOUT_S) -> Observation:
        """All hosts with their actors, mailboxes and processor time; `observe().tree()` is the tree of supervisors.

        Whoever looks again and again keeps an `Observer` instead, which asks no host that owes an answer.
        Args: timeout, seconds for all hosts together. Those that do not answer within it are told as such.
        Raises: ActorDeadError, after the system's end.
        """
        return Observer(self.process).observe(timeout)

    @property
    def dead_letters(self) -> int:
        """Tells that were not delivered, of all processes that are alive: the counts of a process end with it."""
        own = self.process.dead_letters
        others: list[int] = _ask_hosts(self, "dead_letters", one_per_process=True)
        return own + sum(others)

    def dead_letter_record(self) -> DeadLetterRecord:
        """Dead letters by target, `host/name`, and the latest 1000 losses, of all processes that are alive, oldest first.

        What is lost without a known target is in `dead_letters` alone.
        """
        own = self.process.network.dead_letters.record()
        return merged([own, *_ask_hosts(self, "dead_letter_record", one_per_process=True)])

    def on_dead_letter(self, hook: DeadLetterHook | None) -> None:
        """Have `hook(target, messages)` called for dead letters of this process; None ends that.

        It is called by whichever thread notices the loss, perhaps in the middle of sending, so it must be quick. Host
        processes count their dead letters themselves: see `dead_letters`.
        """
        self.process.on_dead_letter(hook)

    def before_end(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Have `callback` called when the system is shut down, before anything else, while everything still runs. The last
        one registered is called first.

        Returns: a function that removes it again.
        """
        self._before_end.append(callback)

        def call_off() -> None:
            with contextlib.suppress(ValueError):  # it was removed before
                self._before_end.remove(callback)

        return call_off

    def shutdown(self, grace: float = 5.0) -> None:
        """Stop all actors, each after what is in its mailbox, in the reverse order of their starts; then end.

        Supervisors, and other actors with `stops_others`, have the time that they need, and stop what belongs to them. Of
        the others, processes that are still there `grace` seconds after they were told to stop are killed.
        An exception that a signal handler raises meanwhile (a second Ctrl-C) kills everything at once. A second call waits
        for the first.
        """
        with System._lock:
            is_first = not self._stopped
            self._stopped = True
            if is_first:
                self._stopper = threading.current_thread()
        if not is_first:
            self._wait_for_end()
            return
        root, process = self._root, self.process
        assert root is not None
        # Called from the last to the first: first of all, below, the actors stop; then the sockets are closed that they
        # needed, then the fork server, and at the end the directory goes and this process may make another system. A signal
        # may raise an exception at any point; the stack does the rest all the same.
        with contextlib.ExitStack() as stack:
            stack.callback(sigterm.let_be)
            stack.callback(self._over.set)
            stack.callback(atexit.unregister, self._shutdown_at_exit)
            if self._finalizer is not None:  # it would call this again, and keep the system until then
                stack.callback(self._finalizer.cancel)
            stack.callback(_leave)
            stack.callback(remove_directory, process.directory)
            stack.callback(process.close_context)
            stack.callback(self._directory.close)
            stack.callback(process.network.foothold.close)
            # With the life pipe's writing end closed, whatever process is still there exits.
            for fd in (self._life_read, self._life_write):
                stack.callback(os.close, fd)
            stack.callback(self._fork_server.close)
            stack.callback(self._close_clients)
            self._stop_all(root, grace)

    def _stop_all(self, root: Root, grace: float) -> None:
        """Have the root stop everything, and wait for that. Raises: what a signal handler raises, once all is killed."""
        try:
            for callback in reversed(self._before_end):
                try:
                    callback()
                except Exception:  # the program's fault must not leave its actors running
                    logger().exception("callback before the system's end failed")
            # An actor in a thread of this process may be the one that shuts down. It cannot stop before this call returns:
            # the root stops its host, and does not wait for it.
            caller = current_host()
            root.call_threadsafe(None, root.close_down, grace, None if caller is None else caller.serial)
            # An event, not a join: up to Python 3.12, a join that a signal handler ends takes the thread for dead
            # (bpo-46726). In slices, because a signal that comes just before a wait does not end it.
            while not self._ran.wait(LOOK_S):
                pass
        except BaseException:
            # The exception may have come before the call above; a second one has no effect.
            root.call_threadsafe(None, root.close_down, 0.0, None)
            root.call_threadsafe(None, root.hurry)
            deadline = time.monotonic() + HURRY_S
            while not self._ran.is_set() and (left := deadline - time.monotonic()) > 0:
                # One more signal changes nothing: everything is being killed already.
                with contextlib.suppress(KeyboardInterrupt, SystemExit):
                    self._ran.wait(left)
            raise
        self._thread.join()  # a moment: the loop has ended. Nobody may use the sockets when they are closed

    def _wait_for_end(self) -> None:
        """Wait for the thread that shuts down.

        Not if that is this very thread, in a signal handler or a `before_end` callback, nor in a host's thread, which the
        shutdown waits for: each would wait for itself. `stopper` is looked at as well as the event, since a thread that dies
        in the middle sets none.
        """
        stopper = self._stopper
        if stopper is None or stopper is threading.current_thread() or current_host() is not None:
            return
        try:
            while not self._over.wait(LOOK_S) and stopper.is_alive():
                pass
        except BaseException:
            # A second signal has hit this thread and not the one that shuts down. It means the same.
            assert self._root is not None
            self._root.call_threadsafe(None, self._root.hurry)
            raise

    def _shutdown_at_exit(self) -> None:
        # What a signal raises here has done its work, it killed everything. Python would only print its traceback.
        with contextlib.suppress(KeyboardInterrupt, SystemExit):
            self.shutdown()

    def _close_clients(self) -> None:
        """Close the mailboxes of all threads that are no hosts, so that whoever waits there gets an ActorDeadError."""
        with contextlib.ExitStack() as stack:
            stack.callback(self.process.network.flusher.end)
            stack.callback(self.process.promises.close)
            for client in self.process.shut():
                # Twice: the exception of a signal handler may end the first call before it has closed anything, for
                # instance while it waits for the port's lock.
                stack.callback(client.close)
                stack.callback(client.close)


def _leave() -> None:
    """From now on this process may make another system. Only now: nothing of the one before is left."""
    here.leave()
    System._current = None  # noqa: SLF001 - of this module
    with ActorRegistry._actor_refs_lock:  # noqa: SLF001 - all of them are gone
        for ref in ActorRegistry.get_all():
            if isinstance(ref, ActorRef):  # the program may have actors of Pykka's own as well
                ActorRegistry.unregister(ref)


def _say_where(directory: str) -> None:
    """Log why the mailboxes are not where TMPDIR says: whoever has set it will look for them there."""
    named = os.environ.get("TMPDIR", "")
    if named and not os.environ.get("RUNTIME_DIRECTORY") and not directory.startswith(named):
        logger().info(
            "TMPDIR is passed over", directory=directory, tmpdir=named, cause=why_passed_over(named)
        )


os.register_at_fork(after_in_child=System.forget_after_fork)


def watch(ref: ActorRef[Any]) -> Watch:
    """Watch an actor from a thread that does not run actors: `watch(ref).wait()` returns the DownReason. It is `noproc`, at
    once, when there is no such actor, or when it cannot be reached from here.
    """
    try:
        return Watch(ref.port(), ref)
    except ActorDeadError as error:  # of another system, or where none runs: who asks gets an answer
        return Watch(None, ref, DownReason("noproc", str(error)))


def _ask_hosts(system: System, question: str, *, one_per_process: bool = False) -> list[Any]:
    """Ask all hosts at once, and wait for each answer. Those that die or do not answer in time are left out.

    Args: one_per_process, for what a process counts as a whole: only one of its hosts is asked, and not this process.
    Raises: ActorDeadError, after the system's end.
    """
    if here.process is not system.process:
        raise ActorDeadError("this actor system does not run in this process any more")
    port = current_port()
    hosts = system.hosts()
    if one_per_process:
        own = os.getpid()
        hosts = list({facts.pid: facts for facts in reversed(hosts) if facts.pid != own}.values())
    futures = [port.requests.ask(facts.serial << THREAD_BITS, Kind.QUERY, question) for facts in hosts]
    answers = []
    for future in futures:  # all are asked before the first answer is waited for
        with contextlib.suppress(ActorDeadError, Timeout):
            answers.append(future.get(timeout=STATISTICS_TIMEOUT_S))
    return answers
