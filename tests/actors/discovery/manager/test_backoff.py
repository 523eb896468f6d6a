"""When an address may be dialled again."""

from __future__ import annotations

import random

import pytest

from peerage.actors.discovery.manager.backoff import MAX_ADDRESSES, DialBackoff, Verdict
from tests.actors.discovery.nodes import Clock

PLACE = "1.2.3.4:26656"


def backoff(clock: Clock, *, persistent_max: float = 0.0) -> DialBackoff:
    return DialBackoff(clock, random.Random(1), persistent_max=persistent_max)


@pytest.mark.parametrize("failures", [1, 2, 5, 16])
def test_the_pause_is_two_to_the_number_of_failures_and_up_to_a_second(failures: int) -> None:
    """Source: reference 8."""
    clock = Clock()
    dials = backoff(clock)
    for _ in range(failures):
        dials.failed(PLACE)
    clock.pass_by(2.0**failures - 0.001)
    assert dials.verdict(PLACE) is Verdict.WAIT
    clock.pass_by(1.002)
    assert dials.verdict(PLACE) is Verdict.DIAL


def test_who_never_failed_or_has_succeeded_since_may_be_dialled() -> None:
    """Success clears the count."""
    dials = backoff(Clock())
    assert dials.verdict(PLACE) is Verdict.DIAL
    dials.failed(PLACE)
    dials.forget(PLACE)
    assert dials.failures(PLACE) == 0
    assert dials.verdict(PLACE) is Verdict.DIAL


def test_more_than_sixteen_failures_are_too_many_unless_persistent() -> None:
    """A persistent peer is never given up."""
    clock = Clock()
    dials = backoff(clock)
    for _ in range(17):
        dials.failed(PLACE)
    assert dials.verdict(PLACE) is Verdict.GIVE_UP
    assert dials.verdict(PLACE, persistent=True) is Verdict.WAIT
    clock.pass_by(2.0**17)
    assert dials.verdict(PLACE, persistent=True) is Verdict.DIAL


def test_the_pause_of_persistent_peers_is_capped() -> None:
    """By persistent_peers_max_dial_period; that of others is not."""
    clock = Clock()
    dials = backoff(clock, persistent_max=5.0)
    for _ in range(10):
        dials.failed(PLACE)
    clock.pass_by(5.0)
    assert dials.verdict(PLACE, persistent=True) is Verdict.DIAL
    assert dials.verdict(PLACE) is Verdict.WAIT


def test_a_clock_set_back_keeps_nobody_waiting() -> None:
    """Not for longer than the pause, at any rate."""
    clock = Clock()
    dials = backoff(clock)
    dials.failed(PLACE)
    clock.pass_by(-86_400.0)
    assert dials.verdict(PLACE) is Verdict.DIAL


def test_memory_is_bounded() -> None:
    """The address that failed longest ago is forgotten."""
    dials = backoff(Clock())
    dials.failed(PLACE)
    for number in range(MAX_ADDRESSES):
        dials.failed(f"host {number}")
    assert dials.failures(PLACE) == 0
    assert dials.failures("host 0") == 1


def test_a_restart_forgets_nothing() -> None:
    """Pauses go on from what was drained and restored; what succeeded since is forgotten there too."""
    clock = Clock()
    backoff = DialBackoff(clock, random.Random(1))
    for _ in range(3):
        backoff.failed("1.2.3.4:5")
    backoff.failed("1.2.3.4:6")
    facts = backoff.drain()
    assert backoff.drain() == []
    again = DialBackoff(clock, random.Random(1))
    again.restore(facts)
    assert again.failures("1.2.3.4:5") == 3
    assert again.verdict("1.2.3.4:5") is Verdict.WAIT
    clock.pass_by(9.1)
    assert again.verdict("1.2.3.4:5") is Verdict.DIAL
    again.forget("1.2.3.4:5")
    assert [fact.numbers for fact in again.drain()] == [()]
