"""Logs of nodes that share a process: each line goes to the node that it is signed with."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest

from peerage.actors.runtime.log import get_logger, signed
from peerage.config import node_logging
from peerage.config.logging import ROOT, LogSettings

Lines = Callable[[], list[str]]


@pytest.fixture(autouse=True)
def _nodes() -> Iterator[None]:
    """The logger is as it was, whatever a test leaves."""
    logger = logging.getLogger(ROOT)
    before = logger.level, list(logger.handlers)
    yield
    for name in ("a", "b"):
        node_logging.remove_node(name)
    assert (logger.level, list(logger.handlers)) == before


@pytest.fixture
def lines(capfd: pytest.CaptureFixture[str]) -> Lines:
    def read() -> list[str]:
        return capfd.readouterr().err.splitlines()

    return read


def log(node: str | None, event: str, level: str = "info") -> None:
    with signed({} if node is None else {node_logging.NODE: node}):
        getattr(get_logger("peerage.switch"), level)(event)


def test_a_line_is_written_once_at_the_level_of_its_own_node(lines: Lines) -> None:
    node_logging.add_node("a", LogSettings("error"))
    node_logging.add_node("b", LogSettings("info"))
    log("a", "quiet")
    log("b", "told")
    log("a", "failed", "error")
    written = lines()
    assert [("told" in line, "failed" in line) for line in written] == [(True, False), (False, True)]


def test_lines_of_nobodys_go_to_the_node_that_came_first(lines: Lines) -> None:
    node_logging.add_node("a", LogSettings("error"))
    node_logging.add_node("b", LogSettings("info"))
    log(None, "system")
    assert lines() == []
    node_logging.remove_node("a")
    log(None, "system")
    (line,) = lines()
    assert "system" in line


def test_a_node_that_comes_again_has_its_new_level_and_no_second_handler(lines: Lines) -> None:
    node_logging.add_node("a", LogSettings("error"))
    node_logging.add_node("a", LogSettings("info"))
    log("a", "told")
    assert len(lines()) == 1


def test_a_level_that_is_none_is_refused_and_changes_nothing() -> None:
    with pytest.raises(ValueError, match="loud"):
        node_logging.add_node("a", LogSettings("loud"))


def test_a_nodes_level_can_change_while_it_runs(lines: Lines) -> None:
    """The others keep theirs; a node that has no handler here is not found."""
    for name in ("a", "b"):
        node_logging.add_node(name, LogSettings("error"))
    assert node_logging.set_node_level("a", "switch:debug,*:error")
    for name in ("a", "b"):
        log(name, "told", "debug")
    (line,) = lines()
    assert "node=a" in line
    assert not node_logging.set_node_level("c", "debug")
    with pytest.raises(ValueError, match="loud"):
        node_logging.set_node_level("a", "loud")
