"""The screen of `peerage watch`: what was seen last, and who is late. It knows no terminal."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from rich.segment import Segment
from rich.style import Style

from peerage.commands.live_table import Column, Row, fit
from peerage.commands.quantities import duration, scaled
from peerage.watching import ConsensusTaken, HeightReport, MempoolTaken, SeenTransaction
from peerage.wire.remote_text import shown

__all__ = ["WatchView"]

HELP: Final = "q or Ctrl-C: end"
KEPT: Final = 200  # transactions and heights that a screen may show
LATE_OVER: Final = 100  # heights
RATE_OVER_S: Final = 5.0
MOST_VALIDATORS: Final = 5
_TITLE, _HEAD, _PLAIN, _BAD = Style(bold=True), Style(reverse=True), Style(), Style(color="yellow")

_Totals = tuple[float, int, int, int, int, int]  # when; messages, transactions, votes, parts, bytes of parts


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")


def _of(value: int, unknown: int = -1) -> str:
    return "-" if value == unknown else str(value)


HEIGHTS: Final = (
    Column("HEIGHT", lambda row: f"{row['it'].height}/{row['it'].round}", is_number=True),
    Column("TIME", lambda row: _clock(row["it"].at), rank=3),
    Column("DECIDED", lambda row: duration(row["it"].decided_after), is_number=True, rank=1),
    Column("TXS", lambda row: _of(row["it"].transactions), is_number=True),
    Column(
        "BYTES",
        lambda row: "-" if row["it"].block_bytes < 0 else scaled(row["it"].block_bytes),
        is_number=True,
        rank=2,
    ),
    Column("PARTS", lambda row: str(sum(each.parts for each in row["it"].rounds)), is_number=True, rank=4),
    Column("PRECOMMITS", lambda row: row["precommits"], is_number=True),
    Column("LATE", lambda row: _few(row["it"].late), most=30),
    Column("MISSING", lambda row: _few(row["it"].missing), most=30),
)
TRANSACTIONS: Final = (
    Column("TRANSACTION", lambda row: row["it"].hash.hex().upper(), most=64, is_flexible=True),
    Column("TIME", lambda row: _clock(row["it"].at), rank=3),
    Column("SIZE", lambda row: scaled(row["it"].size), is_number=True, rank=1),
    Column("PEERS", lambda row: str(row["it"].peers), is_number=True),
    Column("SPREAD", lambda row: duration(row["it"].spread), is_number=True),
    Column("FIRST", lambda row: row["it"].first[:10] or "in a block", rank=2),
    Column("HEIGHT", lambda row: _of(row["it"].height, 0), is_number=True, rank=2),
)
VALIDATORS: Final = (
    Column("VALIDATOR", lambda row: str(row["index"]), is_number=True),
    Column("ADDRESS", lambda row: row["address"] or "-", most=40),
    Column("LATE", lambda row: str(row["late"]), is_number=True),
    Column("MISSING", lambda row: str(row["missing"]), is_number=True),
)


def _few(indexes: Sequence[int]) -> str:
    return " ".join(map(str, indexes[:6])) + (f" +{len(indexes) - 6}" if len(indexes) > 6 else "")


class WatchView:
    """What a watch has told, as a screen.

    Args: network, its name; began, when, in seconds of the clock that `tell` is given.
    """

    def __init__(self, network: str, began: float) -> None:
        self._network, self._began = network, began
        self._transactions: deque[SeenTransaction] = deque(maxlen=KEPT)
        self._heights: deque[HeightReport] = deque(maxlen=max(KEPT, LATE_OVER))
        self._totals: deque[_Totals] = deque([(began, 0, 0, 0, 0, 0)])
        self._mempool = MempoolTaken([], 0, 0, 0, 0)
        self._consensus = ConsensusTaken([], 0, 0, 0, 0, 0, {})

    def tell(self, now: float, mempool: MempoolTaken | None, consensus: ConsensusTaken | None) -> None:
        """What is new. Args: None, a watcher did not answer."""
        if mempool is not None:
            self._mempool = mempool._replace(transactions=[])
            self._transactions.extend(mempool.transactions[-KEPT:])
        if consensus is not None:
            self._consensus = consensus._replace(heights=[])
            self._heights.extend(consensus.heights)
        seen, decided = self._mempool, self._consensus
        self._totals.append(
            (now, seen.messages, seen.different, decided.votes, decided.parts, decided.part_bytes)
        )
        while len(self._totals) > 2 and self._totals[1][0] <= now - RATE_OVER_S:
            self._totals.popleft()

    def draw(self, columns: int, lines: int) -> list[Segment]:
        """The screen, so large at most."""
        text = list(islice(self._lines(columns, lines), lines))
        found: list[Segment] = []
        for number, (line, style) in enumerate(text):
            if number:
                found.append(Segment.line())
            found.append(Segment(line[:columns], style))
        return found

    def _lines(self, columns: int, lines: int) -> Iterator[tuple[str, Style]]:
        at = self._consensus
        where = f"{len(at.peers)} peers  height {at.height}/{at.round}"
        age = duration(self._totals[-1][0] - self._began)
        yield f"peerage watch  {shown(self._network, 40)}  {where}  {age}  {HELP}", _TITLE
        messages, transactions, votes, parts, part_bytes = map(scaled, self._rates())
        came = f"{self._mempool.different} transactions  {transactions}/s, in {messages} messages/s"
        yield f"{came}  {votes} votes/s  {parts} block parts/s  {part_bytes}B/s", _PLAIN
        if self._mempool.missed:
            yield f"{self._mempool.missed} transactions were not told: they came too fast", _BAD
        validators = self._validators()
        room = max(2, (lines - 4 - len(validators)) // 2)
        heights = [_height_row(each) for each in list(self._heights)[: -room - 1 : -1]]
        yield from _table(HEIGHTS, heights, columns)
        if validators:
            yield from _table(VALIDATORS, validators, columns)
        newest = list(self._transactions)[: -lines - 1 : -1]
        yield from _table(TRANSACTIONS, [{"it": each} for each in newest], columns)

    def _rates(self) -> Sequence[float]:
        first, last = self._totals[0], self._totals[-1]
        over = max(0.001, last[0] - first[0])
        return [max(0, new - old) / over for old, new in zip(first[1:], last[1:], strict=True)]

    def _validators(self) -> list[Row]:
        """Those that were late or missing most often lately."""
        late: dict[int, int] = {}
        missing: dict[int, int] = {}
        addresses: dict[int, str] = {}
        for report in islice(reversed(self._heights), LATE_OVER):
            for index in report.late:
                late[index] = late.get(index, 0) + 1
            for index in report.missing:
                missing[index] = missing.get(index, 0) + 1
            if report.decided is not None:
                for vote in report.decided.precommits:
                    addresses.setdefault(vote.validator, vote.address.hex().upper())
        worst = sorted(
            late.keys() | missing.keys(),
            key=lambda index: (-missing.get(index, 0), -late.get(index, 0), index),
        )
        return [
            {
                "index": index,
                "address": addresses.get(index, ""),
                "late": late.get(index, 0),
                "missing": missing.get(index, 0),
            }
            for index in worst[:MOST_VALIDATORS]
        ]


def _height_row(report: HeightReport) -> dict[str, Any]:
    count = len(report.decided.precommits) if report.decided is not None else 0
    return {"it": report, "precommits": f"{count}/{report.validators or '?'}"}


def _table(columns: Sequence[Column], rows: Sequence[Row], width: int) -> Iterator[tuple[str, Style]]:
    table = fit(columns, rows, width)
    yield "  ".join(text for _column, text in table.head).ljust(width), _HEAD
    for line in table.lines:
        yield line, _PLAIN
