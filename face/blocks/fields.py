"""Protobuf fields written out by hand, as gogoproto writes them for CometBFT.

What is hashed or signed must be the very bytes that CometBFT makes. Its structs write some submessages even when they are
empty (`nullable = false`), which a generated class of another language does only when told so; here each place says which
it means.
"""

from __future__ import annotations

import struct

from google.protobuf.timestamp_pb2 import Timestamp

from peerage.wire.varint import encode_uvarint

__all__ = ["fixed_field", "message_field", "number_field", "text_field", "timestamp"]

_VARINT, _FIXED64, _BYTES = 0, 1, 2
_SFIXED64 = struct.Struct("<q")
_64_BITS = 2**64 - 1


def number_field(number: int, value: int) -> bytes:
    """A varint, of any sign; nothing when it is 0."""
    return encode_uvarint(number << 3 | _VARINT) + encode_uvarint(value & _64_BITS) if value else b""


def fixed_field(number: int, value: int) -> bytes:
    """An sfixed64; nothing when it is 0."""
    return encode_uvarint(number << 3 | _FIXED64) + _SFIXED64.pack(value) if value else b""


def text_field(number: int, value: bytes) -> bytes:
    """Bytes or text; nothing when empty."""
    return message_field(number, value) if value else b""


def message_field(number: int, value: bytes) -> bytes:
    """A submessage that is written even when it is empty."""
    return encode_uvarint(number << 3 | _BYTES) + encode_uvarint(len(value)) + value


def timestamp(time: Timestamp) -> bytes:
    """The bytes of a time."""
    return number_field(1, time.seconds) + number_field(2, time.nanos)
