"""Messages that travel together come out one by one."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import pytest

from peerage.actors.runtime import Frames
from peerage.actors.runtime.mail.batch import (
    BATCH_BYTES,
    Alone,
    Batch,
    batch_size,
    in_turn,
    parcels,
    unpack_batch,
)
from peerage.actors.runtime.mail.codec import decode
from peerage.actors.runtime.mail.memory import LARGE


def values_in(values: list[Any]) -> list[list[Any]]:
    """What comes out of each parcel, by what its receiver does."""
    found: list[list[Any]] = []
    for parcel in parcels(values):
        if isinstance(parcel, Alone):
            body, extras, flags = parcel.value
            found.append([decode(flags, body, extras)])
            continue
        flags, body = parcel.pack()
        unpacked = unpack_batch(flags, body, len(parcel))
        found.append(unpacked if parcel.joined else [pickle.loads(each) for each in unpacked])
    return [each for each in found if each]


@pytest.mark.parametrize("joined", [True, False])
def test_a_batch_is_packed_and_unpacked(joined: bool) -> None:
    """Empty messages too, and its size as the sender counts it."""
    batch = Batch(joined, [], [])
    for value in (b"one", b"", b"three"):
        batch.add(value, len(value) + 1)
    flags, body = batch.pack()
    assert unpack_batch(flags, body, 3) == [b"one", b"", b"three"]
    assert batch_size(body) == 11


def test_a_part_of_a_batch_is_a_batch() -> None:
    """As many as there is room for, and the size is theirs."""
    batch = Batch(True, ["one", "three", "two"], [3, 5, 3])
    part = batch.part(1, 3)
    assert (part.values, part.size, len(part)) == (["three", "two"], 8, 2)


def test_texts_share_one_parcel() -> None:
    """As much as a frame holds."""
    assert values_in(["a", "b", b"c"]) == [["a", "b", b"c"]]
    long = "x" * (BATCH_BYTES // 20)
    assert [len(values) for values in values_in([long] * 30)] == [20, 10]


def test_order_is_kept_between_those_that_share_and_those_that_travel_alone() -> None:
    """What can change is pickled one by one; what is large, or has frames, is no part of a batch."""
    large = b"y" * LARGE
    values = [1, "two", ["three"], ["four"], large, Frames("five", [b""]), 6]
    assert values_in(values) == [[1, "two"], [["three"], ["four"]], [large], [Frames("five", [b""])], [6]]


def test_what_came_before_a_value_that_cannot_be_pickled_goes() -> None:
    """As with tells one by one."""
    found: list[Batch | Alone] = []
    with pytest.raises(TypeError):
        found.extend(parcels([1, [2], threading.Lock(), 3]))
    assert sum(map(len, found)) == 2


def test_an_iterator_may_give_one_object_again_and_again() -> None:
    """Each is what it was in its turn."""

    def changing() -> Any:
        value = [0]
        for number in range(3):
            value[0] = number
            yield value

    assert values_in(list(in_turn(changing()))) == [[[0], [1], [2]]]
