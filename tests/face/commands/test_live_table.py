"""Tables that fit the screen, however narrow it is."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from peerage.commands.live_table import Column, Row, fit

NAME = Column("NAME", lambda row: str(row["name"]), is_flexible=True, most=30)
COUNT = Column("COUNT", lambda row: str(row["count"]), is_number=True)
NOTE = Column("NOTE", lambda row: str(row["note"]), rank=2, is_flexible=True)
ROWS: list[Row] = [
    {"name": "anna", "count": 5, "note": "a note of some length, which may be cut"},
    {"name": "日本語のとても長いモニカーです", "count": 12_345, "note": ""},
]


def drawn(width: int) -> list[str]:
    table = fit([NAME, COUNT, NOTE], ROWS, width)
    return ["  ".join(text for _column, text in table.head), *table.lines]


def test_with_room_nothing_is_cut() -> None:
    """Numbers stand to the right."""
    head, anna, _japanese = drawn(200)
    assert head.split() == ["NAME", "COUNT", "NOTE"]
    assert anna.startswith("anna ")
    assert "      5  a note of some length, which may be cut" in anna


@pytest.mark.parametrize("width", [1, 5, 12, 20, 30, 40, 60, 100])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    """Characters that take two cells count as such, and all lines are as wide as the head."""
    widths = {cell_len(line) for line in drawn(width)}
    assert len(widths) == 1
    assert max(widths) <= width


def test_what_matters_least_goes_first() -> None:
    """By rank; what is left is cut with a mark."""
    assert drawn(36)[0].split() == ["NAME", "COUNT", "NOTE"]
    assert drawn(24)[0].split() == ["NAME", "COUNT"]
    assert "…" in drawn(24)[2]


def test_without_rows_the_head_is_there() -> None:
    """It says what there is none of."""
    table = fit([NAME, COUNT], [], 80)
    assert ([text for _column, text in table.head], table.lines) == (["NAME", "COUNT"], ())
