"""The screen of peerage watch, without a terminal."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from peerage.commands.watch_view import WatchView
from peerage.watching import ConsensusTaken, HeightReport, MempoolTaken
from tests.face.commands.test_watch_lines import ADDRESS, EMPTY, HEIGHT, SEEN


def screen(view: WatchView, columns: int = 160, lines: int = 30) -> list[str]:
    return "".join(segment.text for segment in view.draw(columns, lines)).split("\n")


def consensus(*heights: HeightReport, votes: int = 0, parts: int = 0) -> ConsensusTaken:
    return ConsensusTaken(list(heights), 8, 1, votes, parts, parts * 1000, {"a": 8, "b": 7})


def watched() -> WatchView:
    view = WatchView("test", 100.0)
    view.tell(101.0, MempoolTaken([SEEN], 30, 10, 0, 5), consensus(HEIGHT, EMPTY, votes=16, parts=4))
    return view


def test_where_the_network_is_and_what_comes_a_second() -> None:
    """Over the last seconds."""
    head, rates, *_tables = screen(watched())
    assert head.startswith("peerage watch  test  2 peers  height 8/1  1s")
    assert rates == "10 transactions  10/s, in 30 messages/s  16 votes/s  4 block parts/s  4.00kB/s"


def test_rates_are_those_of_the_last_five_seconds() -> None:
    """Not of all the time."""
    view = watched()
    for second in range(2, 20):
        view.tell(100.0 + second, None, consensus(votes=16))
    assert "0 votes/s" in screen(view)[1]


def test_heights_validators_and_transactions_have_tables() -> None:
    """The newest first; of validators those who were late or missing."""
    lines = screen(watched())[2:]
    titles = [line.split()[0] for line in lines]
    assert titles == [
        "HEIGHT",
        "7/1",
        "7/0",
        "VALIDATOR",
        "1",
        "3",
        "2",
        "TRANSACTION",
        SEEN.hash.hex().upper(),
    ]
    assert lines[2].split() == ["7/0", "00:00:00", "500ms", "12", "3.46k", "2", "2/4", "2", "1", "3"]
    assert lines[6].split() == ["2", ADDRESS.hex().upper(), "1", "0"]


def test_that_something_was_not_told_is_said() -> None:
    """It is no whole picture then."""
    view = watched()
    view.tell(102.0, MempoolTaken([], 30, 10, 3, 5), None)
    assert screen(view)[2] == "3 transactions were not told: they came too fast"


@pytest.mark.parametrize("size", [(1, 1), (10, 3), (40, 8), (80, 24), (200, 50)])
def test_it_keeps_within_the_screen(size: tuple[int, int]) -> None:
    """However small, and however much there is."""
    view = watched()
    view.tell(103.0, MempoolTaken([SEEN] * 1000, 1000, 1000, 0, 5), consensus(*[HEIGHT] * 1000))
    for each in (view, WatchView("a network with a long name", 0.0)):
        lines = screen(each, *size)
        assert len(lines) <= size[1]
        assert max(map(cell_len, lines)) <= size[0]
