"""What becomes of each message of a batch."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import Any

import pytest

from peerage.actors.runtime.host.batches import hand_over, split
from peerage.actors.runtime.host.mailbox import CORR, SIZE, Item
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.batch import Batch
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.handled_counts import DEAD, SETTLED

SENDER = 7 << 20


class Counts:
    """Handled counts that are in no file."""

    def __init__(self, words: list[int]) -> None:
        self.words: MutableSequence[int] | memoryview[int] = words


def batch(*values: Any, joined: bool = True) -> Item:
    parcel = Batch(
        joined, list(values) if joined else [codec.dumps(value) for value in values], [3] * len(values)
    )
    flags, body = parcel.pack()
    return int(Kind.TELL), flags, SENDER, len(values), b"", body, (), parcel.size, 1.5


@pytest.mark.parametrize("limit", [3, 4])
def test_a_batch_within_the_limit_is_taken_whole(limit: int) -> None:
    """Nothing is put back."""
    assert split(batch("a", "b", "c"), limit) == (["a", "b", "c"], None)


def test_what_is_over_the_limit_is_left_in_order() -> None:
    """The rest bears the size of the whole frame, and is split again without being unpacked again."""
    first, rest = split(batch("a", "b", "c", "d"), 1)
    assert rest is not None
    second, last = split(rest, 2)
    assert last is not None
    assert (first, second, split(last, 2)) == (["a"], ["b", "c"], (["d"], None))
    assert ([rest[CORR], last[CORR]], [rest[SIZE], last[SIZE]]) == ([3, 1], [12, 12])


def test_pickled_messages_stay_pickled() -> None:
    """Each is read when its turn comes, so that one that cannot be read is lost alone."""
    values, _rest = split(batch("a", ["b"], joined=False), 2)
    assert [codec.decode(0, value, ()) for value in values] == ["a", ["b"]]


def test_each_message_is_counted_before_the_next_one_begins() -> None:
    """A kill leaves at most the message that was being handled in doubt."""
    words = [0, 0, 40, 1]
    seen: list[int] = []
    assert hand_over(["a", "b", "c"], lambda _value: seen.append(words[SETTLED]), Counts(words), 0) == (
        3,
        0,
        None,
    )
    assert (seen, words) == ([40, 41, 42], [0, 0, 43, 1])


@pytest.mark.parametrize("error", [ValueError("boom"), SystemExit(3)])
def test_a_failure_makes_the_rest_dead_letters(error: BaseException) -> None:
    """Whatever a handler raises: it ends the actor, and not the loop."""
    words = [0, 0, 40, 1]
    handled: list[str] = []

    def receive(value: str) -> None:
        if value == "b":
            raise error
        handled.append(value)

    assert hand_over(["a", "b", "c", "d"], receive, Counts(words), 0) == (2, 2, error)
    assert (handled, words) == (["a"], [0, 0, 44, 3])


def test_dead_letters_of_the_receiver_count() -> None:
    """A message that could not be read is settled, and the next one is handled."""
    words = [0, 0, 0, 0]

    def receive(_value: str) -> None:
        words[DEAD] += 1

    assert hand_over(["a", "b"], receive, Counts(words), 0) == (2, 2, None)


def test_values_that_are_taken_away_meanwhile_are_dead_letters() -> None:
    """They were counted in the frame, and nobody handles them."""
    words = [0, 0, 0, 0]
    values = ["a", "b", "c"]
    assert hand_over(values, lambda _value: values.clear(), Counts(words), 0) == (1, 2, None)
    assert words == [0, 0, 3, 2]
