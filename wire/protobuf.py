"""A protobuf reader that goes field by field and gives CometBFT's result for every odd input.

Generated protobuf code and CometBFT disagree in some cases: a known field with another wire type, strings that are not
UTF-8, a oneof given twice. Here the caller sees the fields in their order and decides.

::

    message:  (tag | value)*         tag: uvarint(number << 3 | wire type)
    value, by wire type:  0 varint   1 eight bytes   2 uvarint length | that many bytes
                          3 fields up to the tag with wire type 4 (a group)   5 four bytes
"""

from __future__ import annotations

from collections.abc import Iterator

from peerage.wire.errors import (
    FieldTagError,
    FieldTruncatedError,
    FieldTypeError,
    VarintOverflowError,
    VarintTruncatedError,
)
from peerage.wire.varint import MAX_UINT64

VARINT, FIXED64, BYTES, GROUP, END_GROUP, FIXED32 = range(6)

_WIDTH = {FIXED64: 8, FIXED32: 4}
_MAX_LENGTH = 2**63 - 1  # CometBFT's lengths are signed 64-bit numbers, and it refuses negative ones


def field_varint(buf: bytes, pos: int) -> tuple[int, int]:
    """Read a varint inside a message. Unlike the one that precedes a message, it is cut to 64 bits.

    Returns: the number and the position after it.
    Raises: VarintTruncatedError, VarintOverflowError (an 11th byte).
    """
    start = pos
    value = shift = 0
    end = len(buf)
    while pos < end:
        byte = buf[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & MAX_UINT64, pos
        shift += 7
        if shift > 63:
            raise VarintOverflowError(start)
    raise VarintTruncatedError(start)


def fields(buf: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """The fields of a message in their order, unknown ones included.

    Yields: number, wire type and value: an int for a varint, bytes for the others (for a group: its content).
    Raises: MalformedMessageError when iteration reaches the fault: the fields before it have been yielded by then.
    Source: reference, "Decoding as CometBFT does it".
    """
    pos, end = 0, len(buf)
    while pos < end:
        start = pos
        tag = buf[pos]
        if tag & 0x87 == BYTES and tag > BYTES and pos + 1 < end and (length := buf[pos + 1]) < 0x80:
            # Nearly every field of a handshake is like this. The general code below does the same in three times the time.
            inside = pos + 2
            pos = inside + length
            if pos > end:
                raise FieldTruncatedError(tag >> 3, start)
            yield tag >> 3, BYTES, buf[inside:pos]
            continue
        tag, pos = field_varint(buf, pos)
        number, wire_type = _number(tag), tag & 7
        if wire_type == END_GROUP or number <= 0:
            raise FieldTagError(tag, start)
        if wire_type == VARINT:
            value, pos = field_varint(buf, pos)
            yield number, wire_type, value
        else:
            inside, pos = _skip(buf, pos, tag, start)
            yield number, wire_type, buf[inside:pos]


def expect(message: str, number: int, wire_type: int, expected: int) -> None:
    """Raise unless a known field has the wire type that it must have.

    Raises: FieldTypeError.
    """
    if wire_type != expected:
        raise FieldTypeError(message, number, wire_type)


def encode_bytes_field(number: int, value: bytes) -> bytes:
    """Encode a field of wire type 2 whose number is below 16 and whose value is shorter than 128 bytes."""
    return bytes((number << 3 | BYTES, len(value))) + value


def _number(tag: int) -> int:
    """The field number as CometBFT computes it: the upper bits cut to a signed 32-bit number."""
    number = tag >> 3 & 0xFFFFFFFF
    return number - 2**32 if number >= 2**31 else number


def _skip(buf: bytes, pos: int, tag: int, start: int) -> tuple[int, int]:
    """Where the value of a field other than a varint begins and ends.

    Groups are walked with a depth counter instead of recursion, so that deep nesting cannot exhaust the stack.
    """
    depth = 0
    inside = pos
    while True:
        wire_type = tag & 7
        if wire_type == GROUP:
            depth += 1
        elif wire_type == END_GROUP:
            depth -= 1
        elif wire_type == VARINT:
            _, pos = field_varint(buf, pos)
        elif wire_type == BYTES:
            length, pos = field_varint(buf, pos)
            if depth == 0:
                inside = pos
            if length > _MAX_LENGTH:
                raise FieldTruncatedError(tag >> 3, start)
            pos += length
        elif wire_type in _WIDTH:
            pos += _WIDTH[wire_type]
        else:
            raise FieldTagError(tag, start)
        if pos > len(buf):
            raise FieldTruncatedError(tag >> 3, start)
        if depth == 0:
            return inside, pos
        if pos == len(buf):
            raise FieldTruncatedError(tag >> 3, start)
        start = pos
        tag, pos = field_varint(buf, pos)
