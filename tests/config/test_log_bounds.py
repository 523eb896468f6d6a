"""How long what a log line holds may be."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from peerage.config.log_bounds import MAX_EVENT, MAX_TRACE_LINE, MAX_TRACE_LINES, MAX_VALUE
from peerage.config.logging import LogSettings, set_up_logging

HUGE = "\udcff\x1b[2J\n'" * 20_000


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize("form", ["plain", "json"])
@pytest.mark.parametrize(
    "value",
    [HUGE, HUGE.encode(errors="surrogateescape"), [HUGE] * 9, (HUGE,), {HUGE: HUGE}, {HUGE}],
    ids=type,
)
def test_no_value_makes_a_long_line(form: str, value: object, capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever its type, it has at most six times 400 characters, if all of them must be escaped."""
    set_up_logging(LogSettings(format=form))
    structlog.stdlib.get_logger("peerage.x").info("met", value=value)
    line = capfd.readouterr().err
    assert len(line) <= 13 * MAX_VALUE
    assert line.count("\n") == 1


@pytest.mark.parametrize("form", ["plain", "json"])
@pytest.mark.parametrize("logger", ["peerage.x", "uvicorn.error", "asyncio"])
def test_no_exception_makes_a_long_traceback(
    form: str, logger: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its text and that of its causes is cut, but not the place where it was raised."""

    def fail() -> None:
        try:
            raise ValueError(HUGE)
        except ValueError as error:
            raise RuntimeError("x" * 10_000) from error

    set_up_logging(LogSettings(format=form))
    try:
        fail()
    except RuntimeError:
        logging.getLogger(logger).exception("failed")
    text = capfd.readouterr().err
    assert len(text) <= 4000
    assert "in fail" in text
    assert "ValueError: \\udcff" in text.replace("\\\\", "\\")
    assert "x" * 300 not in text


def test_a_text_of_many_lines_is_shown_from_both_ends(capfd: pytest.CaptureFixture[str]) -> None:
    """Such as a traceback that another process sent as text, whatever it contains."""
    set_up_logging(LogSettings(format="json"))
    structlog.stdlib.get_logger("peerage.runtime").error(
        "actor failed", traceback="first\n" + "x" * 999 + "\ny" * 9999
    )
    lines = json.loads(capfd.readouterr().err)["traceback"].split("\n")
    assert len(lines) == MAX_TRACE_LINES + 1
    assert lines[0] == "first"
    assert max(map(len, lines)) == MAX_TRACE_LINE


def test_an_embedders_own_lines_are_left_alone(capfd: pytest.CaptureFixture[str]) -> None:
    """A program decides for itself what it logs."""
    set_up_logging(LogSettings(format="json"))
    logging.getLogger("theirs").info("y" * 5000)
    structlog.stdlib.get_logger("theirs").info("z", value="y" * 5000)
    first, second = map(json.loads, capfd.readouterr().err.splitlines())
    assert len(first["event"]) == len(second["value"]) == 5000 > MAX_EVENT
