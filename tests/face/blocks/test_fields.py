"""Fields written by hand are those that protobuf writes."""

from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import BytesValue, Int64Value

from peerage.blocks.fields import fixed_field, message_field, number_field, text_field, timestamp


@pytest.mark.parametrize("number", [0, 1, 127, 128, 2**32, 2**63 - 1, -1, -(2**63)])
def test_numbers_are_varints_of_64_bits(number: int) -> None:
    """Negative ones take ten bytes, and 0 none."""
    assert number_field(1, number) == Int64Value(value=number).SerializeToString()


@pytest.mark.parametrize("text", [b"", b"a", b"x" * 200])
def test_texts_are_left_out_when_empty(text: bytes) -> None:
    """As proto3 has it."""
    assert text_field(1, text) == BytesValue(value=text).SerializeToString()


def test_messages_are_written_even_when_empty() -> None:
    """As gogoproto writes what is not nullable."""
    assert message_field(2, b"") == b"\x12\x00"


@pytest.mark.parametrize(
    ("value", "expected"), [(0, ""), (1, "110100000000000000"), (-1, "11ffffffffffffffff")]
)
def test_fixed_numbers_take_eight_bytes(value: int, expected: str) -> None:
    """The lowest byte first."""
    assert fixed_field(2, value).hex() == expected


@pytest.mark.parametrize(("seconds", "nanos"), [(0, 0), (1_700_000_000, 5), (-62_135_596_800, 0)])
def test_times_are_protobufs(seconds: int, nanos: int) -> None:
    """Also Go's zero time, which votes of absent validators have."""
    time = Timestamp(seconds=seconds, nanos=nanos)
    assert timestamp(time) == time.SerializeToString()
