"""Honest peers of a node under pressure: those that are there already, and newcomers."""

from __future__ import annotations

import threading
import time
from typing import Self

from peerage.wire.packet import PongReceived
from peerage.wire.pex import PEX_CHANNEL, PexRequest
from tests.bench.blocking_peer import READ_SIZE, BlockingPeer

__all__ = ["HonestPeer", "Residents"]

PING_EVERY_S = 0.1
MESSAGE_EVERY_S = 1.0
PONG_LIMIT_S = 5.0


class HonestPeer(BlockingPeer):
    """One that pings, and is of some use. Raises: as BlockingPeer; OSError also when the connection is over."""

    def ping(self, timeout: float) -> float:
        """Returns: seconds until the pong. Raises: TimeoutError."""
        began = time.monotonic()
        self._connection.ping(began)
        self._write()
        while True:
            events = self._connection.receive_data(self._plaintext, time.monotonic())
            self._write()
            if any(type(event) is PongReceived for event in events):
                self._plaintext = b""
                return time.monotonic() - began
            self._plaintext = self._handshake.secret.receive_data(self._read_bytes(began + timeout))

    def ask_for_addresses(self, timeout: float) -> None:
        """Of a seed; returns when it has answered. Raises: TimeoutError."""
        self.send(PEX_CHANNEL, PexRequest().encode())
        if not self.receive(timeout):
            raise TimeoutError

    @property
    def is_connected(self) -> bool:
        """Whether the node has not closed the connection."""
        self._sock.settimeout(0.0)
        try:
            while data := self._sock.recv(READ_SIZE):
                self._plaintext += data[:0]
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False


class Residents:
    """Peers that are there from the start: they ping all the time, in a thread, and say something each second.

    Attributes: round_trips, seconds of each ping; lost, what ended connections.
    Args: address, of the node; sources, the addresses they come from; channel, on which they speak, None: on none.
    """

    def __init__(self, address: str, sources: list[str], channel: int | None) -> None:
        self._peers = [HonestPeer(address, PONG_LIMIT_S, source) for source in sources]
        self._channel = channel
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self.round_trips: list[float] = []
        self.lost: list[str] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for peer in self._peers:
            peer.__exit__()

    def _live(self) -> None:
        spoke = 0.0
        while not self._stop.is_set():
            began = time.monotonic()
            speaks = self._channel is not None and began - spoke >= MESSAGE_EVERY_S
            spoke = began if speaks else spoke
            for peer in tuple(self._peers):
                try:
                    if speaks and self._channel is not None:
                        peer.send(self._channel, b"of use")
                    self.round_trips.append(peer.ping(PONG_LIMIT_S))
                except OSError as error:
                    self.lost.append(str(error) or type(error).__name__)
                    self._peers.remove(peer)
                    peer.__exit__()
            self._stop.wait(max(0.0, PING_EVERY_S - (time.monotonic() - began)))
