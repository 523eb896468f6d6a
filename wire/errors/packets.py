"""Channels and packets: impossible descriptions, packets that no peer may send, pongs that did not arrive."""

from __future__ import annotations

from peerage.wire.errors.base import LocalError, RemoteError
from peerage.wire.remote_text import shown

_ALLOWED = {"id": "an integer, 0..255", "when_full": "one of WhenFull"}


class ChannelDescriptorError(LocalError):
    """A channel descriptor has an impossible value. Source: reference 4."""

    def __init__(self, field: str, value: object) -> None:
        super().__init__(field, value)
        self.field = field
        self.value = value

    def __str__(self) -> str:
        allowed = _ALLOWED.get(self.field, "an integer above 0")
        return f"channel descriptor: {shown(self.field)} is {self.value!r}, must be {allowed}"


class DuplicateChannelError(LocalError):
    """Two descriptors of one connection have the same channel ID."""

    def __init__(self, channel_id: int) -> None:
        super().__init__(channel_id)
        self.channel_id = channel_id

    def __str__(self) -> str:
        return f"channel {self.channel_id:#04x} is described twice"


class ConnectionSettingError(LocalError):
    """A multiplexed connection was given an impossible setting."""

    def __init__(self, setting: str, value: float) -> None:
        super().__init__(setting, value)
        self.setting = setting
        self.value = value

    def __str__(self) -> str:
        return f"{shown(self.setting)} cannot be {self.value}"


class PacketError(RemoteError):
    """A packet is one that no peer may send. Source: reference 4."""


class PacketKindError(PacketError):
    """A packet is neither a ping nor a pong nor part of a message."""

    def __str__(self) -> str:
        return "a packet of no known kind"


class UnknownChannelError(PacketError):
    """A packet is for a channel that we did not announce, or for a number that cannot be a channel."""

    def __init__(self, channel_id: int) -> None:
        super().__init__(channel_id)
        self.channel_id = channel_id

    def __str__(self) -> str:
        return f"a packet for the unknown channel {self.channel_id:#x}"


class MessageCapacityError(PacketError):
    """The packets of one message add up to more than the channel allows."""

    def __init__(self, channel_id: int, length: int, capacity: int) -> None:
        super().__init__(channel_id, length, capacity)
        self.channel_id = channel_id
        self.length = length
        self.capacity = capacity

    def __str__(self) -> str:
        channel = f"channel {self.channel_id:#04x}"
        return f"a message of {self.length} bytes or more on {channel}, which takes {self.capacity}"


class EmptyPacketFloodError(PacketError):
    """The peer sends packets with little or no data, far more than anybody needs, and goes on.

    Args: packets in so many seconds.
    """

    def __init__(self, packets: int, seconds: float, allowed: float) -> None:
        super().__init__(packets, seconds, allowed)
        self.packets = packets
        self.seconds = seconds
        self.allowed = allowed

    def __str__(self) -> str:
        flood = f"{self.packets} packets with little or no data within {self.seconds:.3g} s"
        return f"flood: {flood}, {self.allowed:g} a second are allowed"


class PongTimeoutError(RemoteError):
    """No pong arrived in time after a ping."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        return f"no pong within {self.seconds:g} s of a ping"
