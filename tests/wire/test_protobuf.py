"""Protobuf messages read field by field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.wire.errors import (
    FieldTagError,
    FieldTruncatedError,
    FieldTypeError,
    MalformedMessageError,
    VarintOverflowError,
    VarintTruncatedError,
)
from peerage.wire.protobuf import (
    BYTES,
    FIXED32,
    FIXED64,
    GROUP,
    VARINT,
    encode_bytes_field,
    expect,
    field_varint,
    fields,
)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("", []),
        ("0801", [(1, VARINT, 1)]),
        ("08ffffffffffffffffff01", [(1, VARINT, 2**64 - 1)]),
        ("08ffffffffffffffffff7f", [(1, VARINT, 2**64 - 1)]),  # bits beyond the 64th are cut off
        ("120161", [(2, BYTES, b"a")]),
        ("1200", [(2, BYTES, b"")]),
        ("090102030405060708", [(1, FIXED64, bytes(range(1, 9)))]),
        ("0d01020304", [(1, FIXED32, bytes(range(1, 5)))]),
        ("0b08010c", [(1, GROUP, bytes.fromhex("08010c"))]),
        ("0b131408010c", [(1, GROUP, bytes.fromhex("131408010c"))]),
        ("8a0101610802", [(17, BYTES, b"a"), (1, VARINT, 2)]),
    ],
)
def test_fields_come_out_in_order(message: str, expected: list[tuple[int, int, int | bytes]]) -> None:
    """For every wire type, including unknown fields."""
    assert list(fields(bytes.fromhex(message))) == expected


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("08", VarintTruncatedError),
        ("80", VarintTruncatedError),
        ("08" + "80" * 11, VarintOverflowError),
        ("00", FieldTagError),  # field 0
        ("0c", FieldTagError),  # end of a group that never began
        ("0e", FieldTagError),  # wire type 6
        ("0f", FieldTagError),  # wire type 7
        ("8080808040" + "00", FieldTagError),  # the number is negative as CometBFT computes it
        ("120261", FieldTruncatedError),
        ("12ffffffffffffffffff01", FieldTruncatedError),  # a negative length there
        ("0901", FieldTruncatedError),
        ("0d01", FieldTruncatedError),
        ("0b", FieldTruncatedError),  # a group without end
        ("0b1200", FieldTruncatedError),
    ],
)
def test_broken_messages_are_refused(message: str, error: type[MalformedMessageError]) -> None:
    """Each with its own error."""
    with pytest.raises(error) as caught:
        list(fields(bytes.fromhex(message)))
    assert str(caught.value)


@given(st.binary(max_size=60))
def test_any_bytes_give_fields_or_a_remote_error(message: bytes) -> None:
    """Nothing else is raised, and no field is longer than the message."""
    try:
        found = list(fields(message))
    except MalformedMessageError:
        return
    assert sum(len(value) for _, _, value in found if isinstance(value, bytes)) <= len(message)


def test_deeply_nested_groups_are_walked_not_recursed_into() -> None:
    """So a peer cannot overflow our stack."""
    deep = b"\x0b" * 50_000 + b"\x0c" * 50_000
    assert [number for number, _, _ in fields(deep)] == [1]


def test_a_known_field_must_have_its_own_wire_type() -> None:
    """Generated code would skip it; CometBFT refuses it."""
    expect("Test", 1, BYTES, BYTES)
    with pytest.raises(FieldTypeError, match="field 1 of Test has wire type 0"):
        expect("Test", 1, VARINT, BYTES)


@given(st.integers(1, 15), st.binary(max_size=127))
def test_an_encoded_field_reads_back(number: int, value: bytes) -> None:
    """In the short form that the messages of the handshake need."""
    assert list(fields(encode_bytes_field(number, value))) == [(number, BYTES, value)]


def test_a_varint_inside_a_message_ends_where_it_says() -> None:
    """The position after it is returned."""
    assert field_varint(b"\xff\x96\x01\xff", 1) == (150, 3)
