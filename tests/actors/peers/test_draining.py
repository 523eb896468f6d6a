"""actors/peers/draining.py: a connection is drained when all that its reactors had accepted has come."""

from __future__ import annotations

from peerage.actors.peers.draining import Draining

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
