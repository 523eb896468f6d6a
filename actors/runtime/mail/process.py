"""One operating-system process of a system, as its threads share it: their mailboxes, its loops of actors, its losses.

Ports are made by and for single threads, and many of them sleep at their mailboxes. What concerns all of them, a death or a
new host, comes to one loop, the main one, which changes the host table and then wakes the threads that have to look at it.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Protocol, cast

from peerage.actors.runtime.errors import ActorDeadError
from peerage.actors.runtime.heap import Heap
from peerage.actors.runtime.mail import here, systems
from peerage.actors.runtime.mail.dead_letters import DeadLetterHook
from peerage.actors.runtime.mail.future import Future
from peerage.actors.runtime.mail.host_table import ROOT_SERIAL, THREAD_BITS, THREAD_MASK
from peerage.actors.runtime.mail.name_numbers import RememberedNames
from peerage.actors.runtime.mail.network import Network
from peerage.actors.runtime.mail.port import Port
from peerage.actors.runtime.mail.promise import Promises


class Loop(here.Host, Protocol):
    """A loop of actors in a thread of this process, or the root. The class, `LoopThread`, stands above this module."""

    @property
    def port(self) -> Port: ...

    @property
    def loop(self) -> Any:
        """Its turns and timers; `call_later(None, delay, fn)` is for its own thread only."""

    @property
    def closing(self) -> bool: ...

    @property
    def finished(self) -> bool: ...

    @property
    def killer(self) -> Callable[[], object] | None:
        """Kills the process elsewhere that its actor has; None for nearly all loops. To be called in its thread."""

    def on_mended(self) -> None:
        """In its thread: the directory of the mailboxes was made again. Put back what it held beside the mailbox."""


class Process:
    """The embedder (serial 1) or a host process.

    Attributes:
        system: a short text that all processes of one system share, and no other system has.
        main: the loop that hears of deaths: the root, or the process's own host.
        hosts: all loops, by serial. clients: the ports of threads that run none, held weakly: they end with their threads.
        on_mended: called by the root's loop when the directory was made again.
        title: prefix of the titles of processes.
        border: what changes refs that leave or enter, in the process of an outpost on a cluster.
        log_setup: pickled; run first in this host process, and in those that are started from it.
        here: what each thread has of this system.
        names: what is remembered of the system's names and groups.
    """

    def __init__(
        self, directory: str, serial: int, key: bytes, system: str = "", memory_fd: int = -1
    ) -> None:
        self.network = network = Network(directory, serial, key, system, memory_fd)
        network.on_mended, network.is_ending = self._bind_again, self._is_ending
        self.directory, self.serial, self.system, self.pid = directory, serial, system, network.pid
        self.table, self.kept, self.told = network.table, network.kept, network.told
        self.main: Loop | None = None
        self.hosts: dict[int, Loop] = {}
        self.clients: weakref.WeakSet[Port] = weakref.WeakSet()
        self.on_mended: Callable[[], None] | None = None
        self.title = ""
        self.border: here.Border | None = None
        self.log_setup = b""
        self.here = here.Thread()
        self.promises = Promises(self)
        self.names = RememberedNames(directory)
        # The embedder's heap is its own affair.
        self._heap = None if serial == ROOT_SERIAL else Heap()
        self._threads = 0
        self._lock = threading.RLock()  # a signal's handler may interrupt its own thread here
        self._is_left_open = False  # whether a host that was stuck at the system's end has kept the context

    @property
    def closed(self) -> bool:
        """Whether it takes no part in the system any more."""
        return self.network.closed

    # Threads

    def next_address(self) -> int:
        """An address for a thread that is not a host. Reused only after a million threads, when nobody can remember it."""
        with self._lock:
            self._threads = self._threads % THREAD_MASK + 1
            return self.serial << THREAD_BITS | self._threads

    def make_port(self) -> Port:
        """Give the calling thread, which is no host's, its mailbox.

        Raises: ActorDeadError, when the system has shut down; LimitReachedError.
        """
        if self.closed:
            raise ActorDeadError("the actor system has shut down")
        port = Port(self.network, self.next_address(), self)
        self._join(port)
        self.here.port, self.here.owner = port, _ThreadPort(port)
        return port

    def _join(self, port: Port) -> None:
        # Under the lock, so that `close` either sees this port among the clients or is seen here: otherwise nobody would
        # close it at the system's end, and its thread would wait for answers for ever.
        with self._lock:
            if not self.closed:
                self.clients.add(port)
                return
        port.close()
        raise ActorDeadError(self.network.why_over())

    def ports(self) -> list[Port]:
        """Of all threads, hosts or not."""
        with self._lock:  # threads come and go
            return [*self.clients, *(host.port for host in list(self.hosts.values()))]

    def retire(self, port: Port) -> None:
        """A thread's port is closed: take over its count, and have the main loop close its connection to it.

        Usually a port says goodbye to everybody that it has sent to. But the main loop may have woken this one without ever
        having got a message from it.
        """
        with self._lock:
            self.network.dead_letters.add(port.dead_letters)
            port.dead_letters = 0
            self.clients.discard(port)
        main = self.main
        if main is not None and main.port is not port and not self.closed:
            main.call_threadsafe(None, main.port.outbox.forget, port.address)

    def call_later(self, address: int, delay: float, fn: Callable[[], object]) -> None:
        """Call `fn()` in the main loop after `delay` seconds, then have the thread with this address look around.

        For threads without a loop, which have no timers of their own.
        """
        main = self.main
        if main is not None:

            def call() -> None:
                fn()
                main.port.wake(address)

            main.call_threadsafe(None, main.loop.call_later, None, delay, call)

    def wake_clients(self) -> None:
        """Somebody died: have the threads that wait for others look at the table again. In the main loop."""
        main = self.main
        with self._lock:
            clients = list(self.clients)
        for client in clients:
            if main is not None and _waits_for_others(client):
                main.port.wake(client.address)

    def wake_followers(self) -> None:
        """A host is up: have the threads that follow a name look at the table again. In the main loop."""
        main = self.main
        with self._lock:
            followers = [client for client in self.clients if client.follows]
        if main is not None:
            for client in followers:
                main.port.wake(client.address)

    # Losses

    @property
    def dead_letters(self) -> int:
        """Tells of this process's actors and threads that were not delivered."""
        with self._lock:  # as `retire`, which moves counts from one place to the other
            ports = [*self.clients, *(host.port for host in list(self.hosts.values()))]
            return self.network.dead_letters.count + sum(port.dead_letters for port in ports)

    def on_dead_letter(self, hook: DeadLetterHook | None) -> None:
        """Have `hook(target, messages)` called for dead letters of this process."""
        self.network.dead_letters.hook = hook

    # The directory and the memory

    def look_around(self) -> None:
        """See whether the directory is still there, and what of the memory can be given back, shared or not."""
        self.network.mend()
        self.network.memory.look(self.ports)
        if self._heap is not None:
            self._heap.look()

    def _is_ending(self) -> bool:
        return self.main is not None and self.main.finished

    def _bind_again(self) -> None:
        """Called by whichever thread has made the directory again. Hosts put back the rest in their own loops."""
        for port in self.ports():
            port.bind_again()
        for host in list(self.hosts.values()):
            host.call_threadsafe(None, host.on_mended)

    # The end

    def dismiss(self, serial: int) -> bool:
        """A host is about to close what is its own. Returns: whether it has to close the context as well: it is the last."""
        with self._lock:
            self.hosts.pop(serial, None)
            return self._is_left_open and not self.hosts

    def close(self) -> list[Port]:
        """Let no thread get a port any more. Returns: the ports of those that have one."""
        with self._lock:
            self.network.closed = True
            return list(self.clients)

    def shut(self) -> list[Port]:
        """As `close`, at the end of the whole system: refs to it say from now on that it has ended."""
        systems.has_ended(self.system)
        return self.close()

    def close_context(self) -> None:
        """At the end of the embedder's system: close ZeroMQ's context, unless a host's thread is stuck in an actor.

        A socket must be closed by its own thread. So such a host keeps its sockets, and closes the context when it ends.
        """
        with self._lock:
            self._is_left_open = bool(self.hosts)
        if not self._is_left_open:
            self.network.close()

    def disown(self) -> list[object]:
        """In a forked child: take no part any more. Another thread, which the child does not have, may have held the lock.

        Returns: what must be kept, as `Network.disown` does.
        """
        self._lock = threading.RLock()
        return self.network.disown()


