"""What the threads of one process share to reach mailboxes: ZeroMQ's context, the directory, who is alive, the ways.

Mailboxes are Unix sockets in one directory. Only connecting needs their paths: if somebody removes the directory under a
running system, connections that stand go on, and the directory is made again for new ones (see `mend`).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import zmq

from peerage.actors.runtime.errors import LimitReachedError
from peerage.actors.runtime.limits import Purpose, Reserve, lack_of_threads
from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail import definitions, systems
from peerage.actors.runtime.mail.dead_letters import DeadLetters
from peerage.actors.runtime.mail.flusher import Flusher
from peerage.actors.runtime.mail.foothold import LOOK_S, Foothold
from peerage.actors.runtime.mail.host_table import ROOT_SERIAL, THREAD_BITS, THREAD_MASK, HostTable, serial_of
from peerage.actors.runtime.mail.shared_memory import SharedMemory
from peerage.actors.runtime.mail.strays import Strays
from peerage.actors.runtime.mail.ways import Ways

STARTING = (
    17  # descriptors of a process that takes part: directory, shared memory, ZeroMQ's threads, first mailbox
)
STARTING_THREADS = 3  # ZeroMQ's two, and one to spare
# ZeroMQ's default of 1023 is fewer than the processes that a system may have. Each possible one takes twelve bytes in every
# process from the start: 65,536 were 0.8 MiB.
MOST_SOCKETS = 8192
# How long a host's last words to the embedder need: they have a connection already, and the embedder outlives the host.
EMBEDDER_TAKES_S = 0.1
LEAVE_POLL_S = 0.005
# This long after the directory was made again, each process has noticed and bound its mailboxes.
MENDED_S = 3 * LOOK_S


def _nothing() -> None:
    """Called for nobody."""


def _never() -> bool:
    return False


class Network:
    """One process's means to send and to be found.

    Attributes:
        directory: where the sockets of all mailboxes are; serial: of this process's own host.
        key: what all messages of the system begin with, and no others.
        system: a text that all processes of one system share, and no other system has.
        table: who is alive. memory: what large messages are in. reserve: of file descriptors.
        ways, flusher: of all threads that send. strays: what others have sent here.
        kept: which definitions of classes the hosts keep, by serial; told: which of those that we keep they know of.
        closed: whether this process takes no part any more.
        last_sent_to: addresses that a port of this process had a way to when it was closed. See `leave`.
        on_mended: called when the directory was made again, to bind our mailboxes in it. From any thread.
        beacon: path of a mailbox of this process that is there as long as it is; empty before. If it is missing, somebody
            has removed files in the directory.
        mended_at: monotonic seconds of that, the same clock for all processes; -inf before.
        is_ending: whether the directory need not be made again any more. From any thread.

    Raises: LimitReachedError, when a limit of the operating system leaves no room for it.
    """

    def __init__(
        self, directory: str, serial: int, key: bytes, system: str = "", memory_fd: int = -1
    ) -> None:
        self.directory, self.serial, self.key, self.system = directory, serial, key, system
        self.pid = os.getpid()
        self.reserve = Reserve()
        # Where these cannot be had, ZeroMQ would abort the process instead of saying so.
        if lack := self.reserve.take(STARTING, Purpose.DUTY) or lack_of_threads(STARTING_THREADS):
            raise LimitReachedError("the actor system", lack)
        self.context = zmq.Context(io_threads=1)
        self.context.set(zmq.MAX_SOCKETS, MOST_SOCKETS)
        self.table = HostTable()
        self.memory = SharedMemory(memory_fd, serial, self.table)
        self.dead_letters = DeadLetters()
        self.strays = Strays()
        self.flusher = Flusher()
        self.ways = self._new_ways()
        self.kept: dict[int, definitions.Everything | set[bytes]] = {}
        self.told: dict[int, set[bytes]] = {}
        self.closed = False
        self.last_sent_to: set[int] = set()
        self.foothold = Foothold(directory)
        self.on_mended: Callable[[], None] = _nothing
        self.is_ending: Callable[[], bool] = _never
        self._mend_lock = threading.Lock()
        self.beacon = ""
        self.mended_at = float("-inf")
        self._fault = ""

    def _new_ways(self) -> Ways:
        return Ways(self.context, self.endpoint, self.table, self.reserve, self.is_gone)

    def endpoint(self, address: int) -> str:
        """Where the mailbox with this address is found."""
        return f"ipc://{self.directory}/{address >> THREAD_BITS}.{address & THREAD_MASK}"

    def is_gone(self, address: int) -> bool:
        """Whether nobody reads there any more: the process has died, or the thread has closed its mailbox."""
        if self.table.is_dead(serial_of(address)):
            return True
        if Path(self.endpoint(address).removeprefix("ipc://")).exists():
            return False
        # If the directory was removed, the paths of all mailboxes are missing, though most mailboxes are there and will be
        # bound again soon. To take them for closed would lose what is sent to them meanwhile.
        self.mend()
        return time.monotonic() - self.mended_at >= MENDED_S

    def why_over(self) -> str:
        """Why nothing comes or goes any more."""
        if self.pid == os.getpid():
            return "the actor system has shut down"
        return f"this {systems.whereabouts(self.system).text}"

    # The directory

    def not_noticed_yet(self, identity: tuple[int, int], mended_at: float) -> None:
        """In a new process: mailboxes of other processes may still be missing in a directory that was made again lately.

        Args: identity, mended_at: of the directory as the root knew it when it asked for this process. If it is another
            directory now, it was made again since.
        """
        self.mended_at = mended_at if self.foothold.identity == identity else time.monotonic()

    def mend(self) -> None:
        """Make the directory again if somebody has removed it, or files in it. From any thread.

        Where that fails, the log says so, and the next look tries again.
        """
        if not self._is_spoiled():
            return
        with self._mend_lock:
            if self.closed or self.is_ending() or not self._is_spoiled():
                return
            try:
                if not self.foothold.is_lost():
                    self.foothold.give_up()
                self.foothold.renew()
            except OSError as error:
                self._say(f"{self.directory}: cannot be made again: {error.strerror}")
                return
            self.mended_at = time.monotonic()
            self.on_mended()
            self._say(f"{self.directory}: was removed, and is made again")
            self._fault = ""

    def _is_spoiled(self) -> bool:
        # First the directory: in one that another process has just made again the beacon is missing until we bind it.
        return self.foothold.is_lost() or (bool(self.beacon) and not os.path.exists(self.beacon))  # noqa: PTH110 - asked for often

    def stop_mending(self) -> None:
        """The embedder is gone, and the directory is to go, too. Waits for a thread that is just making it again, so that
        nothing is left behind.
        """
        with self._mend_lock:
            self.closed = True

    def _say(self, what: str) -> None:
        """Log once, for all processes of the system."""
        if self.serial == ROOT_SERIAL and what != self._fault:
            self._fault = what
            logger().warning("directory of the mailboxes", cause=what)

    # The end

    def leave(self, linger_s: float) -> None:
        """Before a host process exits, its ports closed: wait until what they sent is handed over.

        ZeroMQ itself would linger the whole time for receivers that have gone meanwhile, as with hosts that end together.
        So its waiting is left to a thread, and given up when nobody is left to take anything over.

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

    def close(self) -> None:
        """At the end of the embedder's system: close the context and all that was opened in it."""
        try:
            self.ways.close(0.0)
        finally:
            # Not term(): it waits for ever for a socket whose closing was ended by an exception of a signal's handler.
            self.context.destroy(linger=0)
            self.memory.close()

    def disown(self) -> list[object]:
        """In a forked child: let go of what is the parent's, and take no part any more.

        Returns: what must be kept, since finalising it would touch what is the parent's.
        """
        self.closed = True
        self._mend_lock = threading.Lock()  # another thread of the parent may have held it
        self.dead_letters.disown()
        inherited = self.ways
        self.ways = self._new_ways()
        return [inherited, self.context, self.memory.disown()]
