"""The ways from one process to the mailboxes of others: one PUSH socket for each, made on first use, shared by all threads.

A way costs two file descriptors in its own process and one in the receiver's. Since threads share ways, an actor process
costs its embedder five descriptors: the way there, the two ways back (to the root and to the thread that started it), and
the descriptor that tells of its end.

A PUSH socket connects to one mailbox of one life of a host, and to nothing else: ZeroMQ would share messages out between
several receivers, and a socket that outlived its receiver would keep them for the next one at the same path.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable

import zmq

from peerage.actors.runtime.errors import LimitReachedError
from peerage.actors.runtime.limits import Purpose, Reserve, lack_of_descriptors
from peerage.actors.runtime.mail.envelope import HEADER, Kind
from peerage.actors.runtime.mail.host_table import HostTable, serial_of

# How soon a mailbox is tried again that cannot be connected to: its path is missing after the directory was removed, or its
# backlog is full. ZeroMQ's own 100 ms would be seen in the first message of an actor.
RECONNECT_MS = 20
SHORTEST_LINGER_S = 0.1
# Descriptors of a way: in the process that it leads from, and in the one that it leads to.
WAY, ACCEPTED = 2, 1
# A signal's handler that waits for another thread may have interrupted its own thread in the middle of sending. Another
# thread that needs the same way then makes one beside it. Nothing else holds a way for longer than it takes to hand over a
# message.
PATIENCE_S = 0.5


class Way:
    """The way to one address.

    Attributes:
        lock: guards the socket, since ZeroMQ's sockets are not for several threads at once. A signal's handler may enter it
            again in its own thread, which would wait for itself otherwise.
        push: the socket, None once it is closed, and while it is `taken`. Whoever finds it so asks for the way anew.
        taken: the socket while a message of several frames is handed over. Another one would become a part of it. It stays
            taken if an exception comes in between, since nobody can tell then how much of the message is in it.
        beside: what a signal's handler uses that has come in the middle of such a message, and everybody after an exception.
    """

    __slots__ = ("beside", "lock", "push", "taken")

    def __init__(self, push: zmq.Socket[bytes]) -> None:
        self.lock = threading.RLock()
        self.push: zmq.Socket[bytes] | None = push
        self.taken: zmq.Socket[bytes] | None = None
        self.beside: Way | None = None

    def take(self) -> zmq.Socket[bytes] | None:
        """Begin with a message of several frames; the caller holds the lock. Returns: None, when that is not possible."""
        if (push := self.push) is not None:
            self.taken, self.push = push, None
        return push

    def give_back(self) -> bool:
        """The message is complete. Returns: False, when a signal's handler has closed the way meanwhile."""
        if self.taken is None:
            return False
        self.push, self.taken = self.taken, None
        return True


