"""Waiting for what should happen soon, and actors that live for the length of a `with`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peerage.actors.runtime import PROCESS, THREAD, Place, ProcessActor, System
from peerage.testing import run_actor, wait_until


@pytest.fixture(autouse=True, scope="module")
def system() -> Iterator[None]:
    """At the end every actor of these tests is gone."""
    yield
    System.current().shutdown()


class Doubling(ProcessActor):
    """Answers twice of what it is asked."""

    def on_receive(self, message: int) -> int:
        return message * 2


@pytest.mark.parametrize("place", [THREAD, PROCESS])
def test_an_actor_runs_for_the_length_of_a_with(place: Place) -> None:
    """In a thread or in a process, under any name; afterwards it is gone."""
    with run_actor(Doubling, place=place, name="doubling") as ref:
        assert ref.ask(21, timeout=10.0) == 42
        assert ref.name == "doubling"
    assert not ref.is_alive()


def test_what_is_waited_for_is_returned() -> None:
    """The condition is checked again until it is true."""
    answers = iter([None, 0, "", "there"])
    assert wait_until(lambda: next(answers)) == "there"


def test_what_does_not_come_is_named() -> None:
    """Together with the time that it was given."""
    with pytest.raises(AssertionError, match=r"not within 0.01 s: <function"):
        wait_until(lambda: False, timeout=0.01)
