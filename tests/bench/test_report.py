"""Rows of measurements, the table that is made of them, and the laws of the curves."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from tests.bench.curves import law
from tests.bench.report import BEGIN, END, update_table
from tests.bench.works import WORKS, Row, Work, measure


def test_rounds_are_interleaved_and_a_row_gives_medians_of_figures_and_ratios() -> None:
    """Ours, theirs, ours, theirs: the ratio is taken within a round."""
    order = count(1)
    work = Work("w", "", lambda _secs: {"u": next(order) * 10.0}, lambda _secs: {"u": next(order) * 1.0})
    (row,) = measure(work, rounds=3, secs=1.0)
    assert row == Row("w", "u", 30.0, 4.0, 7.5, 5.0, 50 / 6, "CometBFT")


def test_units_of_one_side_are_rows_only_where_that_is_said() -> None:
    ours, theirs = {"both": 2.0, "mine": 3.0}, {"both": 1.0, "its": 4.0}
    plain = measure(Work("w", "", lambda _: ours, lambda _: theirs), rounds=1, secs=1.0)
    assert [row.unit for row in plain] == ["both"]
    more = measure(
        Work("w", "", lambda _: ours, lambda _: theirs, rows_of_ours=("mine",)), rounds=1, secs=1.0
    )
    assert [(row.unit, row.peer) for row in more] == [("both", 1.0), ("mine", None)]
    alone = measure(Work("w", "", lambda _: ours), rounds=1, secs=1.0)
    assert [row.unit for row in alone] == ["both", "mine"]


def test_the_table_stands_between_its_marks_and_nothing_else_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    update_table(page, [Row("w", "u", 3.0, 2.0, 1.5, 1.25, 1.75, "it")], "--rounds 1")
    text = page.read_text()
    assert "| w | u | 3 | it | 2 | 1.50 | 1.25 | 1.75 |" in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("after\n")


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(ValueError, match=r"page\.md: want"):
        update_table(page, [], "")
    assert page.read_text() == "nothing"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5.0, 6.0, 5.5], "constant, about 5.5"),
        ([11.0, 20.0, 110.0], "10 + 1 n"),
        ([2.0, 1.0, 1.0], "constant, about 1"),
    ],
)
def test_a_curve_is_constant_or_a_constant_and_so_much_for_each(values: list[float], expected: str) -> None:
    assert law([1, 10, 100], values) == expected


def test_each_work_has_a_name_of_its_own() -> None:
    assert len({work.name for work in WORKS}) == len(WORKS)
