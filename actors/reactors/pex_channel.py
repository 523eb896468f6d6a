"""The channel of peer exchange, for those who list a node's channels without running the reactor."""

from __future__ import annotations

from typing import Final

from peerage.wire.channel import ChannelDescriptor
from peerage.wire.pex import MAX_PEX_BYTES, PEX_CHANNEL

__all__ = ["PEX_DESCRIPTOR"]

PEX_DESCRIPTOR: Final = ChannelDescriptor(
    id=PEX_CHANNEL, priority=1, send_queue_capacity=10, recv_message_capacity=MAX_PEX_BYTES
)
