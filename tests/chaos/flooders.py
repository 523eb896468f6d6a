"""Peers that are let in and then send what takes longest to read, as fast as they can."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Mapping
from typing import Self

from peerage.wire.packet import PING, PONG, PacketMsg, encode_packet
from tests.bench.blocking_peer import BlockingPeer
from tests.nodes import LOW

PATIENCE_S = (
    30.0  # for a write: the flooded node may not read for a second, or for as long as it answers others
)
CHUNK = 60_000


def _part(channel: int, size: int, *, eof: bool = False) -> bytes:
    return encode_packet(PacketMsg(channel, eof, bytes(size)))


LITTLE_DATA: Mapping[str, bytes] = {
    "pings": PING,
    "pongs": PONG,
    "empty packets": _part(LOW, 0),
    "pings and empty packets": PING + _part(LOW, 0),
    "a byte": _part(LOW, 1),
    "a byte and two": _part(LOW, 1) + _part(LOW, 2),
    "messages in two parts": _part(LOW, 1) + _part(LOW, 1, eof=True),
}
MESSAGES: Mapping[str, bytes] = {
    "messages of a byte": _part(LOW, 1, eof=True),
    "empty messages": _part(LOW, 0, eof=True),
}


class FloodingPeer(BlockingPeer):
    """Sends the same packets again and again until it is told to stop, or thrown out. It reads nothing.

    Args: address, of the node; packets, whole ones; in_crumbs, a sealed frame for each byte of them.
    """

    def __init__(self, address: str, packets: bytes, *, in_crumbs: bool = False) -> None:
        super().__init__(address, PATIENCE_S)
        self._sock.settimeout(PATIENCE_S)
        self._packets = packets
        self._in_crumbs = in_crumbs
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._flood, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):  # thrown out
            self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        super().__exit__()

    @property
    def is_thrown_out(self) -> bool:
        """Whether the node has closed the connection."""
        return not self._thread.is_alive()

    def _flood(self) -> None:
        seal: Callable[[bytes], bytes] = self._handshake.secret.seal
        chunk = self._packets * (CHUNK // len(self._packets))
        try:
            while not self._stop.is_set():
                if self._in_crumbs:
                    self._sock.sendall(b"".join(seal(bytes((byte,))) for byte in self._packets * 20))
                else:
                    self._sock.sendall(seal(chunk))
        except OSError:
            return
