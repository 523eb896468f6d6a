"""The pool of verified entries: who is drawn, and who falls out."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.discovery.book.known_address import Entry
from peerage.actors.discovery.book.verified import VERIFIED_FOR, VerifiedPool
from tests.actors.discovery.nodes import entry

NOW = 10 * VERIFIED_FOR


def verified(number: int, at: int = NOW) -> Entry:
    known = entry(number)
    known.answered(at, 0)
    return known


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=40))
def test_it_is_a_set(moves: list[tuple[bool, int]]) -> None:
    """Putting and taking in any order, twice too."""
    known = [verified(number) for number in range(6)]
    pool = VerifiedPool()
    model: set[Entry] = set()
    for put, number in moves:
        (pool.put if put else pool.take)(known[number])
        (model.add if put else model.discard)(known[number])
        assert set(pool) == model
        assert len(pool) == len(model)
        assert {each for each in known if each in pool} == model


def test_a_sample_holds_nobody_twice_and_at_most_all() -> None:
    """In random order."""
    pool = VerifiedPool()
    for number in range(20):
        pool.put(verified(number))
    drawn = pool.sample(random.Random(1), 5, NOW)
    assert len(set(drawn)) == len(drawn) == 5
    assert len(pool.sample(random.Random(1), 50, NOW)) == 20


def test_whoever_was_verified_too_long_ago_falls_out_when_drawn() -> None:
    """Or in the future, by a clock that was wrong."""
    pool = VerifiedPool()
    for number, at in enumerate((NOW - VERIFIED_FOR - 1, NOW - VERIFIED_FOR, NOW + 1)):
        pool.put(verified(number, at))
    (kept,) = pool.sample(random.Random(1), 3, NOW)
    assert kept.last_success == NOW - VERIFIED_FOR
    assert list(pool) == [kept]
