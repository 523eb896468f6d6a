"""What travels between ports: a packed header, a pickled body, and raw frames that are never re-encoded.

    frame 0:   kind 1 | flags 1 | extra frames 4 | source address 8 | correlation 8
               | len(target) 2 | len(sender) 2 | target name | sender's identity | body
    frame 1…:  the body, when it is large, then out-of-band buffers or the frames of a `Frames` value; small ones of
               these are joined to a bundle, which stands behind the pickle in the body, or first here if it is long

All integers are little-endian. Header and small body share one frame because every further frame costs a call
on both sides (tests/bench/runtime_messages.py).
"""

from __future__ import annotations

import functools
import pickle
import struct
import traceback
from collections.abc import Container, Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Any, NamedTuple, TypeAlias

from peerage.actors.runtime.errors import RemoteFailureError, RemoteTraceback, saying_of
from peerage.actors.runtime.mail import definitions, memory
from peerage.actors.runtime.mail.memory import copied, is_unchanging, unchanging

LARGE = memory.LARGE

HEADER = struct.Struct("<BBIQQHH")

Raw: TypeAlias = memory.Raw


class Kind(IntEnum):
    """What a message is. Everything but TELL, ASK, STOP and START is handled as soon as a port is pumped."""

    TELL = 1
    ASK = 2
    STOP = 3  # queued like a user message; answered when the actor has ended
    REPLY = 4
    FAIL = 5  # the reply is an exception
    DEAD = 6  # the target of this correlation does not exist or ended first
    ACK = 7
    WATCH = 8
    UNWATCH = 9
    DOWN = 10
    PROBE = 11
    HOST_UP = 12
    HOST_DOWN = 13
    HOST_READY = 14
    HOST_BYE = 15
    SPAWN = 16
    RESERVE = 17
    START = 18
    HOST_STOP = 19
    KILL = 20
    QUERY = 21
    PORT_BYE = 22
    WAKE = 23
    READ = 24  # a future that has travelled; answered when it is resolved
    SET = 25  # such a future's value
    SET_FAILED = 26  # or its exception
    HOST_STANDING = 27
    SYSTEM_ENDS = 28
    KEPT = 29  # definitions that need not come again
    HOST_SIGTERM = 30
    GIVE_UP = 31  # a SPAWN of the same port, by its correlation
    FOLLOW = 32  # tell, on and on, when an actor of this name is up and when it has ended
    UNFOLLOW = 33
    NEWS = 34  # for a follower: a DownReason, or None for an actor that is up
    TELL_IF_THERE = 35  # outside the window, and nobody counts whether it is handled


# How to read a message. Plain integers: arithmetic with enum members costs half a microsecond a message.
FRAMES = 1  # the value is a `Frames`
LARGE_FRAMES = 2  # some extra frame is at least LARGE bytes
BODY_APART = 4  # the first extra frame is the body
EXEMPT = 8  # outside the sender's window
BATCH = 16  # a TELL of several messages; the correlation is their number
JOINED = 32  # a batch that is one pickle
BUNDLE = 64  # small frames of a `Frames` are one; its sizes stand beside the header

BATCH_MESSAGES = 256  # in one frame
BATCH_BYTES = LARGE - 1024  # with lengths and names still one frame
BATCH_SIZE = struct.Struct("<Q")

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
    return definitions.dumps(value, buffers, collect, kept_there=kept_there)


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
    body, extras, flags = encode(value, definitions.EVERYTHING)
    return decode(flags, body, extras)


class Batch:
    """Tells that travel as one message, in order: plain values, joined in one pickle, or pickled messages.

    Each of those is a pickle of its own, so that messages stay isolated from each other, as if told one by one. What
    cannot change needs no isolation.
    """

    __slots__ = ("joined", "size", "sizes", "values")

    def __init__(self, joined: bool, values: list[Any], sizes: list[int]) -> None:
        self.joined, self.values, self.sizes = joined, values, sizes
        self.size = sum(sizes)  # bytes, as their sender's window counts them

    def __len__(self) -> int:
        return len(self.values)

    def add(self, value: Any, size: int) -> None:
        self.values.append(value)
        self.sizes.append(size)
        self.size += size

    def part(self, start: int, stop: int) -> Batch:
        """Some of them."""
        return Batch(self.joined, self.values[start:stop], self.sizes[start:stop])

    def pack(self) -> tuple[int, bytes]:
        """Returns: flags and body. The body: the size, 8 bytes, then one pickle, or the lengths of the pickles, 4 bytes
        each, and themselves.
        """
        if self.joined:
            return BATCH | JOINED, BATCH_SIZE.pack(self.size) + pickle.dumps(self.values, 5)
        lengths = struct.pack(f"<Q{len(self.values)}I", self.size, *map(len, self.values))
        return BATCH, lengths + b"".join(self.values)


class Alone:
    """A message that is no part of a batch: it is large, or has frames of its own."""

    __slots__ = ("value",)

    def __init__(self, value: Encoded) -> None:
        self.value = value

    def __len__(self) -> int:
        return 1


def in_turn(values: Iterable[Any]) -> Iterator[Any]:
    """The values, fit to be gathered before they are sent.

    An iterator may give the same object each time, changed: then each is pickled in its turn.
    """
    if type(values) in {list, tuple, range}:
        return iter(values)
    return (value if type(value) in PLAIN else Encoded(*encode(value)) for value in values)


def parcels(values: list[Any]) -> Iterator[Batch | Alone]:
    """The fewest messages that carry these values in order; some may be `Encoded` already.

    Raises: what pickling one raises, after those before it.
    """
    if SIZED.issuperset(map(type, values)):  # the usual case, without a look at each
        sizes = list(map(len, values))
        if sum(sizes) <= BATCH_BYTES:
            yield Batch(True, values, sizes)
            return
    batch = Batch(True, [], [])
    failure: Exception | None = None
    for value in values:
        body, size = value, 0
        plain = type(value) in PLAIN
        if plain:
            size = len(value) if type(value) in SIZED else PLAIN_SIZE
            plain = size < SMALL
        if not plain:
            try:
                body, extras, flags = encode(value)
            except Exception as error:
                failure = error
                break
            size = len(body)
            if extras or flags or size >= LARGE:
                yield batch
                yield Alone(Encoded(body, extras, flags))
                batch = Batch(True, [], [])
                continue
        if batch.joined is not plain or batch.size + size > BATCH_BYTES:
            yield batch
            batch = Batch(plain, [], [])
        batch.add(body, size)
    yield batch
    if failure is not None:
        raise failure


def batch_size(body: Raw) -> int:
    """The bytes that the sender's window counts for a batch."""
    size: int = BATCH_SIZE.unpack_from(body)[0]
    return size


def unpack_batch(flags: int, body: Raw, messages: int) -> list[Any]:
    """What `Batch.pack` was given: the values of a joined batch, pickled messages otherwise."""
    view = memoryview(body)
    if flags & JOINED:
        return list(pickle.loads(view[BATCH_SIZE.size :]))
    bodies: list[Raw] = []
    start = BATCH_SIZE.size + 4 * messages
    for length in struct.unpack_from(f"<{messages}I", body, BATCH_SIZE.size):
        bodies.append(view[start : start + length])
        start += length
    return bodies


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
            packed = definitions.dumps_error(error, chained=chained, forced=forced)
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
