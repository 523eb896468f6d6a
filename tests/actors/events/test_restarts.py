"""Restarts as events: the reason is a word, whatever the cause says."""

from __future__ import annotations

import pytest

from peerage.actors.events.happenings import Restarted, RestartReason
from peerage.actors.events.restarts import restarted
from peerage.actors.runtime import DownReason


@pytest.mark.parametrize(
    ("cause", "reason", "detail"),
    [
        (str(DownReason("killed", "process ended by SIGKILL")), "killed", "process ended by SIGKILL"),
        (str(DownReason("exception", "ValueError: no")), "failed", "ValueError: no"),
        ("hung: no answer within 10 s", "hung", "no answer within 10 s"),
        ("memory: 2 bytes resident, 1 allowed", "memory", "2 bytes resident, 1 allowed"),
        ("restarted with switch", "with another", "switch"),
        (str(DownReason("normal", "stopped")), "ended", "normal: stopped"),
    ],
)
def test_reasons(cause: str, reason: str, detail: str) -> None:
    assert restarted("switch", cause) == Restarted(RestartReason(reason), detail, "switch")


def test_a_cause_is_one_short_line() -> None:
    event = restarted("switch", "exception: " + "a\n" * 1000)
    assert len(event.detail) == 300
    assert event.detail.isprintable()
