"""Packets: the units that a multiplexed connection is a stream of, and the events that reading them produces.

    packet:   length, uvarint | one of: ping 0a 00, pong 12 00, part of a message
    part:     1a, length | channel 08, number (not for 0) | eof 10 01 (not for false) | data 1a, length

The decoder in here agrees with CometBFT's on every odd input. `packet_reader` reads streams; it comes here with
whatever does not have the form that peers really send.
Source: reference 4.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple, TypeAlias

from peerage.wire import accelerator
from peerage.wire.errors import (
    PacketKindError,
)
from peerage.wire.loops import SIZES
from peerage.wire.protobuf import BYTES, VARINT, expect, fields
from peerage.wire.varint import encode_uvarint

__all__ = [
    "DEFAULT_MAX_PAYLOAD",
    "PING",
    "PONG",
    "Event",
    "MessageReceived",
    "MessageRun",
    "Packet",
    "PacketMsg",
    "Ping",
    "PingReceived",
    "Pong",
    "PongReceived",
    "decode_packet",
    "encode_packet",
    "eof_payload_limit",
    "max_packet_size",
    "message_header",
    "whole_message_middle",
]

DEFAULT_MAX_PAYLOAD = 1024  # bytes of data in a packet, reference 4: max_packet_msg_payload_size
PING = b"\x02\x0a\x00"  # both include the length in front
PONG = b"\x02\x12\x00"

ONE_BYTE_CHANNELS = 0x80  # channel IDs from here on take two bytes
_INT32 = 2**32
_SIZE_BYTES = array(SIZES).itemsize

# --- one packet ---


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a pong."""


@dataclass(frozen=True, slots=True)
class Pong:
    """Answers a ping, or just tells the other side that we are alive."""


@dataclass(frozen=True, slots=True)
class PacketMsg:
    """A part of a message; the last part has `eof`. `channel_id` is as the remote wrote it, -2^31..2^31-1."""

    channel_id: int
    eof: bool
    data: bytes


Packet: TypeAlias = Ping | Pong | PacketMsg


def message_header(channel_id: int, eof: bool, size: int) -> bytes:
    """All the bytes of a packet that precede its `size` bytes of data, the packet's length included."""
    header = _body_header(channel_id, eof, size)
    return encode_uvarint(len(header) + size) + header


@lru_cache(maxsize=256)  # of a node's channels; each connection asks for all of them
def full_header(channel_id: int, max_payload: int) -> bytes:
    """As `message_header`, of a full packet without eof."""
    return message_header(channel_id, eof=False, size=max_payload)


def packets_of(channel_id: int, message: bytes, max_payload: int = DEFAULT_MAX_PAYLOAD) -> bytes:
    """All packets of one message, for a connection that carries nothing else.

    Args: channel_id, below 0x80; max_payload, most data bytes in a packet.
    """
    assert channel_id < ONE_BYTE_CHANNELS
    whole = max(0, len(message) - 1) // max_payload  # the last one has eof, however full it is
    packets = (
        accelerator.cut(full_header(channel_id, max_payload), message, 0, max_payload, whole)
        if whole
        else b""
    )
    rest = message[whole * max_payload :]
    return packets + message_header(channel_id, eof=True, size=len(rest)) + rest


def _body_header(channel_id: int, eof: bool, size: int) -> bytes:
    """The bytes between a packet's length and its data."""
    inner = b""
    if channel_id:
        inner = b"\x08" + encode_uvarint(channel_id % 2**64)
    if eof:
        inner += b"\x10\x01"
    if size:
        inner += b"\x1a" + encode_uvarint(size)
    return b"\x1a" + encode_uvarint(len(inner) + size) + inner


@cache
def whole_message_middle(channel_id: int) -> bytes:
    """The bytes that the headers of a channel's whole messages have in common: what lies between the lengths."""
    return _body_header(channel_id, eof=True, size=0)[2:]


def encode_packet(packet: Packet) -> bytes:
    """The bytes of the packet, its length in front."""
    match packet:
        case Ping():
            return PING
        case Pong():
            return PONG
        case PacketMsg(channel_id, eof, data):
            return message_header(channel_id, eof, len(data)) + data


