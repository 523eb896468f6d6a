"""actors/runtime/mail/strays.py: what is no message of the system is said, now and again."""

from __future__ import annotations

import logging

import pytest

from peerage.actors.runtime.log import FACTS
from peerage.actors.runtime.mail.strays import PAUSE_S, Strays
from tests.actors.runtime.mail.fakes import Clock


def facts(caplog: pytest.LogCaptureFixture) -> list[dict[str, object]]:
    """What was logged."""
    return [getattr(record, FACTS) for record in caplog.records]


def test_a_stray_message_is_said_with_its_beginning(caplog: pytest.LogCaptureFixture) -> None:
    """Bounded and on one line, whatever is in it."""
    with caplog.at_level(logging.WARNING):
        Strays(Clock()).refuse("ipc:///tmp/x/3.0", b"hello\nworld\x1b[2J" + b"x" * 100_000)
    [line] = facts(caplog)
    assert line["mailbox"] == "ipc:///tmp/x/3.0"
    assert line["size"] == 100_015
    [record] = caplog.records
    assert "\n" not in record.getMessage()
    assert len(record.getMessage()) < 400
    assert r"hello\nworld" in record.getMessage()


def test_many_are_counted_for_the_next_line(caplog: pytest.LogCaptureFixture) -> None:
    """So that nobody can fill the disk."""
    clock = Clock()
    strays = Strays(clock)
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            strays.refuse("a", b"x")
        clock.now += PAUSE_S
        strays.refuse("a", b"y")
        clock.now += PAUSE_S
        strays.refuse("a", b"z")
    assert [line.get("others") for line in facts(caplog)] == [None, 4, None]
