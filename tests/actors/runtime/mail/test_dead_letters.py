"""actors/runtime/mail/dead_letters.py: what was lost is counted, and told to whoever wants to know."""

from __future__ import annotations

import logging

import pytest

from peerage.actors.runtime.mail.dead_letters import (
    MOST_LATEST,
    MOST_TARGETS,
    OTHERS,
    DeadLetterNote,
    DeadLetters,
    merged,
)


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


def test_each_target_is_counted_and_the_latest_losses_are_kept() -> None:
    """Whoever noticed them, a port or nobody any more; what has no target is in the sum alone."""
    dead_letters = DeadLetters()
    dead_letters.add_late("host/one", 2)
    dead_letters.tell("host/two", 1)
    dead_letters.tell("host/one", 1)
    dead_letters.add(7)
    targets, latest = dead_letters.record()
    assert targets == {"host/one": 3, "host/two": 1}
    assert [(note.target, note.messages) for note in latest] == [
        ("host/one", 2),
        ("host/two", 1),
        ("host/one", 1),
    ]


def test_the_record_is_bounded() -> None:
    """A program that tells to ever new names does not fill the memory."""
    dead_letters = DeadLetters()
    for number in range(MOST_TARGETS + 5):
        dead_letters.tell(f"host/{number}", 1)
    targets, latest = dead_letters.record()
    assert (len(targets), targets[OTHERS]) == (MOST_TARGETS + 1, 5)
    assert (len(latest), latest[-1].target) == (MOST_LATEST, f"host/{MOST_TARGETS + 4}")


def test_records_of_several_processes_are_one() -> None:
    """By time."""
    first, second = DeadLetterNote(1.0, "a", 1), DeadLetterNote(2.0, "b", 2)
    assert merged([({"b": 2}, (second,)), ({"a": 1}, (first,)), ({"b": 1}, ())]) == (
        {"a": 1, "b": 3},
        (first, second),
    )
