"""A trace goes beside a message, and is taken once, by whoever handles that message."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.codec import Frames
from peerage.actors.runtime.mail.trace_context import Trace, take_trace, traced

TRACE = Trace({"traceparent": "00-1-2-01"}, 12.5, is_asked=True)


def sent(value: Any) -> Any:
    """What arrives."""
    body, extras, flags = codec.encode(value)
    return codec.decode(flags, body, extras)


@pytest.mark.parametrize("message", ["text", {"a": 1}, None, Frames({"a": 1}, [b"frame"])], ids=repr)
def test_a_message_arrives_as_it_was_with_its_trace_beside(message: Any) -> None:
    """The receiver's handler sees no difference."""
    value = sent(traced(message, TRACE))
    assert value == message
    assert type(value) is type(message)
    assert take_trace(value) == TRACE


def test_a_trace_is_taken_once() -> None:
    """The next message has its own, or none."""
    value = sent(traced({"a": 1}, TRACE))
    assert take_trace(value) == TRACE
    assert take_trace(value) is None


def test_a_trace_is_not_another_messages() -> None:
    """One that was read and never handled leaves nothing behind for the next."""
    sent(traced({"a": 1}, TRACE))
    assert take_trace({"a": 1}) is None
    assert take_trace({"a": 1}) is None


def test_a_message_without_a_trace_has_none() -> None:
    """Most have none."""
    assert take_trace(sent({"a": 1})) is None