def decode_packet(body: bytes) -> Packet:
    """Read one packet as CometBFT does.

    Args: body, the packet without the length in front.
    Raises: PacketKindError for a packet of no known kind; MalformedMessageError.
    Source: reference 4 and "Decoding as CometBFT does it": if a packet holds several kinds, the last one counts.
    """
    packet: Packet | None = None
    for number, wire_type, value in fields(body):
        if 1 <= number <= 3:
            expect("Packet", number, wire_type, BYTES)
            assert isinstance(value, bytes)
            packet = (
                _decode_message(value) if number == 3 else _decode_empty(value, Ping if number == 1 else Pong)
            )
    if packet is None:
        raise PacketKindError
    return packet


def _decode_empty(body: bytes, kind: type[Ping | Pong]) -> Ping | Pong:
    for _ in fields(body):
        pass  # the content has no meaning, but it must be valid protobuf
    return kind()


def _decode_message(body: bytes) -> PacketMsg:
    """Read a part of a message. The channel is cut to a signed 32-bit number, as CometBFT does."""
    channel_id, eof, data = 0, False, b""
    for number, wire_type, value in fields(body):
        if number == 3:
            expect("PacketMsg", number, wire_type, BYTES)
            assert isinstance(value, bytes)
            data = value
        elif 1 <= number <= 2:
            expect("PacketMsg", number, wire_type, VARINT)
            assert isinstance(value, int)
            if number == 2:
                eof = value != 0
            else:
                channel_id = value % _INT32
                channel_id -= _INT32 if channel_id >= _INT32 // 2 else 0
    return PacketMsg(channel_id, eof, data)


@lru_cache(maxsize=64)  # of a node's configuration; each connection asks
def max_packet_size(max_payload: int) -> int:
    """Bytes of the largest packet that a receiver accepts, not counting the length in front.

    Source: reference 4: the size of a packet with channel 1, eof and the largest payload.
    """
    return len(_body_header(1, eof=True, size=max_payload)) + max_payload


def eof_payload_limit(channel_id: int, max_payload: int) -> int:
    """How many data bytes a packet with eof may carry.

    On channels whose ID takes two bytes CometBFT refuses a full packet with eof, so we must not send one.
    Source: reference 4.
    """
    return max_payload if channel_id < ONE_BYTE_CHANNELS else max_payload - 1


# --- events ---


class MessageReceived(NamedTuple):
    """A whole message arrived on a channel. A plain tuple, for there may be a quarter of a million a second."""

    channel_id: int
    data: bytes


class MessageRun(NamedTuple):
    """Messages of one channel that followed each other, joined.

    What travels in a stream of small messages is one object for all of them: it is made, handed on and copied at the cost of
    a single message. Only their receiver takes them apart.

    Args:
        channel_id: of all of them.
        sizes: their bytes, in order, as an array of SIZES.
        data: the messages.
    """

    channel_id: int
    sizes: bytes
    data: bytes | memoryview

    @classmethod
    def of(cls, channel_id: int, messages: Sequence[bytes | memoryview]) -> MessageRun:
        """Join messages."""
        return cls(channel_id, array(SIZES, map(len, messages)).tobytes(), b"".join(messages))

    @property
    def messages(self) -> int:
        """How many messages it is."""
        return len(self.sizes) // _SIZE_BYTES

    @property
    def lengths(self) -> memoryview:
        """Bytes of each message."""
        return memoryview(self.sizes).cast(SIZES)

    @property
    def longest(self) -> int:
        """Bytes of the longest message."""
        return max(self.lengths, default=0)

    def each(self) -> list[MessageReceived]:
        """The messages one by one."""
        return accelerator.split_messages(self.data, self.sizes, MessageReceived, (self.channel_id,))


class PingReceived(NamedTuple):
    """One or more pings arrived, with nothing but pings and pongs between them."""


class PongReceived(NamedTuple):
    """One or more pongs arrived, asked for or not, with nothing but pings and pongs between them."""


Event: TypeAlias = MessageReceived | MessageRun | PingReceived | PongReceived
