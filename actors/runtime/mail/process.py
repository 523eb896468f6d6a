"""What all threads of one process share: the ZeroMQ context, the host table, the directory, the ports."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import zmq

from peerage.actors.runtime.errors import ActorDeadError, LimitReachedError
from peerage.actors.runtime.limits import Purpose, Reserve, lack_of_threads
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail import definitions, here, systems
from peerage.actors.runtime.mail.flusher import Flusher
from peerage.actors.runtime.mail.host_table import ROOT_SERIAL, THREAD_BITS, HostTable, serial_of
from peerage.actors.runtime.mail.ways import Ways
from peerage.actors.runtime.processes.directory import LOOK_S, Foothold

if TYPE_CHECKING:
    from peerage.actors.runtime.mail.port import Port

STARTING = (
    16  # descriptors that a process needs to take part: its directory, ZeroMQ's threads, its first mailbox
)
EMBEDDER_TAKES_S = 0.1  # a host's last words to the embedder: the connection stands, and who reads it stays
LEAVE_POLL_S = 0.005
MENDED_S = 3 * LOOK_S  # after it was made again, all have noticed and their mailboxes are back

STARTING_THREADS = 3  # ZeroMQ's two, and one to spare
DeadLetterHook = Callable[[str, int], None]


class Loop(here.Host, Protocol):
    """A loop of actors in a thread of this process, seen from below: a host."""

    @property
    def port(self) -> Port: ...

    @property
    def loop(self) -> Any: ...

    @property
    def closing(self) -> bool: ...

    @property
    def finished(self) -> bool: ...

    def on_mended(self) -> None:
        """In its thread: the directory of the mailboxes was made again, which held more than the mailbox."""


class Process:
    """One operating-system process of a system: the embedder (serial 1) or a host process.

    Attributes: system, a short text that all processes of one system share, and no other system has.
    """

    def __init__(self, directory: str, serial: int, system: str = "") -> None:
        from peerage.actors.runtime.mail.promise import Promises

        self.directory, self.serial, self.system = directory, serial, system
        self.pid = os.getpid()
        self.reserve = Reserve()
        # ZeroMQ would abort the process.
        if lack := self.reserve.take(STARTING, Purpose.DUTY) or lack_of_threads(STARTING_THREADS):
            raise LimitReachedError("the actor system", lack)
        self.context = zmq.Context(io_threads=1)
        self.context.set(zmq.MAX_SOCKETS, 65_536)
        self.table = HostTable()
        self.main: Loop | None = None  # the loop that hears of deaths: the root, or the process's own host
        self.hosts: dict[int, Loop] = {}
        self.clients: weakref.WeakSet[Port] = weakref.WeakSet()
        self.closed = False
        self.last_sent_to: set[int] = set()  # addresses that a closed port had something for, at its end
        self.title = ""
        self.foothold = Foothold(directory)
        self.on_mended: Callable[[], None] | None = None
        self._mend_lock = threading.Lock()
        self._mended_at = float("-inf")
        self._is_left_open = False  # when the system ended
        self._fault = ""
        self.log_setup = (
            b""  # pickled: what this host process ran first, and those will that are started from it
        )
        self.dead_letter_hook: DeadLetterHook | None = None
        self._threads = 0
        self._lock = threading.Lock()
        self._retired_dead_letters = 0
        self.here = here.Thread()
        self.flusher = Flusher()
        self.promises = Promises(self)
        self.kept: dict[
            int, definitions.Everything | set[bytes]
        ] = {}  # which definitions the hosts keep, and
        self.told: dict[int, set[bytes]] = {}  # which of those that we keep they have been told of
        self.ways = Ways(self)

    def endpoint(self, address: int) -> str:
        return f"ipc://{self.directory}/{address >> THREAD_BITS}.{address & ((1 << THREAD_BITS) - 1)}"

    def is_gone(self, address: int) -> bool:
        """Whether nobody reads there any more: the process has died, or the thread has closed its mailbox."""
        if self.table.is_dead(serial_of(address)):
            return True
        if Path(self.endpoint(address).removeprefix("ipc://")).exists():
            return False
        # Of a directory that was removed all are missing, though most are there, and bind again as soon as they notice.
        self.mend()
        return time.monotonic() - self._mended_at >= MENDED_S

    # The directory

    def not_noticed_yet(self, identity: tuple[int, int]) -> None:
        """In a new process: the root knew the directory with this identity. If it is another by now, others will follow."""
        if self.foothold.identity != identity:
            self._mended_at = time.monotonic()

    def mend(self) -> None:
        """Make the directory again if somebody has removed it, and bind in it again what is ours. From any thread."""
        if not self.foothold.is_lost():
            return
        with self._mend_lock:
            is_ending = self.closed or (self.main is not None and self.main.finished)
            if is_ending or not self.foothold.is_lost():
                return
            try:
                self.foothold.renew()
            except OSError as error:
                self._say(f"{self.directory}: cannot be made again: {error.strerror}")
                return
            self._mended_at = time.monotonic()
            for port in self.ports():
                port.bind_again()
            for host in list(self.hosts.values()):
                host.call_threadsafe(None, host.on_mended)
            self._say(f"{self.directory}: was removed, and is made again")
            self._fault = ""

    def stop_mending(self) -> None:
        """The embedder is gone, and so is the directory to be: whoever is mending it is waited for."""
        with self._mend_lock:
            self.closed = True

    def _say(self, what: str) -> None:
        """Log once, for all processes of the system."""
        if self.serial == ROOT_SERIAL and what != self._fault:
            self._fault = what
            logger().warning("directory of the mailboxes", cause=what)

    def leave(self, linger_s: float) -> None:
        """Before a host process exits, its ports closed: wait until what they sent is handed over.

        ZeroMQ waits the whole time for those who have gone meanwhile, as hosts do that end together; we do not.

        Args: linger_s, seconds to wait at most.
        """
        self.ways.close(linger_s)
        term = threading.Thread(target=self.context.term, daemon=True)
        try:
            term.start()
        except RuntimeError:  # there can be no more threads
            self.context.term()
            return
        began = time.monotonic()
        while term.is_alive() and (waited := time.monotonic() - began) < linger_s:
            if waited >= EMBEDDER_TAKES_S and all(
                serial_of(address) == ROOT_SERIAL or self.is_gone(address) for address in self.last_sent_to
            ):
                return
            term.join(LEAVE_POLL_S)

    def close_context(self) -> None:
        """At the end of the embedder's system. A host's thread that is stuck in an actor keeps its sockets until it ends."""
        with self._lock:
            self._is_left_open = bool(self.hosts)
        if not self._is_left_open:
            try:
                self.ways.close(0.0)
            finally:
                # Not term(), which waits for ever for a socket whose closing a signal's handler has ended by an exception.
                self.context.destroy(linger=0)

    def dismiss(self, serial: int) -> bool:
        """A host closes what is its own. Returns: whether the context is its to close then."""
        with self._lock:
            self.hosts.pop(serial, None)
            return self._is_left_open and not self.hosts

    def next_address(self) -> int:
        """An address for a thread that is not a host: reused only after a million threads."""
        with self._lock:
            self._threads = self._threads % ((1 << THREAD_BITS) - 1) + 1
            return self.serial << THREAD_BITS | self._threads

    def make_port(self) -> Port:
        """Give the calling thread, which is no host's, its mailbox.

        Raises: ActorDeadError, when the system has shut down; LimitReachedError.
        """
        from peerage.actors.runtime.mail.port import Port

        if self.closed:
            raise ActorDeadError("the actor system has shut down")
        port = Port(self, self.next_address())
        self._join(port)
        self.here.port, self.here.owner = port, _ThreadPort(port)
        return port

    def _join(self, port: Port) -> None:
        with self._lock:  # whoever looks through the clients must not meet a change of them
            if not self.closed:
                self.clients.add(port)
                return
        port.close()
        raise ActorDeadError(self.why_over())

    def shut(self) -> list[Port]:
        """Let no thread ask any more. Returns: the ports of those that have."""
        systems.has_ended(self.system)
        with self._lock:
            self.closed = True
            return list(self.clients)

    def ports(self) -> list[Port]:
        """Of all threads, hosts or not."""
        with self._lock:  # threads come and go
            return [*self.clients, *(host.port for host in list(self.hosts.values()))]

    def retire(self, port: Port) -> None:
        """A thread's port is closed. Who hears of deaths may have woken it, though it never sent there, so that its goodbye
        did not go there either.
        """
        with self._lock:
            self._retired_dead_letters += port.dead_letters
            port.dead_letters = 0
            self.clients.discard(port)
        main = self.main
        if main is not None and main.port is not port and not self.closed:
            main.call_threadsafe(None, main.port.outbox.forget, port.address)

    @property
    def dead_letters(self) -> int:
        """Messages of this process's actors and threads that were not delivered and were no asks."""
        with self._lock:  # as `retire`
            ports = [*self.clients, *(host.port for host in list(self.hosts.values()))]
            return self._retired_dead_letters + sum(port.dead_letters for port in ports)

    def count_late(self, key: str, messages: int) -> None:
        """Tells that come when the port, or all of the system, has closed."""
        with self._lock:
            self._retired_dead_letters += messages
        if self.dead_letter_hook is not None:
            self.dead_letter_hook(key, messages)

    def lose(self, messages: int) -> None:
        """Count messages of the runtime's own that can be kept no longer."""
        with self._lock:
            self._retired_dead_letters += messages

    def why_over(self) -> str:
        """Why nothing comes or goes any more."""
        if self.pid == os.getpid():
            return "the actor system has shut down"
        return f"this {systems.whereabouts(self.system).text}"

    def disown(self) -> None:
        """In a forked child: nobody else is here, and another thread may have had the locks."""
        self.closed = True
        self._lock, self._mend_lock = threading.Lock(), threading.Lock()

    def wake_clients(self) -> None:
        """Somebody died: threads that wait for an answer look at the table again."""
        main = self.main
        with self._lock:
            clients = list(self.clients)
        for client in clients:
            is_concerned = client.waiting or client.pending or client.watches or client.face.lines
            if main is not None and (is_concerned or client.follows):
                main.port.wake(client.address)

    def wake_followers(self) -> None:
        """A host is up: threads that wait for a name look at the table again."""
        main = self.main
        with self._lock:
            followers = [client for client in self.clients if client.follows]
        if main is not None:
            for client in followers:
                main.port.wake(client.address)


class _ThreadPort:
    """Closes a thread's port when the thread ends: a thread-local's value dies with its thread."""

    def __init__(self, port: Port) -> None:
        self.port = port

    def __del__(self) -> None:
        # A forked child ends its parent's other threads before anything of ours runs in it; the port is not its own.
        if self.port.process.pid == os.getpid():
            self.port.close()


def current_process() -> Process | None:
    """This process's part in the system that runs in it, if one does."""
    return cast("Process | None", here.process)


def current_port() -> Port:
    """The calling thread's port, made on first use.

    Raises: ActorDeadError, when no system runs in this process.
    """
    return cast("Port", here.port())


def current_host() -> Any:
    """The host whose loop runs in the calling thread, or None."""
    return here.host()
