"""actors/runtime/mail/dead_letters.py: what was lost is counted, and told to whoever wants to know."""

from __future__ import annotations

import logging

import pytest

from peerage.actors.runtime.mail.dead_letters import DeadLetters


def test_late_messages_are_counted_and_reported() -> None:
    """The port that would have counted them is closed."""
    dead_letters, told = DeadLetters(), []
    dead_letters.hook = lambda target, messages: told.append((target, messages))
    dead_letters.add_late("host/actor", 2)
    dead_letters.add(3)  # counted, and told, by a port before
    assert dead_letters.count == 5
    assert told == [("host/actor", 2)]


def test_a_loss_that_a_port_counts_itself_is_only_reported() -> None:
    """It hands its count over when it closes."""
    dead_letters, told = DeadLetters(), []
    dead_letters.hook = lambda target, messages: told.append((target, messages))
    dead_letters.tell("host/actor", 2)
    assert dead_letters.count == 0
    assert told == [("host/actor", 2)]


def test_no_hook_is_needed(caplog: pytest.LogCaptureFixture) -> None:
    """Debugging shows each loss."""
    dead_letters = DeadLetters()
    dead_letters.add_late("host/actor", 1)
    with caplog.at_level(logging.DEBUG, "peerage.runtime"):
        dead_letters.tell("host/actor", 1)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == ["dead letter"]


def test_a_forked_child_counts_on() -> None:
    """Though another thread of its parent may have been counting at the fork."""
    dead_letters = DeadLetters()
    dead_letters._lock.acquire()
    dead_letters.disown()
    dead_letters.add(1)
    assert dead_letters.count == 1
