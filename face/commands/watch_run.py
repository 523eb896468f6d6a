"""Does what the command `peerage watch` is asked for."""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

from peerage import Config, Node
from peerage.actors.private_memory import close_memory
from peerage.actors.runtime import ActorDeadError, Timeout
from peerage.commands.exit_status import FailureError, MistakeError
from peerage.commands.loading import load_config, warn
from peerage.commands.printing import check_output
from peerage.commands.watch_output import Output, open_output
from peerage.commands.watch_view import WatchView
from peerage.config.home import Home
from peerage.config.logging import LogSettings, set_up_logging
from peerage.config.node_key_file import load_node_key
from peerage.supervisors.node.errors import (
    ListenError,
    NodeFailedError,
    NodeLimitError,
    NodeNotRunningError,
    NodeStartError,
    SeedsUnresolvedError,
)
from peerage.supervisors.node.stop_request import StopRequest
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

T = TypeVar("T")


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
    wait: float
    seconds: float | None
    own_key: bool


def run_watch(order: WatchOrder) -> None:
    """Watch until a stop is requested, or the time is over. Raises: MistakeError, FailureError, ConfigError."""
    check_output(order.output)
    close_memory()
    set_up_logging(LogSettings("error"))
    is_live = sys.stdin.isatty() and sys.stdout.isatty() and not order.as_json
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peerage-watch-")))
        node = _node(order, place)
        stop = stack.enter_context(StopRequest())
        stop.heed_signals()
        stop.on_hangup = stop.ask  # there is no configuration to be read again
        output = stack.enter_context(
            open_output(order.output, as_json=order.as_json, is_live=is_live and order.output is None)
        )
        node.on_end(stop.ask)
        stop.on_signal = node.stop
        try:
            node.start()
        except (ListenError, NodeLimitError) as error:
            raise MistakeError(str(error)) from error
        except (SeedsUnresolvedError, NodeStartError) as error:
            raise FailureError(str(error)) from error
        finally:
            stop.on_signal = None
        try:
            if node.is_running:
                click.echo(f"{node.address} listens", err=True)
                watch = _Watch(node, output)
                (watch.show if is_live else watch.run)(stop, order.seconds)
        finally:
            node.stop()
        try:
            node.wait(0)
        except NodeFailedError as error:
            raise FailureError(str(error)) from error


class _Watch:
    """Has the watchers tell what is new, several times a second, and hands it on."""

    def __init__(self, node: Node, output: Output) -> None:
        self._node, self._output = node, output
        self._view = WatchView(node.config.network, time.monotonic())
        self.missed = 0

    def run(self, stop: StopRequest, seconds: float | None) -> None:
        """Until a stop is requested, or so long."""
        until = None if seconds is None else time.monotonic() + seconds
        while not stop.wait(LOOK_S) and (until is None or time.monotonic() < until):
            self._look(is_last=False)
        self._end()

    def show(self, stop: StopRequest, seconds: float | None) -> None:
        """Likewise, on a screen, until somebody presses q, too."""
        from rich.console import Console

        from peerage.commands.terminal import Terminal

        until = None if seconds is None else time.monotonic() + seconds
        with Terminal(Console()) as terminal:
            stop.heed_signals()  # a terminal would have SIGTERM end the process at once
            while not stop.wait(0.0) and (until is None or time.monotonic() < until):
                self._look(is_last=False)
                terminal.draw(self._view.draw(*terminal.size))
                try:
                    if "q" in terminal.wait(LOOK_S):
                        break
                except EOFError:
                    break
        self._end()

    def _end(self) -> None:
        if self._node.is_running:
            self._look(is_last=True)
        if self.missed:
            warn(f"{self.missed} transactions were not told: they came faster than they could be written")

    def _look(self, *, is_last: bool) -> None:
        """A watcher that is just being restarted has nothing to tell."""
        is_more = True
        while is_more:
            mempool = self._ask(MEMPOOL_WATCHER, MempoolTaken, is_last=is_last)
            is_more = mempool is not None and len(mempool.transactions) == MOST
            if mempool is not None:
                self._output.transactions(mempool.transactions)
                self.missed = mempool.missed
                self._view.tell(time.monotonic(), mempool, None)
        consensus = self._ask(CONSENSUS_WATCHER, ConsensusTaken, is_last=is_last)
        if consensus is not None:
            self._output.heights(consensus.heights)
            self._view.tell(time.monotonic(), None, consensus)
        self._output.flush()

    def _ask(self, watcher: str, kind: type[T], *, is_last: bool) -> T | None:
        try:
            answer = self._node.reactor(watcher).ask(Take(MOST, is_last), timeout=ANSWER_S)
        except (ActorDeadError, Timeout, NodeNotRunningError):
            return None
        assert isinstance(answer, kind)
        return answer


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
    return Node(config, watchers(order.wait), name="", node_key=key)
