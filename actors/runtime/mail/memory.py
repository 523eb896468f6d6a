"""What may travel without a copy: bytes that nobody can change.

It is not enough that a buffer says it is read-only: `memoryview(bytearray).toreadonly()`, or an array whose owner has
another, writable view of it, change under the reader, and ZeroMQ's thread reads what it sends later than the sender's call
returns. So the owner of the memory is looked for: `bytes`, or a message of ZeroMQ to which only read-only views lead.
Everything else is copied once, into memory that ZeroMQ sends as it is (docs/decisions/0027-what-is-sent-is-what-it-was.md).
"""

from __future__ import annotations

import ctypes
import sys
from mmap import PAGESIZE as PAGE
from pickle import PickleBuffer
from typing import Any, TypeAlias

import zmq

Raw: TypeAlias = bytes | bytearray | memoryview

# Bytes; from here on a frame is handed to ZeroMQ without a copy: pyzmq's own COPY_THRESHOLD.
LARGE = 64 * 1024
HUGE = 4 * 1024 * 1024  # bytes; from here on new memory is asked for in huge pages
MADV_HUGEPAGE = 14
SEALED = "is_sealed"  # an entry in a frame's __dict__: nobody has a writable view of it

_new_bytes, _new_bytearray = (
    ctypes.pythonapi.PyBytes_FromStringAndSize,
    ctypes.pythonapi.PyByteArray_FromStringAndSize,
)
_new_bytes.argtypes = _new_bytearray.argtypes = [ctypes.c_void_p, ctypes.c_ssize_t]
_new_bytes.restype = _new_bytearray.restype = ctypes.py_object
_madvise = ctypes.CDLL(None).madvise
_madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


class Borrowed(list[Raw]):
    """Frames that whoever sent them may change as soon as the call has returned: they are to be copied on the way out."""


def readonly(buffer: Any) -> memoryview:
    """The bytes of a buffer where nobody can change them: where they are, or in a copy, in C order, made once.

    Sent as a frame of `Frames`, or as the memory of a numpy array (`numpy.frombuffer(readonly(a), a.dtype)`), they go to
    any number of actors without being copied again. Anyone who writes to them, sender or receiver, gets an error.

    Raises: TypeError, when it is no buffer.
    """
    kept = unchanging(buffer)
    return memoryview(kept) if isinstance(kept, bytes) else kept


def unchanging(raw: Any) -> bytes | memoryview:
    """The same bytes in memory that nobody can change, in one dimension: without a copy if they are in such memory."""
    if type(raw) is bytes:
        return raw
    view = memoryview(raw)
    if not view.nbytes:
        return b""
    if not view.c_contiguous:
        return view.tobytes()
    if is_unchanging(view):
        return flat(view)
    return seal(copied(view)) if view.nbytes >= LARGE else view.tobytes()


def is_unchanging(view: memoryview) -> bool:
    """Whether nobody can write to the memory that this view shows: each owner on the way down to it is read-only."""
    # Only if the program has imported numpy can there be an array here.
    array = getattr(sys.modules.get("numpy"), "ndarray", None)
    owner: Any = view
    while True:
        kind = type(owner)
        if kind is bytes:
            return True
        if kind is memoryview:
            if not owner.readonly:
                return False
            owner = owner.obj
        elif kind is array:
            if owner.flags.writeable:
                return False
            owner = owner.base
        else:
            return issubclass(kind, zmq.Frame | ctypes.Array) and SEALED in owner.__dict__


def bytes_of(buffer: Any) -> bytes:
    """As `bytes`."""
    if type(buffer) is bytes or memoryview(buffer).nbytes < HUGE:
        return bytes(buffer)
    with flat(memoryview(buffer)) as source:
        made: bytes = _new_bytes(None, source.nbytes)
        _fill(id(made) + bytes.__basicsize__ - 1, source)  # nobody else has seen it yet
    return made


def bytearray_of(buffer: Any) -> bytearray:
    """As `bytearray`."""
    if memoryview(buffer).nbytes < HUGE:
        return bytearray(buffer)
    with flat(memoryview(buffer)) as source:
        made: bytearray = _new_bytearray(None, source.nbytes)
        _fill(ctypes.addressof(ctypes.c_ubyte.from_buffer(made)), source)
    return made


def _fill(address: int, source: memoryview) -> None:
    """Copy to memory that is new. In huge pages, where there are any: most of the cost of so much is to get the pages."""
    size = source.nbytes
    start, stop = -(-address // PAGE) * PAGE, (address + size) // PAGE * PAGE
    _madvise(start, stop - start, MADV_HUGEPAGE)
    array = (ctypes.c_ubyte * (1 << size.bit_length())).from_address(
        address
    )  # a type is made for each length
    PickleBuffer(array).raw()[:size] = source


def flat(view: memoryview) -> memoryview:
    """A contiguous view as bytes in one dimension, because len() of any other is not the number of bytes."""
    if view.ndim == 1 and view.format == "B":
        return view
    return PickleBuffer(view).raw()  # unlike cast(), it takes items of any format


def kept(raw: Raw) -> Raw:
    """What was borrowed, where nobody can change it any more."""
    if type(raw) is not memoryview or is_unchanging(raw):
        return raw  # a bytearray is our own copy of what is small
    return copied(raw)


def copied(raw: memoryview) -> memoryview:
    """A writable copy of a contiguous buffer, in memory that ZeroMQ sends without copying it once more.

    A frame keeps a reference to what it was made of, even with `copy=True`. It is made of a view that is released at once,
    so that the sender may resize or free its own buffer.
    """
    with memoryview(raw) as source:
        return zmq.Frame(source, copy=True).buffer


def seal(view: memoryview) -> memoryview:
    """A read-only view of a whole frame, or of a block. Nobody may have, or get, another one that is writable."""
    owner: Any = view.obj
    owner.__dict__[SEALED] = True
    return view.toreadonly()


def as_frame(raw: Raw) -> Raw | zmq.Frame:
    """What to hand to ZeroMQ: the frame itself, if the view shows the whole of one, otherwise the buffer.

    For other memory that is not copied, pyzmq keeps a table and has a thread of its own woken when ZeroMQ is done with it.
    """
    if type(raw) is memoryview:
        frame: Any = raw.obj
        if type(frame) is zmq.Frame and raw.nbytes == len(frame):
            return frame
    return raw
