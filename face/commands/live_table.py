"""Tables that are drawn again every second: columns that fit the width, cells that are cut and never wrapped.

rich's own tables cost fifty times as much, 45 ms for a screen: more than all that `peerage top` may use (decision 0059).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len, set_cell_size

GAP = 2
LEAST_FLEXIBLE = 12

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Args:
        title: in capitals.
        cell: the text of a row's cell.
        order: the name that it is sorted by, empty if it is not.
        value: what rows are sorted by, of those tables that the node does not sort.
        is_number: right-aligned, and sorted from the highest at first.
        rank: where the screen is narrow, columns of higher ranks are left out first.
        most: the widest that it gets.
        is_flexible: it may be cut to 12 cells, and takes what room is left.
    """

    title: str
    cell: Callable[[Row], str]
    order: str = ""
    value: Callable[[Row], Any] | None = None
    is_number: bool = False
    rank: int = 0
    most: int = 40
    is_flexible: bool = False


@dataclass(frozen=True, slots=True)
class Fitted:
    """A table as it is drawn. Args: head, the titles with their places: (column, text); lines, of the rows."""

    head: tuple[tuple[Column, str], ...]
    lines: tuple[str, ...]


def fit(columns: Sequence[Column], rows: Sequence[Row], width: int) -> Fitted:
    """The table in so many cells."""
    cells = [[column.cell(row) for row in rows] for column in columns]
    wanted = [
        min(column.most, max([cell_len(column.title), *map(cell_len, texts)]))
        for column, texts in zip(columns, cells, strict=True)
    ]
    chosen = _that_fit(columns, wanted, width)
    widths = _widths(columns, wanted, chosen, width)
    gap = " " * GAP
    head = tuple(
        (columns[index], _padded(columns[index].title, widths[index], columns[index].is_number))
        for index in chosen
    )
    shown = [
        [_padded(text, widths[index], columns[index].is_number) for text in cells[index]] for index in chosen
    ]
    return Fitted(head, tuple(gap.join(line) for line in zip(*shown, strict=True)))


def _that_fit(columns: Sequence[Column], wanted: Sequence[int], width: int) -> list[int]:
    def least(index: int) -> int:
        return min(wanted[index], LEAST_FLEXIBLE) if columns[index].is_flexible else wanted[index]

    chosen = list(range(len(columns)))
    while len(chosen) > 1 and sum(map(least, chosen)) + GAP * (len(chosen) - 1) > width:
        # Of those of one rank the last one goes first.
        chosen.remove(max(chosen, key=lambda index: (columns[index].rank, index)))
    return chosen


def _widths(
    columns: Sequence[Column], wanted: Sequence[int], chosen: Sequence[int], width: int
) -> dict[int, int]:
    widths = {index: wanted[index] for index in chosen}
    over = sum(widths.values()) + GAP * (len(chosen) - 1) - width
    for index in reversed(chosen):  # the last ones are words of explanation
        if over > 0 and columns[index].is_flexible:
            cut = min(over, widths[index] - min(widths[index], LEAST_FLEXIBLE))
            widths[index] -= cut
            over -= cut
    if over > 0:  # one column is left
        widths[chosen[-1]] = max(1, widths[chosen[-1]] - over)
    return widths


def _padded(text: str, width: int, is_number: bool) -> str:
    if text.isascii() and len(text) <= width:
        return text.rjust(width) if is_number else text.ljust(width)
    size = cell_len(text)
    if size > width:
        return set_cell_size(text, width - 1) + "…" if width > 1 else "…"
    room = " " * (width - size)
    return room + text if is_number else text + room
