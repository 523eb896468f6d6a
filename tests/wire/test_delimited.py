"""Delimited messages out of a stream."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.wire.delimited import DelimitedReader, delimit
from peerage.wire.errors import MessageTooLongError, VarintOverflowError
from tests.strategies import chunks


@settings(max_examples=50)
@given(st.binary(max_size=300), st.binary(max_size=20), st.data())
def test_a_message_comes_out_whole_however_it_was_cut(
    message: bytes, after: bytes, draw: st.DataObject
) -> None:
    """The bytes after it are returned beside it."""
    reader = DelimitedReader("test", 300)
    pieces = draw.draw(chunks(delimit(message) + after))
    for i, piece in enumerate(pieces):
        read = reader.feed(piece)
        if read is not None:
            assert read[0] == message
            assert read[1] + b"".join(pieces[i + 1 :]) == after
            assert reader.held == 0
            return
    pytest.fail("the message never came")


def test_a_reader_can_be_used_again() -> None:
    """It reads message after message, including an empty one, with lengths of any number of bytes."""
    reader = DelimitedReader("test", 10)
    stream, messages = delimit(b"one") + b"\x00" + b"\x83\x80\x00two", []
    while (read := reader.feed(stream)) is not None and read[0] is not None:
        messages.append(read[0])
        stream = read[1]
    assert messages == [b"one", b"", b"two"]


def test_a_length_over_the_limit_is_refused_before_the_message() -> None:
    """The limit itself is allowed; nothing after the length is held."""
    assert DelimitedReader("test", 300).feed(b"\xac\x02") is None
    with pytest.raises(MessageTooLongError, match="test of 301 bytes, at most 300") as caught:
        DelimitedReader("test", 300).feed(b"\xad\x02")
    assert (caught.value.length, caught.value.limit) == (301, 300)


def test_what_is_held_is_bounded() -> None:
    """An endless length fails at the tenth byte, however slowly it arrives."""
    reader = DelimitedReader("test", 300)
    for held in range(1, 10):
        assert reader.feed(b"\x80") is None
        assert reader.held == held
    with pytest.raises(VarintOverflowError):
        reader.feed(b"\x80")
