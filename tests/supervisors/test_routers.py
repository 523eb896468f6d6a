"""The order in which a router would have a message's workers: no process, no mailbox."""

from __future__ import annotations

import pickle
from collections import Counter

import pytest

from peerage.supervisors.routers import CONSISTENT_HASH, ROUND_ROBIN, by_key, by_load, in_turn


def test_each_has_its_turn() -> None:
    """And those behind it are the next ones."""
    assert [list(in_turn(3, turn)) for turn in range(4)] == [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 1, 2]]


def test_whoever_has_least_to_do_comes_first() -> None:
    """Equals take turns."""
    assert by_load([5, 0, 3], 0) == [1, 2, 0]
    assert [by_load([0, 0], turn)[0] for turn in range(3)] == [0, 1, 0]


def test_a_key_has_one_worker() -> None:
    """The same in every process: Python's own hash of text is not. And all workers have keys."""
    chosen = [by_key(8, f"account-{number}") for number in range(800)]
    assert chosen == [by_key(8, f"account-{number}") for number in range(800)]
    assert [by_key(8, "a"), by_key(8, b"a"), by_key(8, 97)] == [0, 2, 5]
    counts = Counter(chosen)
    assert set(counts) == set(range(8))
    assert min(counts.values()) > 60


def test_a_worker_more_takes_few_keys() -> None:
    """About one of nine, and none moves between those that were there."""
    keys = [f"account-{number}" for number in range(900)]
    before, after = [by_key(8, key) for key in keys], [by_key(9, key) for key in keys]
    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    assert set(moved) == {8}
    assert 60 < len(moved) < 140


def test_an_object_is_no_key() -> None:
    """It would be another one in the next process."""
    with pytest.raises(TypeError, match="is text, bytes or a number, and not object"):
        by_key(2, object())  # type: ignore[arg-type]  # that is the mistake


def test_routers_travel() -> None:
    """They are part of what a pool tells its senders."""
    router = CONSISTENT_HASH(len)
    assert pickle.loads(pickle.dumps((ROUND_ROBIN, router))) == (ROUND_ROBIN, router)
