"""Tells of one sender to one actor that travel as one message: sent by one `tell_many`, or shortly after each other.

A small message costs mostly what handing it to ZeroMQ and taking it out again costs, so 256 in one frame cost little more
than one. The receiver counts, handles and acknowledges them as if each had come alone.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Iterable, Iterator
from typing import Any

from peerage.actors.runtime.mail.codec import PLAIN, PLAIN_SIZE, SIZED, SMALL, Encoded, encode
from peerage.actors.runtime.mail.envelope import BATCH, JOINED
from peerage.actors.runtime.mail.memory import LARGE, Raw

BATCH_MESSAGES = 256  # in one frame
BATCH_BYTES = LARGE - 1024  # with room for the lengths: a body of LARGE bytes would become a frame of its own
BATCH_SIZE = struct.Struct("<Q")  # the bytes that the sender's window counts, first in the body


class Batch:
    """Tells that travel as one message, in order: plain values, joined in one pickle, or pickled messages.

    Messages are pickled one by one, since in one pickle two that hold the same list would arrive sharing it, and one that
    cannot be read would take the others along. Plain values cannot change and can always be read, so they are joined.

    Attributes: joined, whether they are plain; values, these, or pickles; sizes, of each in bytes; size, their sum.
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
        """Those from `start` up to `stop`, as a batch of their own."""
        return Batch(self.joined, self.values[start:stop], self.sizes[start:stop])

    def pack(self) -> tuple[int, bytes]:
        """Make one message of them.

            joined:      size 8 | one pickle of the list
            otherwise:   size 8 | length 4 of each pickle | the pickles

        Returns: flags and body. How many they are is not in the body, but in the header's correlation.
        """
        if self.joined:
            return BATCH | JOINED, BATCH_SIZE.pack(self.size) + pickle.dumps(self.values, 5)
        lengths = struct.pack(f"<Q{len(self.values)}I", self.size, *map(len, self.values))
        return BATCH, lengths + b"".join(self.values)


class Alone:
    """A message that cannot be part of a batch, because it is large or has frames of its own."""

    __slots__ = ("value",)

    def __init__(self, value: Encoded) -> None:
        self.value = value

    def __len__(self) -> int:
        return 1


def in_turn(values: Iterable[Any]) -> Iterator[Any]:
    """The values in a form in which they may be gathered before they are sent.

    An iterator may give the same object each time, changed, so its values are pickled one by one as they come.
    """
    # These hold all their values already. A subclass of them may iterate as it likes.
    if type(values) in {list, tuple, range}:
        return iter(values)
    return (value if type(value) in PLAIN else Encoded(*encode(value)) for value in values)


def parcels(values: list[Any]) -> Iterator[Batch | Alone]:
    """The fewest messages that carry these values in order; some may be `Encoded` already. A batch may be empty.

    Raises: what pickling a value raises, once the values before it have been yielded: with `tell` they would have gone, too.
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
    """Take a batch apart.

    Args: messages, how many they are: the correlation of the header.
    Returns: the values of a joined batch, otherwise views of the pickled messages, each of which is read in its turn.
    """
    view = memoryview(body)
    if flags & JOINED:
        return list(pickle.loads(view[BATCH_SIZE.size :]))
    bodies: list[Raw] = []
    start = BATCH_SIZE.size + 4 * messages
    for length in struct.unpack_from(f"<{messages}I", body, BATCH_SIZE.size):
        bodies.append(view[start : start + length])
        start += length
    return bodies
