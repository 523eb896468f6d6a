"""actors/peers/draining.py: a connection is drained when all that its reactors had accepted has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from peerage.actors.messages import RemovePeer
from peerage.actors.peers.draining import Draining, RemovalRound
from peerage.actors.runtime import ActorDeadError
from tests.actors.peers.fake_loop import FakeLoop

CHANNEL, OTHER = 0x50, 0x51


def test_without_reactors_nothing_more_comes() -> None:
    """A seed's caller has an answer and no reactor."""
    assert Draining().is_over({})


def test_every_reactor_is_waited_for() -> None:
    """Each may still be sending until it has removed the peer."""
    draining = Draining(["ONE", "TWO"])
    draining.answered("ONE", {CHANNEL: 0})
    assert not draining.is_over({CHANNEL: 0})
    draining.answered("TWO", {})
    assert draining.is_over({CHANNEL: 0})


def test_an_answer_that_overtakes_the_last_messages_does_not_end_it() -> None:
    """The answer says that there are ten; it is over when the tenth is here."""
    draining = Draining(["ECHO"])
    draining.answered("ECHO", {CHANNEL: 10, OTHER: 0})
    assert not draining.is_over({CHANNEL: 9, OTHER: 0})
    assert draining.is_over({CHANNEL: 10, OTHER: 0})


def test_messages_may_come_before_the_answer() -> None:
    """Then the answer ends it."""
    draining = Draining(["ECHO"])
    assert not draining.is_over({CHANNEL: 10})
    draining.answered("ECHO", {CHANNEL: 10})
    assert draining.is_over({CHANNEL: 10})


def test_a_channel_that_nothing_has_come_on_counts_as_none() -> None:
    """No message, no count of it."""
    draining = Draining(["ECHO"])
    draining.answered("ECHO", {CHANNEL: 1, OTHER: 0})
    assert not draining.is_over({})
    assert draining.is_over({CHANNEL: 1})


def test_a_reactor_that_takes_too_long_is_given_up() -> None:
    """So are messages that were counted and do not come."""
    draining = Draining(["SLOW", "ECHO"])
    draining.answered("ECHO", {CHANNEL: 1})
    draining.stop_waiting()
    assert draining.is_over({})


class Answer:
    """As the runtime's future, answered when the test says so."""

    def __init__(self) -> None:
        self._fn: Callable[[Any], object] = lambda _answer: None
        self._value: Any = None

    def then(self, fn: Callable[[Any], object]) -> None:
        self._fn = fn

    def give(self, value: Any) -> None:
        self._value = value
        self._fn(self)

    def get(self, timeout: float) -> Any:
        assert timeout == 0
        if isinstance(self._value, Exception):
            raise self._value
        return self._value


class Reactors:
    """As NodeNames, with reactors that keep what they are asked."""

    reactors = ("ONE", "TWO")

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.answers = {name: Answer() for name in self.reactors}
        self._next = ""

    def reactor(self, name: str) -> Reactors:
        self._next = name
        return self

    def ask(self, message: object, *, block: bool, exempt: bool) -> Answer:
        assert (block, exempt) == (False, True)
        self.asked.append(message)
        return self.answers[self._next]


class Round:
    """A round of questions, and how often it said that it may be over."""

    def __init__(self) -> None:
        self.loop, self.reactors, self.changes = FakeLoop(), Reactors(), 0
        self.removals = RemovalRound(
            self.loop,
            self.reactors,  # type: ignore[arg-type]  # stands in for NodeNames
            "c-1",
            2.0,
            self._changed,
        )

    def _changed(self) -> None:
        self.changes += 1


def test_every_reactor_is_asked_to_remove_the_peer() -> None:
    """And heard."""
    asking = Round()
    assert asking.reactors.asked == [RemovePeer("c-1", "")] * 2
    asking.reactors.answers["ONE"].give({CHANNEL: 1})
    assert not asking.removals.is_over({CHANNEL: 1})
    asking.reactors.answers["TWO"].give(None)
    assert not asking.removals.is_over({})
    assert asking.removals.is_over({CHANNEL: 1})
    assert asking.changes == 2


def test_a_reactor_that_has_ended_owes_nothing() -> None:
    """What it had accepted is lost with it."""
    asking = Round()
    asking.reactors.answers["ONE"].give(ActorDeadError("gone"))
    asking.reactors.answers["TWO"].give({})
    assert asking.removals.is_over({})


def test_patience_with_reactors_has_an_end() -> None:
    """The owner looks again then."""
    asking = Round()
    asking.loop.advance(2.0)
    assert asking.changes == 1
    assert asking.removals.is_over({})
