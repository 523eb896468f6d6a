"""The system: one per embedding process, made on first use, gone with it."""

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

from peerage.actors.runtime.errors import ActorDeadError, LimitReachedError, Timeout, limit_of
from peerage.actors.runtime.host import starting
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail import codec, here, systems
from peerage.actors.runtime.mail.dead_letters import DeadLetterHook
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.host_table import ROOT_SERIAL, THREAD_BITS, HostFacts
from peerage.actors.runtime.mail.process import Process, current_host, current_port
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.watches import Watch
from peerage.actors.runtime.processes import orphan, sigterm  # noqa: F401 - orphan: what it does after a fork it does by itself
from peerage.actors.runtime.processes.directory import remove_directory, sweep_abandoned, why_passed_over
from peerage.actors.runtime.processes.prelaunch import TITLE, claim
from peerage.actors.runtime.processes.root import Root

STATISTICS_TIMEOUT_S = 1.0
MULTIPROCESSING_PRIORITY = 100  # before the queues' and managers' of a child, which actors may use
LOOK_S = 1.0  # whether the thread that is waited for lives
HURRY_S = 3.0  # for killing everything; what is left then goes when it notices that we are gone


class ActorStatistics(NamedTuple):
    """What a host says of one actor."""

    actor: str
    host: str
    pid: int
    mailbox: int  # messages waiting
    mailbox_bytes: int
    oldest_age: float  # seconds the oldest of them has waited
    handled: int


