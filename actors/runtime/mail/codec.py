"""How a message's value becomes a body and frames, and comes out again: any value, raw `Frames`, and exceptions."""

from __future__ import annotations

import functools
import pickle
import traceback
from collections.abc import Container, Sequence
from typing import Any, NamedTuple

from peerage.actors.runtime.errors import RemoteFailureError, RemoteTraceback, saying_of
from peerage.actors.runtime.mail import pickling
from peerage.actors.runtime.mail.definitions import EVERYTHING
from peerage.actors.runtime.mail.envelope import BUNDLE, FRAMES
from peerage.actors.runtime.mail.memory import LARGE, Raw, copied, is_unchanging, unchanging

PLAIN = frozenset({bytes, str, int, float, bool, type(None)})
SIZED = frozenset({bytes, str})  # of PLAIN: those that may be large
PLAIN_SIZE = 8  # bytes that a window counts for any other
SMALL = 4096  # bytes; larger ones gain little from company
BUNDLE_INLINE = LARGE // 2  # bytes; with a header the body stays below LARGE


class Frames(NamedTuple):
    """A message whose `frames` travel as they are, beside a small pickled `header`.

    The receiver gets `bytes` for small frames and a `memoryview` that is read-only for large ones (64 KiB or more). Frames
    that nobody can change are not copied: `bytes`, read-only views of them (see `readonly`), and what was received as a
    frame. Others are, once, so that their buffers may be used again as soon as they are sent. Many small ones cost little
    more than one: ZeroMQ is paid by the frame (1.5 µs on both sides together), so they share one.
    """

    header: Any
    frames: Sequence[Raw]


class Encoded(NamedTuple):
    """A message that has been pickled already, as `encode` returns it."""

    body: bytes
    extras: Sequence[Raw]
    flags: int


def dumps(value: Any) -> bytes:
    """Pickle a value: what others can import by reference, everything else by value."""
    return _dumps(value, None)


def encode(value: Any, kept_there: Container[bytes] = ()) -> tuple[bytes, Sequence[Raw], int]:
    """Returns: the body, the extra frames and the flags of a message with this value.

    One that leaves out definitions that are `kept_there` can be read only there.

    None of it changes when the value does. Buffers inside (pickle's out-of-band buffers: numpy's arrays) are copied: small
    ones into the body, others beside it, where they become the receiver's own without one more copy.

    Raises: whatever pickling the value raises.
    """
    if type(value) in PLAIN:  # no buffers, no classes: a quarter of the general way's cost
        return pickle.dumps(value, 5), (), 0
    if type(value) is Frames:
        frames = [frame if type(frame) is bytes else unchanging(frame) for frame in value.frames]
        return _encode_frames(value.header, frames)
    if type(value) is Encoded:
        return value
    buffers: list[pickle.PickleBuffer] = []
    body = _dumps(value, buffers, kept_there)
    return body, [_extra(buffer) for buffer in buffers] if buffers else (), 0


def _extra(buffer: pickle.PickleBuffer) -> Raw:
    raw = buffer.raw()
    if raw.readonly and is_unchanging(raw):
        return raw
    return copied(raw) if raw.nbytes >= LARGE else bytearray(raw)


def _encode_frames(header: Any, frames: Sequence[Raw]) -> tuple[bytes, Sequence[Raw], int]:
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
    header, sizes = pickle.loads(body)  # which takes no notice of what stands behind
    large = iter(extras)
    end = sum(size for size in sizes if size <= SMALL)
    if end <= BUNDLE_INLINE:
        bundle, at = body, len(body) - end
    else:
        bundle, at = next(large), 0
    if type(bundle) is not bytes:
        bundle = bytes(bundle)
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
    if buffer.raw().nbytes < SMALL:  # a frame more would cost more than this does
        return True
    buffers.append(buffer)
    return False


def decode(flags: int, body: Raw, extras: Sequence[Raw]) -> Any:
    """The value that `encode` was given."""
    if flags & BUNDLE:
        return _decode_bundle(body, extras)
    if flags & FRAMES:
        return Frames(pickle.loads(body), extras)
    return pickle.loads(body, buffers=extras) if extras else pickle.loads(body)


def copy(value: Any) -> Any:
    """The value as another process would get it."""
    body, extras, flags = encode(value, EVERYTHING)
    return decode(flags, body, extras)


class Failure(NamedTuple):
    """An exception on its way: itself, pickled, and what is said of it where it cannot be read."""

    packed: bytes
    kind: str
    text: str
    trace: str


def encode_failure(error: BaseException) -> bytes:
    """Pickle an exception so that it can surely be raised elsewhere."""
    trace = "".join(traceback.format_exception(error))
    return pickle.dumps(Failure(_pack_error(error), type(error).__qualname__, saying_of(error), trace), 5)


# What to try in turn: its causes may be what cannot travel, and its class's own `__reduce__` may not work.
_WAYS = ((True, False), (True, True), (False, False), (False, True))


def _pack_error(error: BaseException) -> bytes:
    for chained, forced in _WAYS:
        try:
            packed = pickling.dumps_error(error, chained=chained, forced=forced)
            if isinstance(pickle.loads(packed), BaseException):  # many pickle but cannot be built again
                return packed
        except Exception:  # noqa: S112 - whatever it is, another way may do
            continue
    return b""


def decode_failure(body: Raw) -> BaseException:
    """The exception, with the remote traceback as its cause; what it was raised from is its context then."""
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
    remote.__context__ = remote.__cause__ or remote.__context__
    remote.__cause__ = RemoteTraceback(failure.trace)
    return remote
