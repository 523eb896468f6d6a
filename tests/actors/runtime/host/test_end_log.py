"""An actor's end is logged by how much it matters."""

from __future__ import annotations

import logging

import pytest

from peerage.actors.runtime.errors import StopIncompleteError
from peerage.actors.runtime.host.end_log import log_end
from peerage.actors.runtime.log import NAME
from peerage.actors.runtime.mail.exit_reason import DownReason, from_exception

FAILED = from_exception(ValueError("boom"), "Traceback …")
INCOMPLETE = from_exception(StopIncompleteError("two left"), "")
LIMITED = from_exception(MemoryError(), "Traceback …")
STOPPED = DownReason("normal", "stopped")


@pytest.mark.parametrize(
    ("reason", "is_ending", "level", "line"),
    [
        (FAILED, False, logging.ERROR, "actor failed: actor=x cause=ValueError: boom"),
        (FAILED, True, logging.WARNING, "actor failed while its system ends: actor=x cause=ValueError: boom"),
        (INCOMPLETE, False, logging.ERROR, "actor stopped with work undone: actor=x cause=two left"),
        (STOPPED, False, logging.DEBUG, "actor stopped: actor=x cause=normal: stopped"),
        (STOPPED, True, logging.DEBUG, "actor stopped: actor=x cause=normal: stopped"),
    ],
    ids=["failed", "failed at the end", "work undone", "stopped", "stopped at the end"],
)
def test_the_line_says_what_has_happened(
    caplog: pytest.LogCaptureFixture, reason: DownReason, is_ending: bool, level: int, line: str
) -> None:
    """What others have stopped under the actor is no error of its own."""
    caplog.set_level(logging.DEBUG, NAME)
    log_end(reason, {"actor": "x"}, is_system_ending=is_ending)
    [record] = caplog.records
    assert (record.levelno, record.getMessage().splitlines()[0]) == (level, line)


def test_a_limit_of_the_system_is_named_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    """It is no fault of the code, and whoever reads the line can raise the limit."""
    log_end(LIMITED, {"actor": "x"}, is_system_ending=False)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == "actor failed: actor=x cause=MemoryError"
    log_end(FAILED, {"actor": "x"}, is_system_ending=False)
    assert "Traceback" in caplog.records[1].getMessage()
