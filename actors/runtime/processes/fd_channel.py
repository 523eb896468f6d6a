"""How the embedder and its fork server speak: a stream socket; each message is a length and a pickle, descriptors travel
beside it.

    length 4 (little-endian) | pickle

Pickles are safe here: the socket pair was made for these two processes, and nobody else can write to it.
"""

from __future__ import annotations

import array
import pickle
import signal
import socket
import struct
from typing import Any

LENGTH = struct.Struct("<I")
MAX_FDS = 64  # that a start may pass
MOST_FDS = MAX_FDS + 2  # in one message: the directory to be in, and the shared memory, go with them
# What a terminal or a service manager sends to all processes at once is the embedder's business: the server leaves after it.
GROUP_SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def send_message(sock: socket.socket, value: Any, fds: tuple[int, ...] = ()) -> None:
    """Send one pickled message with descriptors, which stay open here: the receiver gets copies.

    Blocks while the socket's buffer is full. Raises: ConnectionError, when the other process has ended.
    """
    body = pickle.dumps(value, 5)
    data = LENGTH.pack(len(body)) + body
    # Descriptors go with the first byte; the rest may take several calls.
    sent = socket.send_fds(sock, [data], list(fds)) if fds else sock.send(data)
    if sent < len(data):  # not for nothing: whoever has read all of it may have closed
        sock.sendall(memoryview(data)[sent:])


def receive_message(sock: socket.socket) -> tuple[Any, list[int]]:
    """Receive one message and its descriptors, which close on exec. Fewer may arrive than were sent: see `_receive`.

    Raises: EOFError, when the other process has ended.
    """
    fds: list[int] = []
    head = _receive(sock, LENGTH.size, fds)
    body = _receive(sock, LENGTH.unpack(head)[0], fds)
    return pickle.loads(body), fds


def _receive(sock: socket.socket, size: int, fds: list[int]) -> bytes:
    # Where this process has no room for a descriptor, the kernel drops it without an error (MSG_CTRUNC). So whoever knows
    # how many there should be counts them.
    data = bytearray()
    while len(data) < size:
        chunk, ancillary, _flags, _address = sock.recvmsg(
            size - len(data), socket.CMSG_SPACE(MOST_FDS * array.array("i").itemsize), socket.MSG_CMSG_CLOEXEC
        )
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                received = array.array("i")
                received.frombytes(payload[: len(payload) - len(payload) % received.itemsize])
                fds.extend(received)
        if not chunk:
            raise EOFError
        data += chunk
    return bytes(data)
