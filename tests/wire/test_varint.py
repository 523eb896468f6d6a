"""The varint before every delimited message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.wire.errors import (
    MalformedMessageError,
    VarintOverflowError,
    VarintTooLargeError,
    VarintTruncatedError,
)
from peerage.wire.varint import MAX_UINT64, decode_uvarint, encode_uvarint


@given(st.integers(0, MAX_UINT64), st.binary(max_size=3), st.binary(max_size=3))
def test_decoding_gives_back_what_was_encoded(n: int, before: bytes, after: bytes) -> None:
    """Whatever surrounds it, the number and the position after it are returned."""
    encoded = encode_uvarint(n)
    assert decode_uvarint(before + encoded + after, len(before)) == (n, len(before) + len(encoded))


@pytest.mark.parametrize(
    ("n", "encoded"),
    [(0, "00"), (127, "7f"), (128, "8001"), (1 << 20, "808040"), (MAX_UINT64, "ff" * 9 + "01")],
)
def test_numbers_are_written_in_as_few_bytes_as_possible(n: int, encoded: str) -> None:
    """At the boundaries of one, two, three and ten bytes."""
    assert encode_uvarint(n).hex() == encoded


@pytest.mark.parametrize("encoded", ["a200", "a28000", "a2" + "80" * 8 + "00"])
def test_a_number_in_more_bytes_than_needed_is_accepted(encoded: str) -> None:
    """CometBFT accepts up to ten bytes."""
    assert decode_uvarint(bytes.fromhex(encoded)) == (0x22, len(encoded) // 2)


@pytest.mark.parametrize("encoded", ["80" * 10 + "00", "80" * 10, "ff" * 9 + "02", "ff" * 9 + "7f"])
def test_more_than_ten_bytes_or_64_bits_is_an_overflow(encoded: str) -> None:
    """An eleventh byte is refused before it arrives, and so is a 65th bit."""
    with pytest.raises(VarintOverflowError, match="larger than 64 bits"):
        decode_uvarint(bytes.fromhex(encoded))


@given(st.integers(0, MAX_UINT64))
def test_every_beginning_of_a_varint_asks_for_more(n: int) -> None:
    """So a stream reader can tell "not yet" from "never"."""
    encoded = encode_uvarint(n)
    for cut in range(len(encoded)):
        with pytest.raises(VarintTruncatedError, match="end inside"):
            decode_uvarint(encoded[:cut])


@given(st.binary(max_size=12))
def test_any_bytes_give_a_number_of_64_bits_or_a_remote_error(data: bytes) -> None:
    """No bytes from the network cause anything else."""
    try:
        value, position = decode_uvarint(data)
    except MalformedMessageError:
        return
    assert 0 <= value <= MAX_UINT64
    assert 1 <= position <= min(10, len(data))


@pytest.mark.parametrize("n", [-1, MAX_UINT64 + 1])
def test_numbers_that_do_not_fit_are_our_own_mistake(n: int) -> None:
    """Encoding raises a LocalError."""
    with pytest.raises(VarintTooLargeError, match="not in 0"):
        encode_uvarint(n)
