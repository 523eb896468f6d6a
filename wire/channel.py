"""Channels: the numbered lanes of a connection, each of which carries the messages of one protocol."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, NewType

from peerage.wire.errors import ChannelDescriptorError

ChannelID = NewType("ChannelID", int)
"""0..255. Channel 0x00 is peer exchange."""

MAX_CHANNEL_ID = 255  # reference 4; NodeInfo announces each channel in one byte
DEFAULT_PRIORITY = 1
DEFAULT_SEND_QUEUE_CAPACITY = 1  # messages, reference 4
DEFAULT_RECV_BUFFER_CAPACITY = 4096  # bytes, reference 4
DEFAULT_RECV_MESSAGE_CAPACITY = 22_020_096  # bytes (21 MiB), reference 4


class WhenFull(Enum):
    """What happens to a message for a reactor whose window is full. Source: design 4."""

    WAIT = "wait"
    """The connection stops reading until the reactor has caught up. Nothing is lost, but all channels wait."""

    DROP_NEWEST = "drop_newest"
    """The message is dropped and counted: for gossip that repeats itself."""

    SPILL = "spill"
    """The message goes to a bounded file."""


@dataclass(frozen=True, slots=True)
class ChannelDescriptor:
    """A channel as a reactor declares it.

    Args:
        id: 0..255, unique in a node.
        priority: above 0. Of the channels with data, the one that has recently sent least in proportion to its
            priority sends the next packet.
        send_queue_capacity: how many messages may wait to be sent, above 0.
        recv_buffer_capacity: bytes, above 0. CometBFT allocates this much for a message at first. It is kept only
            because CometBFT's configuration has it: nothing here depends on it.
        recv_message_capacity: bytes of the longest message that we accept, above 0. A longer one ends the connection.
        message: protobuf class that messages are decoded to; None leaves them as bytes.
        when_full: what happens to messages that the reactor has no room for.

    Raises: ChannelDescriptorError for a value of another type or out of range.
    Source: reference 4, Channel descriptor; design 4.
    """

    id: int
    priority: int = DEFAULT_PRIORITY
    send_queue_capacity: int = DEFAULT_SEND_QUEUE_CAPACITY
    recv_buffer_capacity: int = DEFAULT_RECV_BUFFER_CAPACITY
    recv_message_capacity: int = DEFAULT_RECV_MESSAGE_CAPACITY
    message: type[Any] | None = None
    when_full: WhenFull = WhenFull.WAIT

    def __post_init__(self) -> None:
        if not _is_number(self.id) or not 0 <= self.id <= MAX_CHANNEL_ID:
            raise ChannelDescriptorError("id", self.id)
        for field in ("priority", "send_queue_capacity", "recv_buffer_capacity", "recv_message_capacity"):
            value = getattr(self, field)
            if not _is_number(value) or value < 1:
                raise ChannelDescriptorError(field, value)
        if not isinstance(self.when_full, WhenFull):
            raise ChannelDescriptorError("when_full", self.when_full)


def _is_number(value: object) -> bool:
    """An ID is easily written as a string, and a priority as a fraction; the first packet would find it out."""
    return isinstance(value, int) and not isinstance(value, bool)