class _ThreadPort:
    """Closes a thread's port when the thread ends: a thread-local's value dies with its thread."""

    def __init__(self, port: Port) -> None:
        self.port = port

    def __del__(self) -> None:
        # In a forked child Python clears away the thread-locals of the parent's other threads before any code of ours runs.
        # This port belongs to the parent.
        if self.port.network.pid != os.getpid():
            return
        # At the end of the interpreter, Python stops daemon threads for good wherever they are, and then clears away their
        # thread-locals. One that was telling has the lock of its port, which the system's end has closed before.
        if not self.port.closed:
            self.port.close()


def current_process() -> Process | None:
    """This process's part in the system that runs in it, if one does."""
    return cast("Process | None", here.process)


def current_port() -> Port:
    """The calling thread's port, made on first use.

    Raises: ActorDeadError, when no system runs in this process.
    """
    return cast("Port", here.port())


def asking_port(answer: Future[Any]) -> Port:
    """The mailbox that an answer comes to. Everything else about the question must be sent from there: others know it by its
    number there. The calling thread may be another one, or have its mailbox in a later system.
    """
    return cast("Port", answer.port)


def current_host() -> Loop | None:
    """The host whose loop runs in the calling thread, or None."""
    return cast("Loop | None", here.host())


def _waits_for_others(port: Port) -> bool:
    """Whether its thread, or another one on its behalf, waits for somebody who may die, and so never send."""
    return bool(port.waiting or port.asks or port.watches or port.face.lines or port.follows)
