"""actors/runtime/mail/exit_reason.py: why an actor ended, from what is known of its end."""

from __future__ import annotations

import signal

import pytest

from peerage.actors.runtime.mail.exit_reason import DownReason, from_exception, from_status


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (0, DownReason("normal", "process exited with code 0", exit_code=0)),
        (3 << 8, DownReason("killed", "process exited with code 3", exit_code=3)),
        (9, DownReason("killed", "process ended by SIGKILL", signal=signal.SIGKILL)),
        (40, DownReason("killed", "process ended by signal 40", signal=40)),
        (None, DownReason("killed", "process ended")),
    ],
)
def test_a_wait_status_says_how_a_process_ended(status: int | None, reason: DownReason) -> None:
    """Nobody may have been able to collect it; realtime signals have no names."""
    assert from_status(status) == reason


@pytest.mark.parametrize(
    ("reason", "is_orderly"),
    [
        (DownReason("normal"), True),
        (DownReason("shutdown"), True),
        (DownReason("killed", signal=9), False),
        (DownReason("noproc"), False),
        (from_exception(ValueError("boom"), "Traceback …"), False),
        (from_exception(ValueError("a child lives on"), ""), True),
    ],
)
def test_an_end_is_orderly_when_on_stop_was_called(reason: DownReason, is_orderly: bool) -> None:
    """An exception without a traceback is the counts of an `on_stop` that left work undone."""
    assert reason.is_orderly is is_orderly


def test_a_reason_reads_as_kind_and_text() -> None:
    assert str(DownReason("normal", "stopped")) == "normal: stopped"
    assert str(DownReason("normal")) == "normal"
    assert str(from_exception(ValueError("boom"), "")) == "exception: ValueError: boom"
