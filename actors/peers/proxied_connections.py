"""Accepted connections of load balancers: each begins with a PROXY header that says for whom it is (decision 0094).

Until the header is here, the remote's IP is the balancer's, and nothing that is counted by IP says anything. So these
connections wait apart, few at a time and not for long: a balancer sends the header at once. With it in hand a connection
goes on as if it had come from the IP that the header names.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import Final

from peerage.actors.peers.stream import Deadline, Loop
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.wire.errors import ProxyHeaderError
from peerage.wire.ip_ranges import parse_ip, parse_network
from peerage.wire.proxy_protocol import ProxyHeader

__all__ = ["HEADER_TIMEOUT_S", "ProxiedConnections"]

HEADER_TIMEOUT_S: Final = 5.0  # the specification's 3 s for a lost packet, and some more
_GLANCE: Final = 512  # bytes looked at in one go; what lies behind the header stays in the kernel


class ProxiedConnections:
    """Those of one peer host that have not said yet for whom they are.

    Args:
        loop: where they are polled.
        networks: of the balancers; as in the setting.
        most: so many wait at once; one more takes the place of the oldest.
        timeout: seconds for a header.
        on_known: called with the socket, and with IP and port of whom the connection is for. Nothing of the header is left
            in the socket, and nothing behind it was taken.
        on_refused: called with IP and port of the balancer and the reason; the socket is closed.
    """

    def __init__(
        self,
        loop: Loop,
        networks: Iterable[str],
        most: int,
        timeout: float,
        on_known: Callable[[socket.socket, str, int], object],
        on_refused: Callable[[str, int, Refusal], object],
    ) -> None:
        self._loop = loop
        self._networks = tuple(map(parse_network, networks))
        self._most, self._timeout = most, timeout
        self._on_known, self._on_refused = on_known, on_refused
        self._waiting: dict[_Waiting, None] = {}  # in the order in which they came

    def __len__(self) -> int:
        """How many wait for their header."""
        return len(self._waiting)

    def includes(self, ip: str) -> bool:
        """Whether a balancer has this address."""
        if not self._networks:
            return False
        address = parse_ip(ip)
        return any(address in network for network in self._networks)

    def receive(self, sock: socket.socket, ip: str, port: int) -> None:
        """Read the header of a connection that was accepted. Args: ip, port, of the balancer."""
        sock.setblocking(False)
        waiting = _Waiting(self._loop, sock, ip, port)
        if not self._read(waiting):
            return
        if len(self._waiting) >= self._most:
            why = "no PROXY header yet when another connection needed its place"
            self._refuse(next(iter(self._waiting)), Refusal(RefusalReason.HANDSHAKE_LIMIT, why))
        self._waiting[waiting] = None
        self._loop.add_reader(sock.fileno(), lambda: self._read(waiting))
        waiting.deadline.set(self._timeout, self._timed_out, waiting)

    def close(self) -> None:
        """Close all that wait, and tell nobody."""
        for waiting in tuple(self._waiting):
            self._leave(waiting)
            waiting.sock.close()

    def _read(self, waiting: _Waiting) -> bool:
        """Take what has come of the header, and go on with the connection if that was all. Returns: whether it waits on."""
        sock, header = waiting.sock, waiting.header
        try:
            while not header.is_done:
                seen = sock.recv(_GLANCE, socket.MSG_PEEK)
                if not seen:
                    self._hung_up(waiting)
                    return False
                sock.recv(header.receive(seen))
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            self._hung_up(waiting)
        except ProxyHeaderError as error:
            self._refuse(waiting, Refusal(RefusalReason.PROXY_HEADER, str(error)))
        else:
            self._leave(waiting)
            self._on_known(sock, *(header.source or (waiting.ip, waiting.port)))
        return False

    def _hung_up(self, waiting: _Waiting) -> None:
        """A balancer that only looks whether somebody listens says nothing, and there is nothing to say of it."""
        if waiting.header.is_empty:
            self._leave(waiting)
            waiting.sock.close()
        else:
            why = "the connection was closed within its PROXY header"
            self._refuse(waiting, Refusal(RefusalReason.PROXY_HEADER, why))

    def _timed_out(self, waiting: _Waiting) -> None:
        self._refuse(waiting, Refusal(RefusalReason.PROXY_HEADER, f"none within {self._timeout:g} s"))

    def _refuse(self, waiting: _Waiting, refusal: Refusal) -> None:
        self._leave(waiting)
        waiting.sock.close()
        self._on_refused(waiting.ip, waiting.port, refusal)

    def _leave(self, waiting: _Waiting) -> None:
        waiting.deadline.cancel()
        if waiting in self._waiting:
            del self._waiting[waiting]
            self._loop.remove_reader(waiting.sock.fileno())


class _Waiting:
    """One of them."""

    __slots__ = ("deadline", "header", "ip", "port", "sock")

    def __init__(self, loop: Loop, sock: socket.socket, ip: str, port: int) -> None:
        self.sock, self.ip, self.port = sock, ip, port
        self.header = ProxyHeader()
        self.deadline = Deadline(loop)
