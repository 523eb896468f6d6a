"""Does what the command `peerage watch` is asked for."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from peerage import Config, Node
from peerage.actors.private_memory import close_memory
from peerage.actors.runtime import ActorDeadError, Timeout
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.loading import load_config, warn
from peerage.commands.printing import check_output
from peerage.commands.stop_request import StopRequest
from peerage.commands.watch_lines import height_json, height_line, transaction_json, transaction_line
from peerage.config.home import Home
from peerage.config.logging import LogSettings, set_up_logging
from peerage.config.node_key_file import load_node_key
from peerage.supervisors.node.errors import (
    ListenError,
    NodeFailedError,
    NodeLimitError,
    NodeStartError,
    SeedsUnresolvedError,
)
from peerage.watching import (
    CONSENSUS_WATCHER,
    MEMPOOL_WATCHER,
    ConsensusTaken,
    MempoolTaken,
    Take,
    watchers,
)
from peerage.wire.keys import NodeKey

LOOK_S = 0.25
ANSWER_S = 10.0
MOST = 10_000  # that one answer holds


@dataclass(frozen=True, slots=True)
class WatchOrder:
    """What the user wants."""

    home: Home
    network: str | None
    seeds: str | None
    peers: str | None
    laddr: str
    max_peers: int
    as_json: bool
    output: Path | None
    seconds: float | None
    own_key: bool


def run_watch(order: WatchOrder) -> None:
    """Watch until a stop is requested, or the time is over. Raises: MistakeError, FailureError, ConfigError."""
    check_output(order.output)
    close_memory()
    set_up_logging(LogSettings("error"))
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peerage-watch-")))
        node = _node(order, place)
        stop = stack.enter_context(StopRequest())
        stop.heed_signals()
        lines = stack.enter_context(_Lines.to(order.output, as_json=order.as_json))
        node.on_end(stop.ask)
        stop.on_signal = node.stop
        try:
            node.start()
        except (ListenError, SeedsUnresolvedError, NodeLimitError) as error:
            raise MistakeError(str(error)) from error
        except NodeStartError as error:
            raise FailureError(str(error)) from error
        finally:
            stop.on_signal = None
        try:
            if node.is_running:
                click.echo(f"{node.address} listens", err=True)
                _watch(node, stop, lines, order.seconds)
        finally:
            node.stop()
        try:
            node.wait(0)
        except NodeFailedError as error:
            raise FailureError(str(error)) from error


def _watch(node: Node, stop: StopRequest, lines: _Lines, seconds: float | None) -> None:
    until = None if seconds is None else time.monotonic() + seconds
    while not stop.wait(LOOK_S) and (until is None or time.monotonic() < until):
        _take(node, lines, is_last=False)
    if node.is_running:
        _take(node, lines, is_last=True)


def _take(node: Node, lines: _Lines, *, is_last: bool) -> None:
    """Have the watchers tell what is new. One that is just being restarted has nothing to tell."""
    more = True
    while more:
        taken: MempoolTaken | None = _ask(node, MEMPOOL_WATCHER, is_last=is_last)
        more = taken is not None and len(taken.transactions) == MOST
        if taken is not None:
            lines.put_transactions(taken)
    heights: ConsensusTaken | None = _ask(node, CONSENSUS_WATCHER, is_last=is_last)
    if heights is not None:
        lines.put_heights(heights)


def _ask(node: Node, watcher: str, *, is_last: bool) -> Any:
    try:
        return node.reactor(watcher).ask(Take(MOST, is_last), timeout=ANSWER_S)
    except (ActorDeadError, Timeout):
        return None


class _Lines:
    """Writes lines, as they come."""

    def __init__(self, file: Any, *, as_json: bool) -> None:
        self._file, self._as_json = file, as_json

    @classmethod
    @contextmanager
    def to(cls, output: Path | None, *, as_json: bool) -> Iterator[_Lines]:
        """To a file, or standard output."""
        if output is None:
            yield cls(sys.stdout, as_json=as_json)
            return
        try:
            with output.open("w", encoding="utf-8") as file:
                yield cls(file, as_json=as_json)
        except OSError as error:
            raise FailureError(f"{output} cannot be written: {error.strerror or error}") from error

    def put_transactions(self, taken: MempoolTaken) -> None:
        told = transaction_json if self._as_json else transaction_line
        self._write([told(each) for each in taken.transactions])

    def put_heights(self, taken: ConsensusTaken) -> None:
        told = height_json if self._as_json else height_line
        self._write([told(each) for each in taken.heights])

    def _write(self, lines: list[str]) -> None:
        if lines:
            self._file.write("\n".join(lines) + "\n")
            self._file.flush()


def _node(order: WatchOrder, place: Path) -> Node:
    """A node of the network with the two watchers, in a home that is made for it.

    Raises: MistakeError; ConfigError, an address does not parse.
    """
    seeds, peers, network = order.seeds, order.peers, order.network
    key = NodeKey.generate()
    if order.own_key or network is None or (seeds is None and peers is None):
        config = load_config(order.home)
        if seeds is None and peers is None:
            seeds, peers = ",".join(config.p2p.seeds), ",".join(config.p2p.persistent_peers)
        network = config.network if network is None else network
        key = load_node_key(config.node_key_path) if order.own_key else key
    if not network:
        raise MistakeError("--network: none given, and none in the home's configuration")
    if not (seeds or peers):
        warn("nobody to dial is given: only those who dial us are watched")
    config = Config(
        home=place,
        network=network,
        moniker="watch",
        p2p={
            "laddr": order.laddr,
            "seeds": seeds or "",
            "persistent_peers": peers or "",
            "pex": bool(seeds),
            "max_num_outbound_peers": order.max_peers,
            "max_num_inbound_peers": order.max_peers,
            "addr_book_strict": False,
            "allow_duplicate_ip": True,
        },
        rpc={"laddr": ""},
    )
    return Node(config, watchers(), name="", node_key=key)
