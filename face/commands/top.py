"""The command `peerage top`."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from peerage.commands.exit_status import FailureError
from peerage.commands.node_link import NoAnswerError, NodeGoneError, NodeLink
from peerage.commands.options import home_option
from peerage.commands.span import Span
from peerage.commands.table import table
from peerage.commands.top_columns import ACTORS, PEERS, check_order
from peerage.commands.top_sample import Sample
from peerage.wire.remote_text import shown

if TYPE_CHECKING:
    from peerage.commands.live_table import Column, Row
    from peerage.commands.terminal import Terminal
    from peerage.commands.top_view import View

LEAST_INTERVAL_S = 0.5  # the node answers from its memory for so long
DEFAULT_INTERVAL_S = 1.0
LONGEST_WAIT_S = 3600.0
LEAST_PAUSE_S = 0.05  # between two looks, however fast keys are pressed


@click.command(
    "top",
    epilog="Example: peerage top --home /srv/node; peerage top --once --json | jq '.peers.peers[].moniker'",
)
@home_option
@click.option(
    "--rpc", metavar="URL", help="Watch the node behind this RPC address instead of that of a home."
)
@click.option(
    "--interval",
    type=Span(LEAST_INTERVAL_S, LONGEST_WAIT_S, "2s or 1m"),
    help=f"Time between two looks.  [default: {DEFAULT_INTERVAL_S:g}s]",
)
@click.option("--once", is_flag=True, help="Print what there is now, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object for each look.")
@click.option(
    "--sort", default="since", metavar="NAME", help="Sort peers by this figure, -NAME: the highest first."
)
@click.option(
    "--filter",
    "wanted",
    default="",
    metavar="TEXT",
    help="Only peers with this in ID, moniker, version or address.",
)
def top(
    home: Any, *, rpc: str | None, interval: float | None, once: bool, as_json: bool, sort: str, wanted: str
) -> None:
    """Watch a running node: its actors and its peers, as they are now.

    On a terminal it goes on until q or Ctrl-C; ? shows the keys. Elsewhere, and with --json, it prints once, unless
    --interval says how often.
    """
    check_order(sort)
    link = NodeLink.to(home, rpc)
    is_live = sys.stdin.isatty() and sys.stdout.isatty() and not (once or as_json)
    try:
        if is_live:
            _watch(link, interval or DEFAULT_INTERVAL_S, sort, wanted)
        else:
            _print(link, None if once else interval, sort, wanted, as_json=as_json)
    except KeyboardInterrupt:
        return  # how it is ended
    finally:
        link.close()


# --- printed -------------------------------------------------------------------------------------------------------


def _print(link: NodeLink, interval: float | None, sort: str, wanted: str, *, as_json: bool) -> None:
    before = None
    while True:
        began = time.monotonic()
        sample = _look(link, {"sort": sort, "filter": wanted, "limit": 0}, before)
        if as_json:
            click.echo(json.dumps({"actors": sample.actors, "peers": sample.peers}))
        else:
            for line in _report(sample, before):
                click.echo(line)
        if interval is None:
            return
        before = sample
        time.sleep(max(0.0, interval - (time.monotonic() - began)))


def _report(sample: Sample, before: Sample | None) -> Sequence[str]:
    """As text, with all columns: nothing is cut."""
    peers = sample.peers["peers"]
    lines = [*_table(ACTORS, sample.rows), "", *_table(PEERS, peers)]
    if left := sample.peers["n_matching"] - len(peers):
        lines.append(f"… and {left} more")
    lines += [f"no answer: {shown(host)}" for host in sample.silent]
    return lines if before is None else ["", *lines]


def _table(columns: Sequence[Column], rows: Sequence[Row]) -> list[str]:
    return list(
        table(
            [column.title for column in columns], ([column.cell(row) for column in columns] for row in rows)
        )
    )


def _look(link: NodeLink, question: Mapping[str, Any], before: Sample | None) -> Sample:
    return Sample.of(link.call("actors"), link.call("peers", **question), before)


# --- live ----------------------------------------------------------------------------------------------------------


class Looks:
    """Looks at the node in a thread of its own, so that keys are heard meanwhile.

    Attributes: sample and before, the last two looks; trouble, why there is no newer one; failure, why there will be none.

    Args: look, asks the node with the parameters of `peers`; told, called when there is something new.
    """

    def __init__(
        self,
        look: Callable[[Mapping[str, Any], Sample | None], Sample],
        question: Callable[[], Mapping[str, Any]],
        interval: float,
        told: Callable[[], object],
    ) -> None:
        self._look, self._question, self._interval, self._told = look, question, interval, told
        self.sample: Sample | None = None
        self.before: Sample | None = None
        self.trouble = ""
        self.failure: FailureError | None = None
        self._hurry = threading.Event()
        self.is_paused = False

    def start(self) -> None:
        """Begin. The thread ends with the process, or with a failure."""
        threading.Thread(target=self._run, name="looks", daemon=True).start()

    def hurry(self) -> None:
        """Look now: something else is asked for."""
        self._hurry.set()

    def _run(self) -> None:
        hurried = False
        while self.failure is None:
            began = time.monotonic()
            if hurried or not self.is_paused:
                self._once()
                self._told()
            hurried = self._hurry.wait(max(LEAST_PAUSE_S, self._interval - (time.monotonic() - began)))
            self._hurry.clear()

    def _once(self) -> None:
        try:
            # The rates of a look that came early are those of the look before the last one.
            base = self.before if self.sample is not None and self._is_early() else self.sample
            sample = self._look(self._question(), base)
        except NodeGoneError as error:
            stopped = FailureError("the node has stopped")
            self.failure = error if self.sample is None else stopped
        except NoAnswerError as error:
            self.trouble = str(error.message)
        except FailureError as error:
            self.failure = error
        else:
            self.trouble = ""
            self.before, self.sample = base, sample

    def _is_early(self) -> bool:
        return self.sample is not None and time.time() - self.sample.actors["time"] < self._interval / 2


def _watch(link: NodeLink, interval: float, sort: str, wanted: str) -> None:
    from rich.console import Console

    from peerage.commands.terminal import Terminal
    from peerage.commands.top_view import View

    view = View.of(sort, wanted)
    first = _look(link, view.question, None)  # a mistake is told before the screen is taken
    view.title = _title(link)
    with Terminal(Console()) as terminal:
        looks = Looks(
            lambda question, before: _look(link, question, before),
            lambda: view.question,
            interval,
            terminal.wake,
        )
        looks.sample = first
        looks.start()
        _show(view, looks, terminal)
    if looks.failure is not None:
        raise looks.failure


def _show(view: View, looks: Looks, terminal: Terminal) -> None:
    """Draw what is new, and do what the keys say, until one of them is the end or the node is gone."""
    while looks.failure is None:
        view.columns, view.lines = terminal.size
        view.trouble = looks.trouble
        terminal.draw(view.draw(looks.sample, looks.before))
        try:
            keys = terminal.wait(LONGEST_WAIT_S)
        except EOFError:
            return
        asked = view.question
        for key in keys:
            if not view.press(key):
                return
        looks.is_paused = view.is_paused
        if view.question != asked:
            looks.hurry()


def _title(link: NodeLink) -> str:
    info = link.call("status")["node_info"]
    return f"{shown(str(info['moniker']), 40)}  {shown(str(info['id']), 40)[:10]}  {shown(str(info['network']), 40)}"
