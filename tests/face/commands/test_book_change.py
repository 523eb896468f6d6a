"""Changing a book in its file, or by a running node, a part at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from peerage.actors.discovery.book.additions import Added
from peerage.actors.discovery.book.tally import LeftOut, Tally
from peerage.commands import book_change as module
from peerage.commands.book_change import AT_ONCE, Counts, change_book
from peerage.config import Config, Home
from peerage.config.home_lock import HomeLock


def test_a_running_node_is_told_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each within what a request may hold; where none runs, the file is opened once."""
    home = Home(tmp_path)
    asked: list[tuple[str, int]] = []
    answers: list[Any] = []

    def call_node(_home: Home, method: str, **params: Any) -> int:
        asked.append((method, len(params["items"])))
        return len(asked)

    def refuse(_book: object, _items: object) -> None:
        raise AssertionError("a node runs")

    monkeypatch.setattr(module, "call_node", call_node)
    items = range(AT_ONCE + 1)
    with HomeLock(home, "a node"):
        change_book(home, Config(), items, refuse, "take", lambda part: {"items": part}, answers.append)
    assert asked == [("take", AT_ONCE), ("take", 1)]
    assert answers == [1, 2]


def test_counts_are_added_up() -> None:
    """Of books and of nodes, with examples of what was refused."""
    counts = Counts(Tally())
    counts.take(Added(1, 2, 3, {"x": 1}, left_out={"x": LeftOut(1, ("a",))}))
    counts.take_answer(
        {"added": 1, "changed": 1, "known": 1, "refused": {"x": {"count": 2, "examples": ["b", "c"]}}}
    )
    assert (counts.added, counts.changed, counts.known) == (2, 3, 4)
    assert list(counts.refused.lines()) == ["3 x: a, b, c"]
