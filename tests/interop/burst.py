"""Reactors for `peerage start --reactor NAME=tests.interop.burst:Class`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from peerage import ChannelDescriptor, Envelope, Peer, Reactor
from tests.interop.numbered import payload

CHANNEL, COMMANDS = 0x50, 0x51
QUEUE = 2000
SIZE = 1000


class Burst(Reactor):
    """Fills the send queue by try_send when told to on channel 0x51, echoes by try_send what comes on 0x50.

    How many messages were accepted stands in the home's file `burst` after a burst, in `accepted` in the end.
    """

    channels: ClassVar[Sequence[ChannelDescriptor]] = (
        ChannelDescriptor(id=CHANNEL, priority=1, send_queue_capacity=QUEUE),
        ChannelDescriptor(id=COMMANDS, priority=1),
    )

    def __init__(self) -> None:
        super().__init__()
        self._accepted = 0

    def receive(self, envelope: Envelope) -> None:
        if envelope.channel_id == CHANNEL:
            self._accepted += envelope.source.try_send(CHANNEL, envelope.message)
            return
        while envelope.source.try_send(CHANNEL, payload(self._accepted, SIZE)):
            self._accepted += 1
        self._write("burst")

    def remove_peer(self, peer: Peer, reason: str) -> None:
        self._write("accepted")

    def _write(self, name: str) -> None:
        partial = Path(str(self.node.config.home)) / f"{name}.part"
        partial.write_text(str(self._accepted))
        partial.rename(partial.with_suffix(""))


class Mempool(Reactor):
    """On the channel of CometBFT's mempool; it keeps what comes to itself."""

    channels: ClassVar[Sequence[ChannelDescriptor]] = (ChannelDescriptor(id=0x30, priority=5),)
