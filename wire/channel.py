"""What a channel is: a numbered lane for the messages of one protocol inside a connection."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, NewType

from peerage.wire.errors import ChannelDescriptorError

ChannelID = NewType("ChannelID", int)
"""0..255. Channel 0x00 is peer exchange."""

MAX_CHANNEL_ID = 255  # reference 4; NodeInfo announces each in one byte
DEFAULT_PRIORITY = 1
DEFAULT_SEND_QUEUE_CAPACITY = 1  # messages, reference 4
DEFAULT_RECV_BUFFER_CAPACITY = 4096  # bytes, reference 4
DEFAULT_RECV_MESSAGE_CAPACITY = 22_020_096  # bytes (21 MiB), reference 4


class WhenFull(Enum):
    """What becomes of a message for a reactor whose window is full. Source: design 4."""

    WAIT = "wait"
    """The connection stops reading until the reactor has caught up. Nothing is lost; all channels wait."""

    DROP_NEWEST = "drop_newest"
    """The message is dropped and counted: for gossip that repeats itself."""

    SPILL = "spill"
    """The message goes to a bounded file."""


@dataclass(frozen=True, slots=True)
class ChannelDescriptor:
    """A channel as a reactor declares it.

    Args:
        id: 0..255, unique in a node.
        priority: above 0. Among channels with data the next packet comes from the one that has recently sent
            the least in proportion to its priority.
        send_queue_capacity: messages that may wait to be sent, above 0.
        recv_buffer_capacity: bytes, above 0. CometBFT's first allocation for a message; kept for its
            configuration's sake, nothing here depends on it.
        recv_message_capacity: bytes of the longest message that is received, above 0. A longer one ends the
            connection.
        message: protobuf class that messages are decoded to; None leaves them bytes.
        when_full: what becomes of messages that the reactor has no room for.

    Raises: ChannelDescriptorError for a value out of range.
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
        if not 0 <= self.id <= MAX_CHANNEL_ID:
            raise ChannelDescriptorError("id", self.id)
        for field in ("priority", "send_queue_capacity", "recv_buffer_capacity", "recv_message_capacity"):
            value = getattr(self, field)
            if value < 1:
                raise ChannelDescriptorError(field, value)
