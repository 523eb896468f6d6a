"""Parts of an answer in one message: each is what it was when it was yielded."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import pytest

from peerage.actors.runtime import Frames
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.codec import Encoded
from peerage.actors.runtime.mail.memory import LARGE
from peerage.actors.runtime.mail.parts import Parts, pack_part, pack_parts


def arrived(message: Any) -> Parts:
    """As the consumer reads it."""
    return Parts(codec.decode(*_frame(codec.encode(message))))


def _frame(encoded: tuple[Any, Any, int]) -> tuple[int, Any, Any]:
    body, extras, flags = encoded
    return flags, body, extras


def packed(*values: Any) -> list[bytes]:
    pickles = [pack_part(value, ()) for value in values]
    return [each for each in pickles if isinstance(each, bytes)]


@pytest.mark.parametrize("value", [1, None, "text", b"x" * LARGE, [1, 2], (3,), ValueError])
def test_a_part_arrives_as_it_was(value: Any) -> None:
    """A tuple is no message of its own, and large bytes are a part like others."""
    parts = arrived(pack_parts(packed(value, value)))
    assert (parts.values, parts.error, parts.is_last) == ([value, value], None, False)


def test_parts_that_are_one_object_arrive_as_several() -> None:
    """The producer may yield the same list each time, changed."""
    value: list[int] = []
    pickles = []
    for number in range(3):
        value.append(number)
        pickles += packed(value)
    assert arrived(pack_parts(pickles)).values == [[0], [0, 1], [0, 1, 2]]


def test_one_with_large_buffers_travels_alone() -> None:
    """They are the consumer's own then, and writable."""
    numpy = pytest.importorskip("numpy")
    part = pack_part(numpy.ones(LARGE), ())
    assert isinstance(part, Encoded)
    [value] = arrived(part).values
    value[0] = 2.0
    assert value.sum() == LARGE + 1


def test_frames_travel_alone() -> None:
    """Unpickled, as everywhere."""
    part = pack_part(Frames({"of": "block"}, [b"one", b"two"]), ())
    assert isinstance(part, Encoded)
    [value] = arrived(part).values
    assert (value.header, list(value.frames)) == ({"of": "block"}, [b"one", b"two"])


def test_an_exception_comes_behind_the_parts_before_it() -> None:
    """And nothing comes behind the exception."""
    message = pack_parts(packed(1, 2), failure=codec.encode_failure(ValueError("boom")))
    parts = arrived(message)
    assert (parts.values, repr(parts.error), parts.is_last) == ([1, 2], "ValueError('boom')", True)


class Unreadable:
    """Can be pickled, and not unpickled."""

    def __reduce__(self) -> Any:
        return int, ("no number",)


def test_a_part_that_cannot_be_read_ends_the_message_but_not_the_producer() -> None:
    """What stands before it is there; the producer does not know yet."""
    parts = arrived(pack_parts([*packed(1), pickle.dumps((Unreadable(),)), *packed(3)]))
    assert (parts.values, type(parts.error), parts.is_last) == ([1], ValueError, False)


def test_what_cannot_be_pickled_raises() -> None:
    """At the producer, which tells its consumer."""
    with pytest.raises(TypeError):
        pack_part(threading.Lock(), ())
