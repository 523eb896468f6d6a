"""The screen of `peerage top`: what is shown, sorted and searched, and what a key changes. It knows no terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Self

from rich.segment import Segment
from rich.style import Style

from peerage.commands.live_table import GAP, Column, Fitted, Row, fit
from peerage.commands.quantities import duration, scaled, share
from peerage.commands.top_columns import ACTORS, PEER_ORDERS, PEERS, REFUSALS
from peerage.commands.top_sample import Sample
from peerage.wire.remote_text import shown

__all__ = ["HELP", "Pane", "View"]

HEAD_LINES = 2
HELP = (
    "q, Ctrl-C   quit                          Tab         actors or peers: sort, search and scroll there",
    "1 2 3       both, actors, peers           4           who was refused lately",
    "< >         sort by another column        o           in the other order",
    "/ Esc       search, and show all again    Space       stand still, and go on",
    "arrows, PgUp PgDn, Home                   ? or h      this help",
    "",
    "CPU     of the process, in percent of one core; x5 behind a name: so many actors stand in this row",
    "MAIL    messages that wait; OLDEST: since the host took the first of them from its socket",
    "STATE   idle, ready, running, waits: for an answer, starting; restarting, stopped: its supervisor says so;",
    "        silent: its host does not answer, what stands there is what it said last",
    "RTT     of the last ping that was answered; DIR: * persistent, + unconditional",
    "QUEUE   messages to be sent; UNREAD: bytes that reactors have not dealt with",
)

_TITLE, _HEAD, _OTHER_HEAD = Style(bold=True), Style(reverse=True), Style(reverse=True, dim=True)
_SORTED = Style(bold=True, underline=True)
_PLAIN, _BAD, _WARNING, _QUIET = (
    Style(),
    Style(color="red", bold=True),
    Style(color="yellow"),
    Style(dim=True),
)
_STATES = {"silent": _BAD, "stopped": _BAD, "restarting": _BAD, "starting": _WARNING, "waiting": _WARNING}


class Pane(Enum):
    """One of the tables."""

    ACTORS = "actors"
    PEERS = "peers"
    REFUSALS = "refusals"

    @property
    def columns(self) -> Sequence[Column]:
        return {Pane.ACTORS: ACTORS, Pane.PEERS: PEERS, Pane.REFUSALS: REFUSALS}[self]


_LAYOUTS = {
    "1": (Pane.ACTORS, Pane.PEERS),
    "2": (Pane.ACTORS,),
    "3": (Pane.PEERS,),
    "4": (Pane.REFUSALS,),
}


@dataclass(slots=True)
class Choice:
    """How one table is shown. Args: column, its index among those that can be sorted by; offset, of its first line."""

    column: int
    descending: bool = False
    wanted: str = ""
    offset: int = 0


@dataclass(slots=True)
class View:
    """Args: title, of the node; columns and lines, of the screen."""

    title: str = ""
    columns: int = 80
    lines: int = 24
    panes: tuple[Pane, ...] = _LAYOUTS["1"]
    focus: Pane = Pane.PEERS
    is_paused: bool = False
    shows_help: bool = False
    search: str | None = None  # while it is typed
    trouble: str = ""
    actors: int = 1000  # how many there are to be shown
    choices: dict[Pane, Choice] = field(
        default_factory=lambda: {
            Pane.ACTORS: Choice(0),
            Pane.PEERS: Choice(PEER_ORDERS.index("since")),
            Pane.REFUSALS: Choice(0),
        }
    )

    @classmethod
    def of(cls, sort: str, wanted: str) -> Self:
        """With peers sorted and searched as asked for. Args: sort, one of PEER_ORDERS, with a minus: the highest first."""
        view, column = cls(), PEER_ORDERS.index(sort.removeprefix("-"))
        view.choices[Pane.PEERS] = Choice(column, sort.startswith("-"), wanted)
        return view

    # --- keys ------------------------------------------------------------------------------------------------------

    def press(self, key: str) -> bool:
        """Do what a key says. Returns: False, it is the end."""
        if self.search is not None:
            self._type(key)
            return True
        choice = self.choices[self.focus]
        match key:
            case "q" | "Q":
                return False
            case "?" | "h":
                self.shows_help = not self.shows_help
            case "1" | "2" | "3" | "4":
                self.panes = _LAYOUTS[key]
                self.focus = self.panes[-1]
            case "tab":
                self.focus = self.panes[(self.panes.index(self.focus) + 1) % len(self.panes)]
            case " ":
                self.is_paused = not self.is_paused
            case "/":
                self.search, choice.offset = "", 0
            case "esc":
                self.shows_help, choice.wanted = False, ""
            case "<" | "," | "left":
                self._sort_by(-1)
            case ">" | "." | "right":
                self._sort_by(1)
            case "o" | "R":
                choice.descending = not choice.descending
            case "up" | "k" | "down" | "j" | "pageup" | "pagedown" | "home":
                self._scroll(key)
        return True

    def _type(self, key: str) -> None:
        text = self.search or ""
        choice = self.choices[self.focus]
        if key == "enter":
            self.search = None
            return
        if key == "esc":
            self.search, choice.wanted = None, ""
            return
        if key == "backspace":
            text = text[:-1]
        elif len(key) == 1 and len(text) < 60:
            text += key
        self.search = choice.wanted = text

    def _sort_by(self, step: int) -> None:
        choice, columns = self.choices[self.focus], _sortable(self.focus)
        if columns:
            choice.column = (choice.column + step) % len(columns)
            choice.descending = columns[choice.column].is_number

    def _scroll(self, key: str) -> None:
        choice, page = self.choices[self.focus], max(1, self.rows_of(self.focus) - 1)
        steps = {
            "up": -1,
            "k": -1,
            "down": 1,
            "j": 1,
            "pageup": -page,
            "pagedown": page,
            "home": -choice.offset,
        }
        choice.offset = max(0, choice.offset + steps[key])

    # --- what the node is asked --------------------------------------------------------------------------------------

    @property
    def question(self) -> dict[str, str | int]:
        """The parameters of `peers`: no more of them than there is room for."""
        choice = self.choices[Pane.PEERS]
        order = _sortable(Pane.PEERS)[choice.column].order
        rows = choice.offset + self.rows_of(Pane.PEERS)
        sign = "-" if choice.descending else ""
        return {"sort": sign + order, "filter": choice.wanted, "limit": max(1, min(1000, rows))}

    def rows_of(self, pane: Pane) -> int:
        """How many lines of a table there is room for."""
        if pane not in self.panes:
            return 0
        room = max(0, self.lines - HEAD_LINES)
        if len(self.panes) == 2:
            actors = min(self.actors + 1, room // 2)  # no more than they need
            room = actors if pane is Pane.ACTORS else room - actors
        return max(0, room - 1)

    # --- drawing -----------------------------------------------------------------------------------------------------

    def draw(self, sample: Sample | None, before: Sample | None) -> list[Segment]:
        """The whole screen, line by line, none of them wider than it."""
        lines = [self._title(sample), self._status(sample, before)]
        if self.shows_help:
            lines += [[Segment(text[: self.columns])] for text in HELP]
        elif sample is None:
            lines.append([Segment("waiting for the node …"[: self.columns])])
        else:
            self.actors = len(self._rows(Pane.ACTORS, sample))
            for pane in self.panes:
                lines += self._pane(pane, sample)
        segments: list[Segment] = []
        for number, line in enumerate(lines[: self.lines]):
            if number:
                segments.append(Segment.line())
            segments += line
        return segments

    def _title(self, sample: Sample | None) -> list[Segment]:
        text = f"peerage top  {self.title}"
        if sample is not None:
            peers = sample.peers
            inbound = peers["n_peers"] - peers["n_outbound"]
            text += (
                f"  {peers['n_peers']} peers ({inbound} in, {peers['n_outbound']} out)"
                f"  recv {scaled(peers['recv_rate'])}B/s  send {scaled(peers['send_rate'])}B/s"
                f"  queued {scaled(peers['queued'])}"
            )
        return [Segment(text[: self.columns], _TITLE)]

    def _status(self, sample: Sample | None, before: Sample | None) -> list[Segment]:
        if self.search is not None:
            return [Segment(f"search {self.focus.value}: {self.search}_"[-self.columns :])]
        if self.trouble:
            return [Segment(self.trouble[: self.columns], _BAD)]
        if sample is None:
            return [Segment("")]
        count, cpu, memory = sample.processes(before)
        dead = sum({host["pid"]: host["dead_letters"] for host in sample.actors["hosts"]}.values())
        text = f"{count} processes  cpu {share(cpu)}  memory {scaled(memory, 1024)}B  dead letters {dead}"
        if self.is_paused:
            text = f"paused {duration(max(0.0, time.time() - sample.actors['time']))}  {text}"
        for pane in self.panes:
            if wanted := self.choices[pane].wanted:
                text = f"{pane.value} with '{wanted}'  {text}"
        found = [Segment(text[: self.columns])]
        if silent := sample.silent:
            room = max(0, self.columns - len(text))
            found.append(Segment(f"  no answer: {', '.join(map(shown, silent))}"[:room], _BAD))
        elif len(text) + 10 <= self.columns:
            found.append(Segment("   ? help", _QUIET))
        return found

    def _pane(self, pane: Pane, sample: Sample) -> Iterator[list[Segment]]:
        choice, room = self.choices[pane], self.rows_of(pane)
        if not room:
            return
        rows = self._rows(pane, sample)
        choice.offset = max(0, min(choice.offset, len(rows) - 1))
        rows = rows[choice.offset : choice.offset + room]
        table = fit(pane.columns, rows, self.columns)
        yield self._head(pane, table)
        for row, line in zip(rows, table.lines, strict=True):
            yield [Segment(line, _style_of(pane, row))]
        if pane is not self.panes[-1]:
            yield from ([Segment("")] for _ in range(room - len(rows)))

    def _rows(self, pane: Pane, sample: Sample) -> Sequence[Row]:
        choice = self.choices[pane]
        if pane is Pane.PEERS:
            found: Sequence[Row] = sample.peers["peers"]
            return found
        if pane is Pane.ACTORS:
            column = ACTORS[choice.column] if choice.column else None
            return sample.sorted_actors(column, descending=choice.descending, wanted=choice.wanted)
        text = choice.wanted.casefold()
        searched = ("address", "id", "reason", "detail")
        refusals: Sequence[Row] = sample.peers["refusals"]
        return [row for row in refusals if any(text in str(row[key]).casefold() for key in searched)]

    def _head(self, pane: Pane, table: Fitted) -> list[Segment]:
        choice, columns = self.choices[pane], _sortable(pane)
        sorted_by = columns[choice.column] if columns else None
        plain = _HEAD if pane is self.focus else _OTHER_HEAD
        head: list[Segment] = []
        for column, text in table.head:
            if head:
                head.append(Segment(" " * GAP, plain))
            head.append(Segment(text, plain + _SORTED if column is sorted_by else plain))
        head.append(Segment(" " * max(0, self.columns - sum(len(each.text) for each in head)), plain))
        return head


def _sortable(pane: Pane) -> list[Column]:
    return [column for column in pane.columns if column.order]


def _style_of(pane: Pane, row: Row) -> Style:
    if pane is Pane.ACTORS:
        return _STATES.get(row["state"], _PLAIN)
    if pane is Pane.PEERS and row["queues"]:
        return _WARNING
    return _PLAIN
