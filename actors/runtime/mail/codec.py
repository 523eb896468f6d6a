"""How a message's value becomes a body and frames, and comes out again: any value, raw `Frames`, and exceptions.

Nothing that `encode` returns can be changed by anybody: a message may wait for room, and ZeroMQ's thread reads it later
still, but what arrives is what was sent when the sender's call returned.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable, Container, Sequence
from typing import Any, NamedTuple

from peerage.actors.runtime.errors import RemoteFailureError, RemoteTraceback, saying_of, trace_of
from peerage.actors.runtime.mail import pickling
from peerage.actors.runtime.mail.definitions import EVERYTHING
from peerage.actors.runtime.mail.envelope import BUNDLE, FRAMES
from peerage.actors.runtime.mail.memory import (
    LARGE,
    Borrowed,
    Raw,
    bytearray_of,
    bytes_of,
    copied,
    is_unchanging,
    unchanging,
)

# Classes whose values cannot change and need neither definitions nor buffers. Only these very classes: a subclass may have
# attributes, or a `__reduce__` of its own.
PLAIN = frozenset({bytes, str, int, float, bool, type(None)})
SIZED = frozenset({bytes, str})  # the classes of PLAIN whose values may be large
PLAIN_SIZE = 8  # bytes that a window counts for a value of the others
SMALL = 4096  # bytes; larger messages and frames gain little from travelling together
# Bytes of small frames that still go into the body, which stays below LARGE with its header.
BUNDLE_INLINE = LARGE // 2


class Frames(NamedTuple):
    """A message whose `frames` travel as they are, beside a small pickled `header`.

    The receiver gets `bytes` for small frames and a `memoryview` that is read-only for large ones (64 KiB or more). Frames
    that nobody can change are not copied: `bytes`, read-only views of them (see `readonly`), and what was received as a
    frame. Others are copied once, so that their buffers may be used again as soon as they are sent. Many small ones cost
    little more than one: each frame costs 1.5 µs in ZeroMQ, both sides together, so small frames share one.
    """

    header: Any
    frames: Sequence[Raw]


class Encoded(NamedTuple):
    """A message that has been pickled already, as `encode` returns it."""

    body: bytes
    extras: Sequence[Raw]
    flags: int


outgoing: Callable[[Any], Any] | None = None  # while somebody traces: what is packed in place of a message


def packed(value: Any) -> Encoded:
    """Pickle a message once, to tell it to several actors: what is returned is told in its place.

    Raises: whatever pickling the value raises.
    """
    return Encoded(*encode(value if outgoing is None else outgoing(value)))


def dumps(value: Any) -> bytes:
    """Pickle a value: what others can import by reference, everything else by value."""
    return _dumps(value, None)


class _Apart:
    """Pickles bytes as a buffer beside the pickle, where there is no need to copy them."""

    def __init__(self, make: Callable[[Any], Any], data: bytes | bytearray) -> None:
        self._make, self._data = make, data

    def __reduce_ex__(self, _protocol: object) -> tuple[Any, ...]:
        return self._make, (pickle.PickleBuffer(self._data),)


def encode(
    value: Any, kept_there: Container[bytes] = (), borrow: bool = False
) -> tuple[bytes, Sequence[Raw], int]:
    """Make a message of a value. None of it changes when the value does.

    Buffers inside (pickle's out-of-band buffers: numpy's arrays) are copied: small ones into the body, others beside it,
    where they become the receiver's own without one more copy. With `borrow`, large ones are not copied yet, and the
    frames are `Borrowed`: for a message that is sent before anything else is done.

    Args: kept_there, identities of definitions that the receiver keeps. The message names them only, so that nobody else
        can read it.
    Returns: the body, the extra frames and the flags of a message with this value.
    Raises: whatever pickling the value raises.
    """
    if type(value) in PLAIN:  # no buffers, no classes: a quarter of the general way's cost
        if type(value) is bytes and len(value) >= LARGE:
            return BYTES_APART, (value,), 0
        return pickle.dumps(value, 5), (), 0
    if type(value) is Frames:
        frames = [frame if type(frame) is bytes else unchanging(frame) for frame in value.frames]
        return _encode_frames(value.header, frames)
    if type(value) is Encoded:
        return value
    buffers: list[pickle.PickleBuffer] = []
    if type(value) is bytearray and len(value) >= LARGE:
        value = _Apart(bytearray_of, value)
    body = _dumps(value, buffers, kept_there)
    if not buffers:
        return body, (), 0
    if borrow:
        return body, Borrowed(map(_borrowed, buffers)), 0
    return body, [_extra(buffer) for buffer in buffers], 0


def _extra(buffer: pickle.PickleBuffer) -> Raw:
    # A copy is writable, also of a read-only buffer: the pickle notes of each buffer whether its owner may write to it.
    raw = buffer.raw()
    if raw.readonly and is_unchanging(raw):
        return raw
    return copied(raw) if raw.nbytes >= LARGE else bytearray(raw)


def _borrowed(buffer: pickle.PickleBuffer) -> Raw:
    raw = buffer.raw()
    return raw if raw.nbytes >= LARGE else bytearray(raw)


def _encode_frames(header: Any, frames: Sequence[Raw]) -> tuple[bytes, Sequence[Raw], int]:
    """As `encode`, for `Frames`. Small frames are joined to a bundle, large ones stay frames, and the sizes of all, in
    their order, tell the receiver which is which.

        few small bytes:   body = pickle of (header, sizes) | bundle      extra frames = the large ones
        many:              body = pickle of (header, sizes)               extra frames = bundle, the large ones
        no small frame:    body = pickle of the header                    extra frames = the frames
    """
    sizes = tuple(map(len, frames))
    if not sizes or min(sizes) > SMALL:
        return _dumps(header, None), frames, FRAMES
    large: Sequence[Raw] = ()
    if max(sizes) > SMALL:
        large = [frame for frame in frames if len(frame) > SMALL]
        frames = [frame for frame in frames if len(frame) <= SMALL]
    bundle, body = b"".join(frames), _dumps((header, sizes), None)
    if len(bundle) <= BUNDLE_INLINE:
        return body + bundle, large, FRAMES | BUNDLE
    return body, [bundle, *large], FRAMES | BUNDLE


def _decode_bundle(body: Raw, extras: Sequence[Raw]) -> Frames:
    header, sizes = pickle.loads(body)  # it ignores what stands behind the pickle
    large = iter(extras)
    end = sum(size for size in sizes if size <= SMALL)
    if end <= BUNDLE_INLINE:
        bundle, at = body, len(body) - end  # from the end, since nothing says how long the pickle is
    else:
        bundle, at = next(large), 0
    if type(bundle) is not bytes:
        bundle = bytes(bundle)  # so that slices of it are bytes
    frames: list[Raw] = []
    for size in sizes:
        if size > SMALL:
            frames.append(next(large))
        else:
            frames.append(bundle[at : at + size])
            at += size
    return Frames(header, frames)


def _dumps(value: Any, buffers: list[pickle.PickleBuffer] | None, kept_there: Container[bytes] = ()) -> bytes:
    collect = None if buffers is None else functools.partial(_set_apart, buffers)
    return pickling.dumps(value, buffers, collect, kept_there=kept_there)


def _set_apart(buffers: list[pickle.PickleBuffer], buffer: pickle.PickleBuffer) -> bool:
    """Pickle asks where a buffer goes. Returns: whether into the body."""
    if buffer.raw().nbytes < SMALL:  # one more frame would cost more than the copy
        return True
    buffers.append(buffer)
    return False


def decode(flags: int, body: Raw, extras: Sequence[Raw]) -> Any:
    """The value that `encode` was given.

    It is unpickled without more ado: what comes out of a mailbox began with the system's key (`inbox.py`).

    Raises: whatever unpickling it raises.
    """
    if flags & BUNDLE:
        return _decode_bundle(body, extras)
    if flags & FRAMES:
        return Frames(pickle.loads(body), extras)
    return pickle.loads(body, buffers=extras) if extras else pickle.loads(body)


# The pickle of all large bytes: they lie beside it.
BYTES_APART = pickle.dumps(_Apart(bytes_of, b""), 5, buffer_callback=lambda _: False)


def copy(value: Any) -> Any:
    """The value as a receiver in this very process gets it: a copy, in which definitions are only named."""
    body, extras, flags = encode(value, EVERYTHING)
    return decode(flags, body, extras)


class Failure(NamedTuple):
    """An exception on its way: `packed`, or empty if it cannot be pickled, and texts to be shown where it cannot be read."""

    packed: bytes
    kind: str
    text: str
    trace: str


def encode_failure(error: BaseException) -> bytes:
    """Pickle an exception so that elsewhere it, or at least what it said, can be raised, whatever it is."""
    trace = trace_of(error)
    return pickle.dumps(Failure(_pack_error(error), type(error).__qualname__, saying_of(error), trace), 5)


# Ways to pickle an exception (chained, forced), tried in turn, the most faithful first: one of its causes may be unable to
# travel, and its class's own `__reduce__` may not work.
_WAYS = ((True, False), (True, True), (False, False), (False, True))


def _pack_error(error: BaseException) -> bytes:
    for chained, forced in _WAYS:
        try:
            packed = pickling.dumps_error(error, chained=chained, forced=forced)
            # Tried here, where another way is left: many exceptions can be pickled, but not built again.
            if isinstance(pickle.loads(packed), BaseException):
                return packed
        except Exception:  # noqa: S112 - whatever it is, another way may do
            continue
    return b""


def decode_failure(body: Raw) -> BaseException:
    """The exception, with the remote traceback as its cause, so that Python prints it.

    What it was raised from becomes its context. An exception that cannot be read becomes a RemoteFailureError.
    """
    try:
        failure = Failure(*pickle.loads(body))
    except Exception as error:
        return RemoteFailureError(
            type(error).__qualname__, f"the remote exception cannot be read here: {error}"
        )
    remote: BaseException
    try:
        if not failure.packed:
            raise pickle.UnpicklingError
        remote = pickle.loads(failure.packed)
    except Exception:
        remote = RemoteFailureError(failure.kind, failure.text)
    # Not by way of a `__setattr__` of its class, which may refuse: that of a frozen dataclass does.
    BaseException.__setattr__(remote, "__context__", remote.__cause__ or remote.__context__)
    BaseException.__setattr__(remote, "__cause__", RemoteTraceback(failure.trace))
    return remote
