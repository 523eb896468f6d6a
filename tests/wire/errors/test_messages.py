"""Bytes that are no message: what is said of them."""

from __future__ import annotations

import pytest

from peerage.wire.errors import (
    FieldTagError,
    FieldTruncatedError,
    FieldTypeError,
    LocalError,
    MalformedMessageError,
    MessageTooLongError,
    RemoteError,
    VarintOverflowError,
    VarintTooLargeError,
    VarintTruncatedError,
    WireError,
)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (VarintTooLargeError(2**64), "18446744073709551616 is not in 0..2^64-1"),
        (VarintTruncatedError(3), "the bytes end inside the varint that begins at 3"),
        (VarintOverflowError(3), "the varint that begins at 3 is larger than 64 bits"),
        (FieldTruncatedError(2, 9), "the message ends inside field 2 at 9"),
        (FieldTagError(0x07, 9), "illegal tag 0x7 at 9"),
        (FieldTypeError("PacketMsg", 2, 5), "field 2 of PacketMsg has wire type 5"),
        (
            MessageTooLongError("a NodeInfo", 20000, 10240),
            "a NodeInfo of 20000 bytes, at most 10240 are allowed",
        ),
    ],
)
def test_the_text_says_what_was_found_and_what_is_allowed(error: WireError, text: str) -> None:
    """With the position, where there is one."""
    assert str(error) == text


def test_only_the_number_that_was_to_be_encoded_is_our_fault() -> None:
    """All the others came from the remote."""
    assert issubclass(VarintTooLargeError, LocalError)
    assert issubclass(MalformedMessageError, RemoteError)
    assert issubclass(MessageTooLongError, RemoteError)
