"""Connecting: dial an address without waiting, and shake hands on the socket that comes of it.

Every program that speaks to nodes connects this way: peers, the crawler, `peerage ping` and the benchmark.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from peerage.actors.peers.handshake import Handshake, HandshakeRefusedError
from peerage.actors.peers.stream import Loop, SocketStream, cause_of
from peerage.actors.refusal import Refusal, RefusalReason

__all__ = [
    "CLOSED_BY_REMOTE",
    "LOCAL_RESOURCE_ERRNOS",
    "DialFailure",
    "HandshakeDriver",
    "StreamDriver",
    "TcpDial",
    "leads_to_itself",
]

# A dial that fails with one of these says that this machine lacks something, and nothing about the remote.
LOCAL_RESOURCE_ERRNOS = frozenset(
    {errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENETDOWN, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
)
CLOSED_BY_REMOTE = "the remote closed the connection"


@dataclass(frozen=True, slots=True)
class DialFailure:
    """Why there is no connection.

    Args:
        code: the system's number for it.
        detail: the same in words.
        is_timeout: the time that the dial had was over.
    """

    code: int
    detail: str
    is_timeout: bool = False

    @property
    def is_local(self) -> bool:
        """Whether this machine is to blame."""
        return self.code in LOCAL_RESOURCE_ERRNOS

    @property
    def refusal(self) -> Refusal:
        """The same as the switch and its callers hear of it."""
        return Refusal(RefusalReason.UNREACHABLE, self.detail, is_ours=self.is_local)


class TcpDial:
    """One TCP connection in the making.

    Either `on_connected` is called with the socket, which belongs to the receiver from then on, or `on_failed` is called
    with the reason. Neither is called from within the constructor, nor after `close`.

    Args:
        loop: where the socket is polled.
        ip: a literal IPv4 or IPv6 address.
        port: the TCP port.
        timeout: seconds for all of it.
    """

    def __init__(
        self,
        loop: Loop,
        ip: str,
        port: int,
        timeout: float,
        on_connected: Callable[[socket.socket], object],
        on_failed: Callable[[DialFailure], object],
    ) -> None:
        self._loop = loop
        self._timeout = timeout
        self._on_connected = on_connected
        self._on_failed = on_failed
        self._is_over = False
        self._sock: socket.socket | None = None
        self._timer = loop.call_later(timeout, self._timed_out)
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        try:
            self._sock = socket.socket(family, socket.SOCK_STREAM)
            self._sock.setblocking(False)
            code = self._sock.connect_ex((ip, port))
        except OSError as error:
            loop.call_soon(self._fail, DialFailure(error.errno or errno.EIO, str(error)))
            return
        if code in {0, errno.EINPROGRESS}:
            loop.add_writer(self._sock.fileno(), self._connected)
        else:
            loop.call_soon(self._fail, DialFailure(code, os.strerror(code)))

    def close(self) -> None:
        """Close the socket and call nobody; without effect when the dial is over."""
        if not self._is_over:
            self._finish()
            if self._sock is not None:
                self._sock.close()

    def _connected(self) -> None:
        assert self._sock is not None
        code = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._fail(DialFailure(code, os.strerror(code)))
        elif leads_to_itself(self._sock):
            detail = "nobody listens there: the connection leads back to its own socket"
            self._fail(DialFailure(errno.ECONNREFUSED, detail))
        else:
            self._finish()
            self._on_connected(self._sock)

    def _timed_out(self) -> None:
        detail = f"dial timeout of {self._timeout:g} s"
        self._fail(DialFailure(errno.ETIMEDOUT, detail, is_timeout=True))

    def _fail(self, failure: DialFailure) -> None:
        if not self._is_over:
            self.close()
            self._on_failed(failure)

    def _finish(self) -> None:
        self._is_over = True
        self._timer.cancel()
        if self._sock is not None:
            self._loop.remove_writer(self._sock.fileno())


def leads_to_itself(sock: socket.socket) -> bool:
    """Whether a connection has one socket for both its ends.

    TCP's simultaneous open makes that of a dial to a local port where nobody listens, if the kernel happens to choose the
    same port for our end. One that is over already leads nowhere: whoever reads from it is told why.
    """
    try:
        return bool(sock.getsockname() == sock.getpeername())
    except OSError:  # the remote has reset it at once, as a load balancer does that has nobody behind it
        return False


class StreamDriver:
    """Carries bytes between a stream and something that takes and gives bytes.

    Args:
        stream: connected.
        buffer: to read into; it may be shared with other streams of the loop.
        receive: called with what arrived, which is valid until it returns.
        closed: called once with the reason when the connection is gone.
    """

    def __init__(
        self,
        stream: SocketStream,
        buffer: memoryview,
        receive: Callable[[memoryview], object],
        closed: Callable[[str], object],
    ) -> None:
        self._stream = stream
        self._buffer = buffer
        self._receive = receive
        self._closed = closed

    def start(self) -> None:
        """Begin with what has arrived already."""
        self._stream.drive(self._readable, self._writable)
        self._readable()

    def send(self, data: bytes) -> None:
        """Write, now or when the socket takes it.

        A broken connection is found by reading: what the remote said before it hung up is heard first.
        """
        with suppress(OSError):
            self._stream.send(data)

    def close(self) -> None:
        """Tell nobody anything any more."""
        self._receive = self._closed = _ignore

    def _readable(self) -> None:
        try:
            count = self._stream.read_into(self._buffer)
        except OSError as error:
            self._closed(cause_of(error))
            return
        if count:
            self._receive(self._buffer[:count])
        elif count is not None:
            self._closed(CLOSED_BY_REMOTE)

    def _writable(self) -> None:
        self.send(b"")


class HandshakeDriver:
    """Shakes hands on a connected socket.

    One of the three functions is called, once: `on_done` when `handshake` holds all about the remote, `on_refused` with
    the reason, or `on_closed` when the remote closed the connection or it broke.

    Args:
        stream: connected. It is read no further once one of the functions was called, until somebody else drives it.
        handshake: which goes first is its affair.
        buffer: as for StreamDriver.
    """

    def __init__(
        self,
        stream: SocketStream,
        handshake: Handshake,
        buffer: memoryview,
        *,
        on_done: Callable[[], object],
        on_refused: Callable[[Refusal], object],
        on_closed: Callable[[str], object],
    ) -> None:
        self._driver = StreamDriver(stream, buffer, self._receive, self._close)
        self._stream = stream
        self._handshake = handshake
        self._on_done = on_done
        self._on_refused = on_refused
        self._on_closed = on_closed
        self._is_over = False

    def start(self) -> None:
        """Greet. What has arrived already is answered along with our first word, in one system call."""
        self._stream.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._driver.start()
        self._write()

    def _write(self) -> None:
        if not self._is_over and (data := self._handshake.data_to_send()):
            self._driver.send(data)

    def _receive(self, data: memoryview) -> None:
        try:
            is_done = self._handshake.receive_data(data)
        except HandshakeRefusedError as error:
            self._write()  # the remote may be owed its half, so that it learns the same
            self._end(self._on_refused, error.refusal)
            return
        self._write()
        if is_done:
            self._end(self._on_done)

    def _close(self, detail: str) -> None:
        self._end(self._on_closed, detail)

    def _end(self, told: Callable[..., object], *args: object) -> None:
        if not self._is_over:
            self._is_over = True
            # Whoever is told holds us no longer, and we let go of it: nothing is left for the collector.
            self._on_done = self._on_refused = self._on_closed = _ignore
            self._stream.hand_over(told, *args)
            self._driver.close()


def _ignore(*_: object) -> None:
    """When all is over."""
