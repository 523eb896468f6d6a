"""actors/peers/guarded_loop.py: what the loop calls for one connection harms nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from peerage.actors.peers.guarded_loop import GuardedLoop
from tests.actors.peers.fake_loop import FakeLoop, tcp_pair


class Guarded:
    """A loop, and what went wrong in it."""

    def __init__(self) -> None:
        self.inner = FakeLoop()
        self.faults: list[Exception] = []
        self.loop = GuardedLoop(self.inner, self.faults.append)


def fail() -> None:
    raise ValueError("of this connection")


SCHEDULES: list[Callable[[GuardedLoop], object]] = [
    lambda loop: loop.call_soon(fail),
    lambda loop: loop.call_later(0.0, fail),
    lambda loop: loop.at_end_of_turn(fail),
    lambda loop: loop.guard(fail),
]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_fault_goes_to_its_connection(schedule: Callable[[GuardedLoop], object]) -> None:
    guarded = Guarded()
    schedule(guarded.loop)
    guarded.inner.settle()
    assert [str(fault) for fault in guarded.faults] == ["of this connection"]


def test_a_fault_of_a_reader_or_writer_too() -> None:
    """Both can be taken back."""
    guarded = Guarded()
    with tcp_pair() as (one, two):
        two.send(b"x")
        guarded.loop.add_reader(one.fileno(), fail)
        guarded.loop.add_writer(two.fileno(), fail)
        guarded.inner.turn()
        assert len(guarded.faults) == 2
        guarded.loop.remove_reader(one.fileno())
        guarded.loop.remove_writer(two.fileno())
        assert not guarded.inner.turn()


def test_time_and_arguments_are_the_loops(guarded: Guarded) -> None:
    called: list[float] = []
    guarded.inner.time = 7.0
    guarded.loop.call_later(1.0, called.append, guarded.loop.now())
    timer = guarded.loop.call_later(1.0, called.append, 8.0)
    timer.cancel()
    guarded.inner.advance(1.0)
    assert (called, guarded.faults) == ([7.0], [])


@pytest.fixture
def guarded() -> Guarded:
    return Guarded()