class Ways:
    """The ways of one process.

    Args:
        endpoint: where the mailbox with an address is found.
        table: who is alive.
        reserve: of this process's file descriptors.
        is_gone: whether nobody reads at an address any more.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        endpoint: Callable[[int], str],
        table: HostTable,
        reserve: Reserve,
        is_gone: Callable[[int], bool],
    ) -> None:
        self._context, self._endpoint, self._table = context, endpoint, table
        self._reserve, self._is_gone = reserve, is_gone
        self._lock = threading.RLock()
        self._by_address: dict[int, Way] = {}
        self._held_up: list[
            Way
        ] = []  # ways whose holder did not let go of them; closed when the process ends

    def open(self, address: int, purpose: Purpose, *, is_answered: bool = False) -> Way | None:
        """Get the way to an address for one more thread; it is made if there is none.

        The receiver's descriptors are looked at, too, because ZeroMQ aborts a process that has none left to accept with.
        What the runtime owes (an answer, say) is not answered in turn, so no way back is asked for.

        Args: is_answered, whether there is a way back already.
        Returns: None, when nobody reads there any more.
        Raises: LimitReachedError, when descriptors are short here or there: for the way or, if its purpose is WORK, for the
            way back.
        """
        with self._lock:
            way = self._by_address.get(address)
            if way is None and self._is_gone(address):
                return None
            new, back = way is None, purpose is Purpose.WORK and not is_answered
            if (new or back) and (lack := self._lack(address, purpose, new, back)):
                raise LimitReachedError(self._name_of(address), lack)
            if way is None:
                way = self._by_address[address] = Way(self._connected(address))
            return self._usable(address, way)

    def _usable(self, address: int, way: Way) -> Way:
        """The way, or what is beside it if there is an unfinished message in it: of this very thread, or broken off."""
        if way.push is not None or not way.lock.acquire(blocking=False):
            return way  # another thread is in the middle of a message: the caller waits for that
        try:
            if way.taken is None:
                return way
            if way.beside is None:
                way.beside = Way(self._connected(address))
            return self._usable(address, way.beside)
        finally:
            way.lock.release()

    def another(self, address: int) -> Way:
        """Make a way beside one that is held up (see PATIENCE_S); it takes that one's place."""
        with self._lock:
            if (held_up := self._by_address.get(address)) is not None:
                self._held_up.append(held_up)
            way = self._by_address[address] = Way(self._connected(address))
            return way

    def _connected(self, address: int) -> zmq.Socket[bytes]:
        try:
            push = self._context.socket(zmq.PUSH)
        except zmq.ZMQError as error:
            if error.errno != errno.EMFILE:
                raise
            # The reserve was looked at, but the program itself may have taken the last ones since.
            lack = lack_of_descriptors(WAY, Purpose.DUTY) or str(error)
            raise LimitReachedError(self._name_of(address), lack) from error
        push.set(zmq.LINGER, 0)  # until `close` says how long
        push.set(zmq.SNDHWM, 0)  # a full socket would block its thread: windows bound what is under way
        # After 30 s without a handshake ZeroMQ would begin anew, again and again. A receiver that is stopped (by a debugger,
        # SIGSTOP, a suspended machine) is waited for instead.
        push.set(zmq.HANDSHAKE_IVL, 0)
        push.set(zmq.RECONNECT_IVL, RECONNECT_MS)
        push.connect(self._endpoint(address))
        return push

    def _lack(self, address: int, purpose: Purpose, new: bool, back: bool) -> str:
        """Why there is no descriptor for a new way there, or for one back; empty when there is.

        A way within this process (to the host of a thread) costs both of its ends here.
        """
        facts = self._table.live.get(serial_of(address))
        is_here = facts is None or facts.pid == os.getpid()
        here, there = WAY * new + ACCEPTED * back, ACCEPTED * new + WAY * back
        lack = self._reserve.take(here + there * is_here, purpose)
        if not lack and not is_here and facts is not None:
            lack = lack_of_descriptors(there, purpose, facts.pid, f"host {facts.name!r}")
        return lack

    def _name_of(self, address: int) -> str:
        facts = self._table.live.get(serial_of(address))
        name = repr(facts.name) if facts is not None else str(serial_of(address))
        return f"a way to host {name}"

    def addresses(self) -> list[int]:
        """The addresses that ways lead to."""
        with self._lock:
            return list(self._by_address)

    def forget(self, address: int) -> None:
        """Close the way to an address that will not read any more."""
        with self._lock:
            way = self._by_address.pop(address, None)
        if way is not None and not _close(way, 0.0):
            self._held_up.append(way)

    def forget_dead(self) -> None:
        """Close the ways to all hosts that have died."""
        with self._lock:
            dead = [each for each in self._by_address if self._table.is_dead(serial_of(each))]
        for address in dead:
            self.forget(address)

    def close(self, linger_s: float) -> None:
        """At the end of the process: what was sent has `linger_s` seconds to be taken over."""
        with self._lock:
            ways, self._by_address = self._by_address, {}
            held_up, self._held_up = self._held_up, []
        for way in held_up:
            _close(way, 0.0)
        for address, way in ways.items():
            # Nobody takes over what is for a mailbox that has gone: waiting for that would only hold up the end.
            _close(way, 0.0 if self._is_gone(address) else max(linger_s, SHORTEST_LINGER_S))


def goodbye(key: bytes, address: int) -> bytes:
    """The last message of a port of the system with this key, to every address that it has sent anything to.

    It is behind everything else on its way, so whoever has read it knows that nothing more comes from there.
    """
    return HEADER.pack(key, Kind.PORT_BYE, 0, 0, address, 0, 0, 0)


def _close(way: Way, linger_s: float) -> bool:
    """Close the socket of a way. Returns: False, when another thread holds the way, and it is still open."""
    if not way.lock.acquire(timeout=PATIENCE_S):
        return False
    try:
        sockets = (way.push, way.taken)
        way.push = way.taken = None
        for push in sockets:
            if push is not None:
                push.close(int(linger_s * 1000))
        return way.beside is None or _close(way.beside, linger_s)
    finally:
        way.lock.release()
