"""When a chain is started again: at once, later, or after a rest."""

from __future__ import annotations

from peerage.supervisors.chains.restarts import BACKOFF, INTENSITY, REST_S, Again, Restarts
from peerage.supervisors.intensity import Backoff, Intensity


def test_the_first_restart_is_at_once_and_the_next_ones_wait_longer_and_longer() -> None:
    """By the figures that a seed has."""
    restarts = Restarts()
    waits, now = [], 0.0
    for _ in range(INTENSITY.restarts):
        again = restarts.ended(now)
        waits.append(again.delay)
        now += again.delay
    assert waits == [0.0, *(BACKOFF.base * 2**step for step in range(INTENSITY.restarts - 1))]
    assert restarts.count == INTENSITY.restarts


def test_after_too_many_it_rests_and_begins_anew() -> None:
    """One crash loop is as good as another: the next one is counted from its own beginning."""
    restarts = Restarts(Intensity(2, 10.0), Backoff(base=0.0), rest=7.0)
    assert [restarts.ended(1.0) for _ in range(3)] == [
        Again(0.0, 1),
        Again(0.0, 2),
        Again(7.0, 3, gave_up=True),
    ]
    assert restarts.ended(8.0) == Again(0.0, 1)
    assert Restarts().ended(0.0).delay < REST_S


def test_ends_that_are_far_apart_do_not_add_up() -> None:
    """A chain that ends once an hour is always started again at once."""
    restarts = Restarts(Intensity(1, 10.0))
    assert [restarts.ended(now) for now in (0.0, 11.0, 22.0)] == [Again(0.0, 1)] * 3


def test_a_start_that_fails_slowly_is_a_crash_loop_too() -> None:
    """The time that it took does not count, as with a supervisor's children."""
    restarts = Restarts(Intensity(1, 10.0))
    restarts.ended(0.0, took=0.0)
    assert restarts.ended(30.0, took=25.0).gave_up
    assert restarts.limit == "1 restarts in 10 s"
