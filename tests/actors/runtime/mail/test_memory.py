"""What may travel without a copy, and what is copied, once."""

from __future__ import annotations

import array
import ctypes
import gc
import mmap
import pickle
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import zmq

from peerage.actors.runtime import Frames, readonly
from peerage.actors.runtime.mail.codec import encode
from peerage.actors.runtime.mail.memory import LARGE, as_frame, is_unchanging, seal, unchanging

DATA = bytes(range(256)) * (LARGE // 128)


def view_of(buffer: Any) -> memoryview:
    return memoryview(buffer)


def read_only(numbers: Any) -> Any:
    numbers.flags.writeable = False
    return numbers


UNCHANGING = {
    "view of bytes": memoryview(DATA),
    "slice of one": memoryview(DATA)[5:],
    "of larger items": memoryview(DATA).cast("d"),
    "array of bytes": view_of(np.frombuffer(DATA)),
    "its part in another shape": view_of(np.frombuffer(DATA)[2:].reshape(2, -1)),
    "array of a view of bytes": view_of(np.frombuffer(memoryview(DATA))),
    "readonly copy": readonly(bytearray(DATA)),
    "array of one": view_of(np.frombuffer(readonly(np.ones(LARGE)))),
}
CHANGING = {
    "bytearray": memoryview(bytearray(DATA)),
    "read-only view of one": memoryview(bytearray(DATA)).toreadonly(),
    "array": view_of(np.ones(LARGE)),
    "array that may be made writable again": view_of(read_only(np.ones(LARGE))),
    "read-only part of an array": view_of(read_only(np.ones(LARGE)[1:])),
    "array of a read-only view": view_of(np.frombuffer(memoryview(bytearray(DATA)).toreadonly())),
    "array of the standard library": view_of(array.array("d", DATA)),
    "ctypes": memoryview((ctypes.c_double * LARGE)()).toreadonly(),
    "file in memory": memoryview(mmap.mmap(-1, LARGE)).toreadonly(),
    "message that somebody may write to": zmq.Frame(DATA, copy=True).buffer.toreadonly(),
}


@pytest.mark.parametrize("view", UNCHANGING.values(), ids=UNCHANGING.keys())
def test_what_nobody_can_change_is_not_copied(view: memoryview) -> None:
    """The same memory goes out, as one dimension of bytes."""
    assert is_unchanging(view)
    kept = unchanging(view)
    assert isinstance(kept, memoryview)
    assert (kept.format, kept.ndim, kept.nbytes) == ("B", 1, view.nbytes)
    assert address(kept) == address(view)


@pytest.mark.parametrize("view", CHANGING.values(), ids=CHANGING.keys())
def test_what_somebody_could_change_is_copied(view: memoryview) -> None:
    """Into memory that nobody can, and that is not copied again."""
    assert not is_unchanging(view)
    kept = unchanging(view)
    assert kept == view.tobytes()
    assert is_unchanging(memoryview(kept))
    assert address(kept) != address(view)
    assert address(unchanging(kept)) == address(kept)


@pytest.mark.parametrize(
    "view",
    [
        memoryview(b""),
        view_of(array.array("d")),
        view_of(np.ones((0, 3))),
        view_of(np.float64(1.0)),
        memoryview(b"abcdef")[::2],
        view_of(np.ones((4, 4), order="F")),
        view_of(np.ones(LARGE)[::-2]),
        view_of(np.ones(LARGE, dtype=[("number", "i2"), ("value", "f4")])),
    ],
    ids=["empty", "empty array", "no rows", "a scalar", "gaps", "Fortran's order", "backwards", "records"],
)
def test_any_shape_is_its_bytes_in_order(view: memoryview) -> None:
    """As tobytes() has them, so that both sides count the same."""
    kept = unchanging(view)
    assert bytes(kept) == view.tobytes()
    assert len(kept) == view.nbytes


def test_readonly_of_bytes_is_the_bytes() -> None:
    """And of its own result the same memory; what is no buffer is a TypeError, and so is writing."""
    assert readonly(DATA).obj is DATA
    view = readonly(bytearray(DATA))
    assert address(readonly(view)) == address(view)
    with pytest.raises(TypeError):
        view[0] = 1
    with pytest.raises(TypeError):
        readonly("text")


def test_a_buffer_that_was_sent_may_be_resized_and_its_memory_is_let_go() -> None:
    """Nothing of the message holds it any more, though the message lives on."""
    buffer, numbers = bytearray(DATA), np.ones(LARGE)
    gone = weakref.ref(numbers)
    messages = [
        encode(Frames(None, [buffer])),
        encode(["nested", pickle.PickleBuffer(buffer)]),
        encode(numbers),
    ]
    buffer.extend(b"more")
    del numbers
    gc.collect()
    assert gone() is None
    assert all(extras for _body, extras, _flags in messages)


def test_a_read_only_array_of_bytes_goes_as_it_is() -> None:
    """Who wants no copy says so with memory that nobody can write to, and gets an error who tries."""
    array = np.frombuffer(readonly(np.ones(LARGE)))
    _body, (extra,), _flags = encode(array)
    assert address(extra) == address(array)
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 2.0
    with pytest.raises(ValueError, match="WRITEABLE"):
        array.flags.writeable = True


@pytest.fixture
def received() -> Iterator[zmq.Frame]:
    with zmq.Context() as context, context.socket(zmq.PAIR) as one, context.socket(zmq.PAIR) as other:
        one.bind("inproc://here")
        other.connect("inproc://here")
        one.send(DATA)
        yield other.recv(copy=False)


def test_a_sealed_message_is_passed_on_as_it_is(received: zmq.Frame) -> None:
    """Whole as ZeroMQ's own message, a part as a view; neither is copied."""
    view = seal(received.buffer)
    assert view.readonly
    assert is_unchanging(view)
    assert as_frame(view) is received
    part = view[10:]
    assert address(unchanging(part)) == address(view) + 10
    assert as_frame(part) is part


def test_a_view_that_was_sent_may_be_released() -> None:
    """The message has its own."""
    with memoryview(DATA) as view:
        _body, (extra,), _flags = encode(Frames(None, [view]))
    assert extra == DATA


def address(view: Any) -> int:
    """Where it lies."""
    return int(np.frombuffer(view, np.uint8).__array_interface__["data"][0])
