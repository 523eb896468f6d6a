"""How many parts of an answer are produced at a time. What takes two ends is in `mail/test_answer_stream.py`."""

from __future__ import annotations

from collections.abc import Iterator

from peerage.actors.runtime.host.streams import TURN_S, Stream
from peerage.actors.runtime.mail.answer_stream import Demand
from peerage.actors.runtime.mail.parts import Parts
from tests.actors.runtime.host.fakes import Clock

MANY = Demand(parts=50, size=1_000_000)


def counting(clock: Clock, *, slow_from: int) -> Iterator[int]:
    """Endless; from some number on, each takes longer than a turn should."""
    number = 0
    while True:
        if number >= slow_from:
            clock.now += 2 * TURN_S
        yield number
        number += 1


def sizes(stream: Stream, demand: Demand, messages: int) -> list[int]:
    """How many parts each of the next messages brings."""
    return [len(Parts(stream.advance(demand, ())).values) for _ in range(messages)]


def test_quick_parts_travel_together_more_and_more() -> None:
    """The first goes at once, since nobody knows how long the second will take."""
    clock = Clock()
    stream = Stream(counting(clock, slow_from=10_000), clock)
    assert sizes(stream, MANY, 8) == [1, 2, 4, 8, 16, 32, 50, 50]


def test_slow_parts_go_one_by_one() -> None:
    """The actor is free for its other messages between two of them, and no part waits for the next."""
    clock = Clock()
    stream = Stream(counting(clock, slow_from=10), clock)
    assert sizes(stream, MANY, 7) == [1, 2, 4, 4, 1, 1, 1]


def test_bytes_bound_a_message() -> None:
    """A part that does not fit is kept for the next one; one that would never fit comes alone."""
    stream = Stream(iter([b"x" * 10, b"x" * 10, b"x" * 1000, b"x" * 10]))
    assert sizes(stream, Demand(50, 100), 4) == [1, 1, 1, 1]
    assert Parts(stream.advance(MANY, ())).is_last


def test_what_is_held_back_is_not_lost_by_the_end() -> None:
    """The iterator has ended behind it."""
    stream = Stream(iter([b"x" * 10, b"x" * 90, b"x" * 90]))
    demand = Demand(50, 100)
    assert sizes(stream, demand, 3) == [1, 1, 1]
    last = Parts(stream.advance(demand, ()))
    assert (last.values, last.is_last, stream.is_over) == ([], True, True)


def test_an_iterator_that_has_nothing_to_close_is_let_go() -> None:
    """Not only generators are iterators."""
    stream = Stream(iter([1, 2, 3]))
    stream.close()
    assert stream.is_over
