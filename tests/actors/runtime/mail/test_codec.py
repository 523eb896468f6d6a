"""What is encoded comes out the same: values, frames, exceptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.actors.runtime import Frames, RemoteFailureError, RemoteTraceback, packed
from peerage.actors.runtime.mail.codec import SMALL, decode, decode_failure, dumps, encode, encode_failure
from peerage.actors.runtime.mail.memory import HUGE, LARGE

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children) | st.tuples(children),
    max_leaves=10,
)


@given(value=values)
@settings(max_examples=50)
def test_encode_then_decode_is_the_identity(value: Any) -> None:
    """For everything pickle takes."""
    body, extras, flags = encode(value)
    assert decode(flags, body, extras) == value


@given(
    header=values,
    frames=st.lists(
        st.binary(max_size=20) | st.sampled_from([4095, 4096, 4097, 70_000]).map(bytes), max_size=20
    ),
)
@settings(max_examples=50)
def test_frames_stay_beside_their_header(header: Any, frames: list[bytes]) -> None:
    """They are not pickled: large ones go out as they are, small ones joined to one."""
    body, extras, flags = encode(Frames(header, frames))
    large = [frame for frame in frames if len(frame) > SMALL]
    assert len(extras) <= len(large) + 1
    assert all(sent is frame for sent, frame in zip(extras[len(extras) - len(large) :], large, strict=True))
    assert decode(flags, body, extras) == Frames(header, frames)


def test_many_small_frames_cost_no_frame_of_zeromq() -> None:
    """Up to half of 64 KiB they stand behind the header, beyond it they share one."""
    few, many = Frames("few", [b"x" * 200] * 100), Frames("many", [b"y" * 200] * 1000)
    assert [len(encode(value)[1]) for value in (few, many)] == [0, 1]
    for value in (few, many):
        body, extras, flags = encode(value)
        assert decode(flags, body, extras) == value


def test_a_lambda_travels_by_value() -> None:
    """Plain pickle cannot; cloudpickle does."""
    body, extras, flags = encode({"f": lambda number: number + 1})
    assert decode(flags, body, extras)["f"](1) == 2


def test_a_failure_keeps_error_and_traceback() -> None:
    """The cause is the traceback of where it was raised."""
    try:
        raise KeyError("x")
    except KeyError as error:
        body = encode_failure(error)
    again = decode_failure(body)
    assert isinstance(again, KeyError)
    assert again.args == ("x",)
    assert isinstance(again.__cause__, RemoteTraceback)
    assert "test_a_failure_keeps" in again.__cause__.text


def test_a_failure_that_cannot_be_read_is_described() -> None:
    """Whatever the bytes, an exception comes out."""
    assert isinstance(decode_failure(b"nonsense"), RemoteFailureError)


@dataclass(frozen=True)
class FrozenError(Exception):
    """Lets nobody set its attributes, not even `args` and `__cause__`."""

    code: int


class NosyError(Exception):
    """Answers a question for any attribute that it does not have with an exception."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


@pytest.mark.parametrize("kind", [FrozenError, NosyError])
def test_a_failure_whose_class_is_in_the_way_of_attributes(kind: type[Exception]) -> None:
    """It comes as it was, with its traceback."""
    error = kind(7)
    copied = decode_failure(encode_failure(error))
    assert (type(copied), copied.args) == (kind, (7,))
    assert kind.__name__ in str(copied.__cause__)


def test_what_cannot_be_pickled_raises() -> None:
    """At the sender, where the mistake is."""
    with pytest.raises(TypeError):
        dumps(name for name in "abc")


@pytest.mark.parametrize("size", [LARGE, HUGE + 5])
@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_large_bytes_lie_beside_the_pickle(kind: type[bytes | bytearray], size: int) -> None:
    """What cannot change is not copied, nor what is borrowed; the reader gets its own."""
    value = kind(b"x" * size)
    body, (extra,), flags = encode(value)
    assert len(body) < 200
    found = decode(flags, body, [memoryview(bytes(extra))])
    assert type(found) is kind
    assert found == value
    assert (extra is value) is (kind is bytes)
    if isinstance(value, bytearray):
        _body, borrowed, _flags = encode(value, borrow=True)
        value[0] = 0
        assert borrowed[0][0] == 0
        assert extra[0] == ord("x")
        assert decode(flags, body, [extra])[0] == ord("x")
    else:
        assert decode(flags, body, [extra]) is value


def test_a_packed_message_is_pickled_once_for_all_its_receivers() -> None:
    value = {"peer": ["one"]}
    once = packed(value)
    assert encode(once) is once
    assert decode(once.flags, once.body, once.extras) == value
