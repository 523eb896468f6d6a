"""What a future was resolved with is kept, and arrives elsewhere, as it was."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.runtime import Frames
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.outcome import Outcome, pack_outcome, unpack


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


def test_an_outcome_is_read_as_often_as_one_likes() -> None:
    """An exception is raised each time with the traceback that it had."""
    assert Outcome(5).get() == 5
    failed = Outcome(None, ValueError("boom"))
    for _ in range(2):
        with pytest.raises(ValueError, match="boom") as caught:
            failed.get()
        assert len(caught.traceback) == 2  # here, and in `get`
    assert repr(failed.error) == "ValueError('boom')"
    assert Outcome(5).error is None


def test_what_came_in_a_message_is_read_when_it_is_asked_for() -> None:
    """Until then it goes on as it came."""
    message = pack_outcome([1], None)
    outcome = Outcome(None, packed=message)
    assert outcome.as_message() is message
    assert outcome.state() == (None, message)
    assert [outcome.is_an_object, outcome.get(), outcome.is_an_object] == [False, [1], True]
    assert outcome.get() is outcome.get()


def test_a_value_is_pickled_as_it_is_and_an_exception_as_its_message() -> None:
    """Pickle alone would not bring its traceback along."""
    assert Outcome([1]).state() == ([1], None)
    value, message = Outcome(None, ValueError("boom")).state()
    assert value is None
    assert message is not None
    assert message[0] == Kind.FAIL
