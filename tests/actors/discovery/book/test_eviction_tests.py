"""Test before evict: who keeps an old place, and how many tests are open at a time."""

from __future__ import annotations

import pytest

from peerage.actors.discovery.book.eviction_tests import (
    MAX_TESTS,
    SURE_FOR,
    TEST_WINDOW,
    EvictionTest,
    EvictionTests,
    Result,
)
from peerage.actors.discovery.book.known_address import Entry, Kind
from tests.actors.discovery.nodes import entry

BEGAN = SURE_FOR + 1000


def old(number: int) -> Entry:
    """An entry with an old place, verified too long ago to be sure of."""
    incumbent = entry(number)
    incumbent.kind, incumbent.buckets = Kind.OLD, (0,)
    return incumbent


def new(number: int) -> Entry:
    challenger = entry(number)
    challenger.buckets = (0,)
    return challenger


def gone(incumbent: Entry) -> None:
    incumbent.buckets = ()


@pytest.mark.parametrize(
    ("happened", "at", "result"),
    [
        (lambda _incumbent: None, BEGAN + 1, Result.OPEN),
        (lambda _incumbent: None, BEGAN + TEST_WINDOW + 1, Result.REPLACED),
        (lambda incumbent: incumbent.answered(BEGAN + 1, 0), BEGAN + TEST_WINDOW + 1, Result.KEPT),
        (lambda incumbent: incumbent.failed(BEGAN + 1), BEGAN + 1, Result.REPLACED),
        (lambda incumbent: incumbent.failed(BEGAN - 1), BEGAN + 1, Result.OPEN),
        (lambda incumbent: incumbent.is_another_network(BEGAN + 1), BEGAN + 1, Result.REPLACED),
        (gone, BEGAN + 1, Result.REPLACED),
    ],
    ids=["untried", "untried too long", "answered", "failed", "failed before", "other network", "gone"],
)
def test_the_incumbent_is_judged_by_what_happened_since(happened: object, at: int, result: Result) -> None:
    """It keeps its place when it answers, and gives way when it does not, or cannot be tried in time."""
    incumbent = old(1)
    assert callable(happened)
    happened(incumbent)
    assert EvictionTest(new(2), incumbent, BEGAN).result(at) is result


def test_who_answered_lately_is_not_tested() -> None:
    """The newcomer stays new."""
    tests, incumbent = EvictionTests(), old(1)
    incumbent.last_success = BEGAN - SURE_FOR
    assert not tests.begin(new(2), incumbent, BEGAN)
    assert tests.begin(new(2), incumbent, BEGAN + 1)


def test_each_takes_part_in_one_test_at_a_time() -> None:
    """Nobody is tried twice for one place, nor wants two."""
    tests, incumbent, challenger = EvictionTests(), old(1), new(2)
    assert tests.begin(challenger, incumbent, BEGAN)
    assert not tests.begin(new(3), incumbent, BEGAN)
    assert not tests.begin(challenger, old(4), BEGAN)


def test_ten_tests_are_open_at_most() -> None:
    """Nobody can fill memory, or our dials, with them."""
    tests = EvictionTests()
    begun = [tests.begin(new(100 + number), old(number), BEGAN) for number in range(MAX_TESTS + 1)]
    assert begun == [True] * MAX_TESTS + [False]
    assert len(tests) == len(list(tests)) == MAX_TESTS


def test_a_decided_test_is_closed_and_its_winner_named() -> None:
    """Unless the challenger has left the book meanwhile."""
    tests = EvictionTests()
    incumbents, challengers = [old(number) for number in range(4)], [new(number) for number in range(10, 14)]
    for challenger, incumbent in zip(challengers, incumbents, strict=True):
        tests.begin(challenger, incumbent, BEGAN)
    incumbents[0].failed(BEGAN + 1)
    incumbents[1].answered(BEGAN + 1, 0)
    incumbents[2].failed(BEGAN + 1)
    challengers[2].buckets = ()
    assert [test.challenger for test in tests.settled(BEGAN + 1)] == [challengers[0]]
    assert [test.challenger for test in tests] == [challengers[3]]