class System:
    """Hosts, their fork server and their directory, owned by this process.

    Made by the first start of an actor, or explicitly to choose options. Ends with `shutdown`, at the exit
    of the process, or, should the process be killed, by itself: every host notices and exits, and the
    directory is removed.

    At its end actors stop last started first; supervisors stop their children in their order, and are waited for as long as
    the children's shutdown times allow (docs/topics/end.md).

    Args:
        title: prefix of the processes' titles, `title: host name`.
        preload: modules that the fork server imports once, for hosts to start quickly. One that starts threads
            when it is imported is left out.
        log_setup: called first in every host process, unless the actor it was made for is started with another.
        handle_sigterm: whether SIGTERM ends the program in order, by SystemExit(143) in its main thread. It does only if
            the system is made there, and the program has not said otherwise; after the system's end it is as before.

    Raises: LimitReachedError, when a limit of the operating system leaves no room for it.
    """

    _current: System | None = None
    _lock = threading.RLock()

    def __init__(
        self,
        *,
        title: str = TITLE,
        preload: tuple[str, ...] = (),
        log_setup: Callable[[], None] | None = None,
        handle_sigterm: bool = True,
    ) -> None:
        if why := starting.refusal():
            raise RuntimeError(why)
        with System._lock:
            if here.system():
                raise RuntimeError("an actor system already runs in this process")
            self._stopped = False
            self._stopper: threading.Thread | None = None  # who ends it
            self._over = threading.Event()
            self._finalizer: Any = None
            self._before_end: list[Callable[[], object]] = []
            self.log_setup = log_setup
            setup = b"" if log_setup is None else codec.dumps(log_setup)
            sweep_abandoned()
            try:
                self._make(preload, title, setup)
            except Exception as error:
                if lack := limit_of(error):
                    raise LimitReachedError("the actor system", lack) from error
                raise
            _say_where(self._directory.path)
            here.enter(self.process)
            System._current = self
            self._pid = os.getpid()
            atexit.register(self._shutdown_at_exit)
            if parent_process() is not None:  # a child of multiprocessing's ends without atexit
                self._finalizer = Finalize(
                    None, self._shutdown_at_exit, exitpriority=MULTIPROCESSING_PRIORITY
                )
        if handle_sigterm:
            sigterm.end_program()

    def _make(self, preload: tuple[str, ...], title: str, setup: bytes) -> None:
        """Have all that it consists of running; if that cannot be, nothing of it is left."""
        with contextlib.ExitStack() as undo:
            foundation = claim(preload, title)
            undo.callback(foundation.tear_down)
            self._directory, self._fork_server = foundation.directory, foundation.fork_server
            self._life_read, self._life_write = foundation.life_read, foundation.life_write
            self._directory.make()
            self.process = Process(self._directory.path, ROOT_SERIAL, systems.new())
            undo.callback(self.process.network.context.destroy, linger=0)
            undo.callback(self.process.network.foothold.close)
            self.process.title = title
            self.process.on_mended = self._directory.hold_again
            self._root: Root | None = None
            started, self._ran = threading.Event(), threading.Event()
            self._failure: BaseException | None = None
            self._thread = threading.Thread(
                target=self._run, args=(started, setup), name="actor system", daemon=True
            )
            self._thread.start()
            started.wait()
            if self._failure is not None:
                raise self._failure
            undo.pop_all()

    def _run(self, started: threading.Event, log_setup: bytes) -> None:
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
        if self._stopped:
            return
        self._stopped, self._stopper = True, None
        System._current = None
        atexit.unregister(self._shutdown_at_exit)
        # A forked child of the embedder must not keep the hosts alive.
        with contextlib.suppress(OSError):
            os.close(self._life_write)
            self._directory.close()

    @classmethod
    def forget_after_fork(cls) -> None:
        """In a forked child of the embedder: the system is the parent's."""
        cls._lock = threading.RLock()  # another thread may have had it
        if cls._current is not None:
            cls._current._forget_after_fork()  # noqa: SLF001 - its own class

    @classmethod
    def current(cls) -> System:
        """The system of this process, made if there is none."""
        with cls._lock:
            return cls._current or cls()

    @classmethod
    def ensure(cls) -> None:
        """Make a system if none runs here; of several threads that start their first actors at once, one does."""
        with cls._lock:
            if not here.system():
                cls()

    @classmethod
    def is_running(cls) -> bool:
        """Whether this process has a system already."""
        return cls._current is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    @property
    def directory(self) -> str:
        """Where the mailboxes' sockets are."""
        return self.process.directory

    @property
    def fork_server_pid(self) -> int:
        return self._fork_server.pid

    def hosts(self) -> list[HostFacts]:
        """The live hosts, the oldest first; the root is not one of them."""
        return [facts for serial, facts in sorted(self.process.table.live.items()) if serial != ROOT_SERIAL]

    def actors(self) -> list[ActorStatistics]:
        """Every actor with its mailbox. A host too busy to answer within a second is left out."""
        found: list[ActorStatistics] = []
        for row in self._ask_hosts("actors"):
            found.extend(ActorStatistics(*actor) for actor in row)
        return found

    @property
    def dead_letters(self) -> int:
        """Tells of all live processes that were not delivered."""
        own = self.process.dead_letters
        others: list[int] = self._ask_hosts("dead_letters", one_per_process=True)
        return own + sum(others)

    def on_dead_letter(self, hook: DeadLetterHook | None) -> None:
        """Have `hook(target, messages)` called for dead letters of this process."""
        self.process.on_dead_letter(hook)

    def _ask_hosts(self, question: str, *, one_per_process: bool = False) -> list[Any]:
        if here.process is not self.process:
            raise ActorDeadError("this actor system does not run in this process any more")
        port = current_port()
        hosts = self.hosts()
        if one_per_process:
            own = os.getpid()
            hosts = list({facts.pid: facts for facts in reversed(hosts) if facts.pid != own}.values())
        futures = [port.requests.ask(facts.serial << THREAD_BITS, Kind.QUERY, question) for facts in hosts]
        answers = []
        for future in futures:
            with contextlib.suppress(ActorDeadError, Timeout):
                answers.append(future.get(timeout=STATISTICS_TIMEOUT_S))
        return answers

    def before_end(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Have `callback` called first of all when the system is shut down, while everything still runs; the last one
        given is called first.

        Returns: a function that calls it off.
        """
        self._before_end.append(callback)

        def call_off() -> None:
            with contextlib.suppress(ValueError):
                self._before_end.remove(callback)

        return call_off

    def shutdown(self, grace: float = 5.0) -> None:
        """Stop all actors, each after its mailbox, the last started first; then end.

        Supervisors, and other actors with `stops_others`, have the time that they need; they stop what is theirs. Of the
        rest, processes that are still there `grace` seconds after they were told to stop are killed.
        An exception that a signal's handler raises meanwhile (a second Ctrl-C) has everything killed at once. A second call
        waits for the first.
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
        with contextlib.ExitStack() as stack:  # whatever fails, what comes after it is done
            stack.callback(sigterm.let_be)
            stack.callback(self._over.set)
            stack.callback(atexit.unregister, self._shutdown_at_exit)
            if self._finalizer is not None:
                stack.callback(self._finalizer.cancel)
            stack.callback(self._leave)
            stack.callback(remove_directory, process.directory)
            stack.callback(process.close_context)
            stack.callback(self._directory.close)
            stack.callback(process.network.foothold.close)
            for fd in (self._life_read, self._life_write):
                stack.callback(os.close, fd)
            stack.callback(self._fork_server.close)
            stack.callback(self._close_clients)
            self._stop_all(root, grace)

    def _stop_all(self, root: Root, grace: float) -> None:
        try:
            for callback in reversed(self._before_end):
                try:
                    callback()
                except Exception:
                    logger().exception("callback before the system's end failed")
            caller = current_host()
            root.call_threadsafe(None, root.close_down, grace, None if caller is None else caller.serial)
            # Not joined: up to Python 3.12, a join that a signal's handler ends takes the thread for dead (bpo-46726).
            while not self._ran.wait(LOOK_S):  # nor for ever: a signal just before a wait does not end it
                pass
        except BaseException:
            root.call_threadsafe(None, root.close_down, 0.0, None)  # if it has not been called yet
            root.call_threadsafe(None, root.hurry)
            deadline = time.monotonic() + HURRY_S
            while not self._ran.is_set() and (left := deadline - time.monotonic()) > 0:
                with contextlib.suppress(KeyboardInterrupt, SystemExit):  # it has been heard
                    self._ran.wait(left)
            raise
        self._thread.join()

    def _wait_for_end(self) -> None:
        """Wait for the thread that shuts down, but for a handler in it or one that belongs to what it stops."""
        stopper = self._stopper
        if stopper is None or stopper is threading.current_thread() or current_host() is not None:
            return
        try:
            while not self._over.wait(LOOK_S) and stopper.is_alive():
                pass
        except BaseException:
            assert self._root is not None
            self._root.call_threadsafe(None, self._root.hurry)
            raise

    def _shutdown_at_exit(self) -> None:
        # Python would print a traceback, and go on to the next function.
        with contextlib.suppress(KeyboardInterrupt, SystemExit):
            self.shutdown()

    def _close_clients(self) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(self.process.network.flusher.end)
            stack.callback(self.process.promises.close)
            for client in self.process.shut():
                stack.callback(
                    client.close
                )  # a signal's handler may end the first, while its thread has the lock
                stack.callback(client.close)

    def _leave(self) -> None:
        here.leave()
        System._current = None
        with ActorRegistry._actor_refs_lock:  # noqa: SLF001 - all of them are gone
            for ref in ActorRegistry.get_all():
                if isinstance(ref, ActorRef):
                    ActorRegistry.unregister(ref)


def _say_where(directory: str) -> None:
    """A user who has named a place for temporary files finds in the log why the mailboxes are not there."""
    named = os.environ.get("TMPDIR", "")
    if named and not os.environ.get("RUNTIME_DIRECTORY") and not directory.startswith(named):
        logger().info(
            "TMPDIR is passed over", directory=directory, tmpdir=named, cause=why_passed_over(named)
        )


os.register_at_fork(after_in_child=System.forget_after_fork)


def watch(ref: ActorRef[Any]) -> Watch:
    """Watch an actor from a thread that is none: `watch(ref).wait()` gives the DownReason, at once `noproc` when the actor
    is not there, or cannot be reached from here.
    """
    try:
        return Watch(ref.port(), ref)
    except ActorDeadError as error:
        return Watch(None, ref, DownReason("noproc", str(error)))
