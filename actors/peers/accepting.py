"""Accepting connections from listening sockets that several peer hosts share.

A host that has more connections than another lets the other be quicker, for a moment. When the machine runs out of
descriptors or memory, connections wait in the kernel for a while: what the actors need to speak to each other is not taken
for them.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Sequence
from functools import partial

from peerage.actors.memory_pressure import RoomForStrangers
from peerage.actors.peers.load_table import LoadTable
from peerage.actors.peers.stream import Loop
from peerage.actors.runtime.limits import lack_behind
from peerage.actors.runtime.log import get_logger

__all__ = ["Acceptor", "plain_ip"]

log = get_logger("peerage.transport")

ACCEPT_RETRY_S = 0.2  # after a failed accept: the cause (descriptors, memory) may be gone
UNDECIDED_LIMIT = 64  # connections that wait to be let in before their handshake
UNDECIDED_PAUSE_S = (
    0.02  # while the switch is being restarted, which takes about 30 ms (tests/bench/recovery.py)
)
# A host waits so long for each connection that it has more than the one with the fewest, and looks again and again
# whether another has taken the next one.
BALANCE_STEP_S = 0.008
BALANCE_MAX_S = 0.05
BALANCE_LOOK_S = 0.001
BALANCE_SLACK = 4  # one more for so many that it has is no imbalance worth waiting for
_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}


class Acceptor:
    """Takes connections, one in a turn of the loop.

    Args:
        loop: where the listeners are polled.
        listeners: shared with other hosts; none when this node does not listen.
        load: says how many connections each host has.
        room: for one more stranger.
        held: how many connections this host has.
        undecided: how many of them wait to be let in.
        on_accepted: called with the socket, and the remote's IP and port.
    """

    def __init__(
        self,
        loop: Loop,
        listeners: Sequence[socket.socket],
        load: LoadTable,
        room: RoomForStrangers,
        *,
        held: Callable[[], int],
        undecided: Callable[[], int],
        on_accepted: Callable[[socket.socket, str, int], object],
    ) -> None:
        self._loop = loop
        self._listeners = tuple(listeners)
        self._load = load
        self._room = room
        self._held = held
        self._undecided = undecided
        self._on_accepted = on_accepted
        self._is_accepting = False
        self._is_stopped = False
        self._has_failed = False
        self._yields_until: float | None = None
        for listener in self._listeners:
            listener.setblocking(False)

    @property
    def listens(self) -> bool:
        """Whether there is anything to accept from."""
        return bool(self._listeners)

    def start(self) -> None:
        """Accept from here on."""
        if not self._is_accepting and not self._is_stopped:
            self._is_accepting = True
            for listener in self._listeners:
                self._loop.add_reader(listener.fileno(), partial(self._acceptable, listener))

    def stop(self) -> None:
        """Accept no more, ever."""
        self._is_stopped = True
        self._rest()

    def close(self) -> None:
        """Give our share of the listening sockets back; the node's other hosts have theirs."""
        self.stop()
        for listener in self._listeners:
            listener.close()
        self._listeners = ()

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._is_stopped

    def out_of_resources(self, cause: str) -> None:
        """Leave connections in the kernel for a while; the first time in a row this is logged."""
        if not self._has_failed:
            self._has_failed = True
            log.warning("accepting paused", cause=cause)
        self._pause(ACCEPT_RETRY_S)

    def _rest(self) -> None:
        if self._is_accepting:
            self._is_accepting = False
            for listener in self._listeners:
                self._loop.remove_reader(listener.fileno())

    def _pause(self, seconds: float) -> None:
        self._rest()
        self._loop.call_later(seconds, self.start)

    def _acceptable(self, listener: socket.socket) -> None:
        """Take one connection, unless another host has fewer: then let it be quicker for a moment."""
        if self._undecided() >= UNDECIDED_LIMIT:
            self._pause(UNDECIDED_PAUSE_S)
            return
        excess, now = self._load.excess(), self._loop.now()
        if excess > self._held() // BALANCE_SLACK:
            if self._yields_until is None:
                self._yields_until = now + min(excess * BALANCE_STEP_S, BALANCE_MAX_S)
            if now < self._yields_until:
                self._pause(BALANCE_LOOK_S)
                return
        self._yields_until = None
        self._accept(listener)

    def _accept(self, listener: socket.socket) -> None:
        if lack := self._room.take():
            self.out_of_resources(lack)
            return
        try:
            sock, address = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            if error.errno not in _OUT_OF_RESOURCES:
                log.error("accept failed", cause=str(error))
            self.out_of_resources(lack_behind(error) or os.strerror(error.errno or 0))
            return
        if self._has_failed:
            self._has_failed = False
            log.info("accepting again")
        self._on_accepted(sock, plain_ip(address[0]), address[1])


def plain_ip(ip: str) -> str:
    """An IPv4 address that came in on an IPv6 socket is the IPv4 address; a zone is dropped. Source: reference 1."""
    ip = ip.partition("%")[0]
    return ip.removeprefix("::ffff:") if "." in ip else ip
