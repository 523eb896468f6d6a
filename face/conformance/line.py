"""A blocking TCP connection to a node, as bytes: what is written is counted, and no step takes longer than it may."""

from __future__ import annotations

import socket
import struct
import time
from types import TracebackType
from typing import Self

__all__ = ["PATIENCE_S", "READ_SIZE", "Line"]

PATIENCE_S = 20.0  # for one step; the machine may be busy
READ_SIZE = 65536


class Line:
    """One end of a connection. A context manager, which closes it.

    Args: sock, connected.
    Attributes: sent, bytes; has_heard, whether the other side has said anything; deadline, of `time.monotonic`, at which
        every step that waits ends with a TimeoutError.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(PATIENCE_S)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.sent = 0
        self.has_heard = False
        self.deadline = float("inf")
        self._raw = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sock.close()

    @property
    def is_closed(self) -> bool:
        """Whether we have closed it."""
        return self.sock.fileno() == -1

    def send(self, data: bytes) -> None:
        """Bytes as they are. Raises: OSError."""
        self._wait_at_most(PATIENCE_S)
        self.sent += len(data)
        self.sock.sendall(data)

    def trickle(self, data: bytes, pause: float) -> None:
        """The same, one byte at a time. Raises: OSError, soon after the other side has ended it."""
        for byte in data:
            self.send(bytes((byte,)))
            time.sleep(pause)

    def half_close(self) -> None:
        """Send no more, and go on reading."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """End it the hard way: the other side has an error in place of an end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def read_raw(self, size: int) -> bytes:
        """Exactly so many bytes. Raises: OSError."""
        while len(self._raw) < size:
            self._read_more()
        taken = bytes(self._raw[:size])
        del self._raw[:size]
        return taken

    def _read_more(self, patience: float = PATIENCE_S) -> None:
        """Raises: OSError, TimeoutError."""
        self._wait_at_most(patience)
        data = self.sock.recv(READ_SIZE)
        if not data:
            raise ConnectionResetError("the remote closed the connection")
        self.has_heard = True
        self._raw += data

    def _wait_at_most(self, patience: float) -> None:
        left = min(patience, self.deadline - time.monotonic())
        if left <= 0:
            raise TimeoutError
        self.sock.settimeout(left)
