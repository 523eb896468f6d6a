"""actors/runtime/mail/outcome.py: what a future was resolved with arrives as it was."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.runtime import Frames
from peerage.actors.runtime.mail.message import Kind
from peerage.actors.runtime.mail.outcome import pack_outcome, unpack


@pytest.mark.parametrize("value", [None, 5, "text", [1, {"a": b"b"}], Frames("header", [b"one", b"two"])])
def test_a_value_arrives_as_a_reply(value: Any) -> None:
    kind, body = pack_outcome(value, None)
    assert kind == Kind.REPLY
    assert unpack(kind, body) == (value, None)


def test_an_exception_arrives_as_a_failure() -> None:
    kind, body = pack_outcome(None, ValueError("boom"))
    assert kind == Kind.FAIL
    value, error = unpack(kind, body)
    assert value is None
    assert repr(error) == "ValueError('boom')"


def test_buffers_are_copied() -> None:
    """Whoever changes them afterwards does not change what was set."""
    buffer = bytearray(b"before")
    kind, body = pack_outcome(Frames(None, [memoryview(buffer)]), None)
    buffer[:] = b"after!"
    value, _error = unpack(kind, body)
    assert value.frames == [b"before"]


def test_a_value_that_cannot_be_read_is_a_failure() -> None:
    """Of whoever reads it, where it arrives."""
    value, error = unpack(Kind.REPLY, b"no pickle")
    assert value is None
    assert isinstance(error, Exception)
