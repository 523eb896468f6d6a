"""Batches of notes."""

from __future__ import annotations

from collections import deque

from peerage.actors.runtime.cluster.notes import (
    ANSWER,
    BATCH_BYTES,
    BATCH_NOTES,
    LARGE,
    SETTLED,
    TO,
    Note,
    pack,
    take,
    unpack,
)
from peerage.actors.runtime.mail.memory import Raw


def message(body: Raw, *frames: Raw) -> Note:
    return TO, b"key", 1, 0, 0, b"sender", body, list(frames)


def test_a_batch_comes_out_as_it_went_in() -> None:
    """Large bodies and frames go beside it, in their order."""
    stored: list[Raw] = []

    def put(raw: Raw) -> Raw:
        stored.append(raw)
        return raw

    large, larger = bytes(LARGE), bytes(LARGE + 1)
    notes: list[Note] = [
        message(b"small", b"frame", larger),
        (SETTLED, b"key", 5),
        (ANSWER, 4, 4, 0, large, []),
        message(b"", memoryview(b"a view")),
    ]
    batch, beside = pack(notes, put)
    assert stored == [larger, large]
    assert len(batch) < LARGE
    assert unpack(batch, beside) == notes


def test_a_batch_is_bounded_in_notes_and_in_bytes() -> None:
    """What is over stays in the outbox; a single note goes whatever its size."""
    outbox: deque[Note] = deque([(SETTLED, b"key", 1)] * (BATCH_NOTES + 1))
    assert len(take(outbox)) == BATCH_NOTES
    assert len(take(outbox)) == 1
    assert take(outbox) == []
    outbox.extend([message(bytes(BATCH_BYTES)), message(b"x")])
    assert len(take(outbox)) == 1
    assert len(take(outbox)) == 1
