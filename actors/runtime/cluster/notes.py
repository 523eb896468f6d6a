"""What the two ends of a link tell each other: notes, tuples that begin with what they are.

    TO        key, kind, flags, correlation, sender, body, extra frames     a message for the actor with this key
    SETTLED   key, tells                                                    that many more of them are handled
    ANSWER    number, kind, flags, body, extra frames                       to an ask, by its correlation
    WATCH     key                                                           tell when this actor ends (once), or is not there
    FOLLOW    key                                                           tell whenever an actor of this name is up
    DOWN      key, reason                                                   it has ended
    UP        key                                                           it is up

Bodies and frames are those of the senders, which neither end reads: the actor that gets them does, and the refs in them are
changed there for those that are valid where it lives (`border.py`).

Notes travel by the batch, as one pickle. Frames of `LARGE` bytes and more travel beside it, by Ray's object store.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from peerage.actors.runtime.mail.memory import Raw

TO: Final = 0
SETTLED: Final = 1
ANSWER: Final = 2
WATCH: Final = 3
FOLLOW: Final = 4
DOWN: Final = 5
UP: Final = 6

Note = tuple[Any, ...]

LARGE = 100 * 1024  # bytes: above that Ray itself puts an argument into its object store
BATCH_NOTES = 2_000
BATCH_BYTES = 8 * 1024 * 1024


def take(outbox: deque[Note]) -> list[Note]:
    """Take the next batch: as many notes as may travel together, one at least if there is any."""
    notes: list[Note] = []
    size = 0
    while outbox and len(notes) < BATCH_NOTES and size < BATCH_BYTES:
        note = outbox.popleft()
        if note[0] in (TO, ANSWER):
            size += len(note[-2]) + sum(map(len, note[-1]))
        notes.append(note)
    return notes


def pack(notes: Sequence[Note], put: Callable[[Raw], Any]) -> tuple[bytes, list[Any]]:
    """Returns: the batch as one pickle, and what `put` has made of the large frames, in their order."""
    large: list[Any] = []

    def frame(raw: Raw) -> int | bytes:
        if len(raw) < LARGE:
            return raw if type(raw) is bytes else bytes(raw)
        large.append(put(raw))
        return len(large) - 1

    packed = [
        (*note[:-2], frame(note[-2]), [frame(raw) for raw in note[-1]]) if note[0] in (TO, ANSWER) else note
        for note in notes
    ]
    return pickle.dumps(packed, 5), large


def unpack(batch: bytes, large: Sequence[Raw]) -> list[Note]:
    """The notes again. Args: large, the frames that travelled beside the batch."""

    def frame(packed: int | bytes) -> Raw:
        return large[packed] if type(packed) is int else packed  # type: ignore[return-value]  # bytes

    return [
        (*note[:-2], frame(note[-2]), [frame(raw) for raw in note[-1]]) if note[0] in (TO, ANSWER) else note
        for note in pickle.loads(batch)
    ]
