"""What becomes of each message of a batch."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.runtime.host.batches import hand_over, split
from peerage.actors.runtime.host.mailbox import CORR, SIZE, Item
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail.batch import Batch
from peerage.actors.runtime.mail.envelope import Kind

SENDER = 7 << 20
ENTRY = 2


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
    words = [0, 0, 40]
    seen: list[int] = []
    assert hand_over(["a", "b", "c"], lambda _value: seen.append(words[ENTRY]), words, ENTRY) == (43, None)
    assert (seen, words[ENTRY]) == ([40, 41, 42], 43)


@pytest.mark.parametrize("error", [ValueError("boom"), SystemExit(3)])
def test_a_failure_is_counted_and_ends_the_batch(error: BaseException) -> None:
    """Whatever a handler raises: it ends the actor, and not the loop."""
    words = [0, 0, 40]
    handled: list[str] = []

    def receive(value: str) -> None:
        if value == "b":
            raise error
        handled.append(value)

    assert hand_over(["a", "b", "c"], receive, words, ENTRY) == (42, error)
    assert (handled, words[ENTRY]) == (["a"], 42)
