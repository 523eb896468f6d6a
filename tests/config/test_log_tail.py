"""What this process keeps of its log: few lines, none of them long, each as it was written."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from peerage.config import log_tail
from peerage.config.log_tail import MOST_LINES, MOST_TEXT, MOST_TRACE, LogLine, lines_after
from peerage.config.logging import LogSettings, set_up_logging
from peerage.config.private_lines import hide_peers

HUGE = "\udcff\x1b[2J<b>\n" * 20_000


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The log of a process, set up, which nobody has written into."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    log_tail._lines.clear()
    set_up_logging(LogSettings(level="debug"), {"node": "anna"})
    yield structlog.stdlib.get_logger("peerage.x")
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    log_tail._lines.clear()


def kept(node: str = "anna") -> list[LogLine]:
    return lines_after(0, node)


def test_a_line_is_kept_as_it_was_written(log: Any) -> None:
    """Its event and its facts; the names of node and chain are everybody's."""
    log.warning("chain ended", chain="a-1", cause="exit code 2", restart=0.5)
    (line,) = kept()
    assert (line.level, line.logger, line.text) == (
        "warning",
        "peerage.x",
        "chain ended cause='exit code 2' restart=0.5",
    )
    assert line.time > 1_700_000_000


def test_lines_of_other_nodes_and_for_debugging_are_not_told(log: Any) -> None:
    """A program may have several nodes."""
    log.debug("met")
    log.info("met", node="bert")
    assert kept() == []
    assert [line.text for line in kept("bert")] == ["met"]


def test_whoever_knows_some_gets_those_behind(log: Any) -> None:
    """The oldest make room."""
    for number in range(MOST_LINES + 5):
        log.info("met", number=number)
    lines = kept()
    assert len(lines) == MOST_LINES
    assert lines[0].text == "met number=5"
    assert lines_after(lines[-3].number, "anna") == lines[-2:]


def test_nothing_that_is_kept_is_long_or_not_printable(log: Any) -> None:
    """Whatever a stranger calls himself, and however many facts there are."""
    try:
        raise ValueError(HUGE)
    except ValueError:
        log.exception("met", moniker=HUGE, **{f"key{number}": "x" * 500 for number in range(100)})
    (line,) = kept()
    assert len(line.text) <= MOST_TEXT
    assert len(line.trace) <= MOST_TRACE
    assert line.text.isprintable()
    assert line.trace.replace("\n", "").isprintable()
    assert "<b>" in line.text  # text it stays
    assert "ValueError" in line.trace


def test_private_peers_are_replaced_as_in_the_log(log: Any) -> None:
    """By the time it is kept."""
    private = "ab" * 20
    hide_peers("anna", [private], [f"{private}@203.0.113.9:1"])
    log.info("peer connected", peer=private, address="203.0.113.9:1")
    (line,) = kept()
    assert private not in line.text
    assert "203.0.113.9" not in line.text
