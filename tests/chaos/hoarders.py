"""Peers that make a node hold as much as it can: whatever they begin they leave unfinished, and they read nothing."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

from peerage import ChannelDescriptor, Envelope, Reactor
from peerage.wire.packet import PacketMsg, encode_packet
from tests.bench.blocking_peer import BlockingPeer

__all__ = ["FILL", "Hoarder", "Holder", "HolderOfFive", "HolderOfOtherFive"]

PART = 1024  # data bytes of a packet
PACKETS_AT_ONCE = 60
FILL = b"fill my queues, and broadcast"
QUEUED, QUEUED_SIZE = 10, 100_000  # messages of a send queue, and their bytes
BROADCASTS, BROADCAST_SIZE = 40, 250_000
LOOK_S = 0.05
LONGEST = 22_020_096  # the default of a channel, bytes


class Holder(Reactor):
    """Fills the queues of whoever asks for it, and consumes nothing long while a file is there."""

    def __init__(self, standstill: str) -> None:
        super().__init__()
        self._standstill = Path(standstill)

    def receive(self, envelope: Envelope) -> None:
        if envelope.message == FILL:
            for channel in self.channels:
                while envelope.source.try_send(channel.id, bytes(QUEUED_SIZE)):
                    pass
            for _ in range(BROADCASTS):
                self.broadcast(self.channels[0].id, bytes(BROADCAST_SIZE))
        elif len(envelope.message) > QUEUED_SIZE:
            while self._standstill.exists():
                time.sleep(LOOK_S)


def _channels(first: int) -> Sequence[ChannelDescriptor]:
    return tuple(
        ChannelDescriptor(id=first + number, send_queue_capacity=QUEUED, recv_message_capacity=LONGEST)
        for number in range(5)
    )


class HolderOfFive(Holder):
    channels: ClassVar = _channels(0x60)


class HolderOfOtherFive(Holder):
    channels: ClassVar = _channels(0x68)


class Hoarder(BlockingPeer):
    """Sends on every channel a message of the longest size but for its last packet; then some of the last packets.

    So all channels are full, the reactors' windows are too, and their queues to this peer, since it reads nothing.

    Args: address, of the node; capacities, by channel, those of one reactor after another, in lists.
    """

    def __init__(self, address: str, capacities: Sequence[Mapping[int, int]], timeout: float = 60.0) -> None:
        super().__init__(address, timeout)
        self._sock.settimeout(None)
        self._capacities = capacities
        self.is_done = threading.Event()
        """Set when it has sent all that it would; not before it is read again, if the node stops reading."""
        self._thread = threading.Thread(target=self._hoard, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # thrown out
            self._sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        super().__exit__()

    @property
    def is_at_it(self) -> bool:
        """Whether it still sends, or waits to be read."""
        return self._thread.is_alive()

    def _hoard(self) -> None:
        with contextlib.suppress(OSError):  # thrown out, or at its end
            firsts = [next(iter(capacities)) for capacities in self._capacities]
            for channel in firsts:
                self._say(channel, FILL, eof=True)
            for capacities in self._capacities:
                for channel, capacity in capacities.items():
                    self._begin(channel, capacity)
            for capacities in self._capacities:
                channel, capacity = next(iter(capacities.items()))
                self._say(channel, b"!", eof=True)
                self._begin(channel, capacity)
            self._say(firsts[0], b"!", eof=True)  # its reactor has no room for this one: reading stops
            self.is_done.set()

    def _say(self, channel: int, data: bytes, *, eof: bool) -> None:
        self._send_packets(encode_packet(PacketMsg(channel, eof, data)))

    def _begin(self, channel: int, capacity: int) -> None:
        packets, rest = divmod(capacity - PART, PART)
        packet = encode_packet(PacketMsg(channel, False, bytes(PART)))
        for _ in range(packets // PACKETS_AT_ONCE):
            self._send_packets(packet * PACKETS_AT_ONCE)
        self._send_packets(packet * (packets % PACKETS_AT_ONCE))
        if rest:
            self._say(channel, bytes(rest), eof=False)

    def _send_packets(self, packets: bytes) -> None:
        self._sock.sendall(self._handshake.secret.seal(packets))
