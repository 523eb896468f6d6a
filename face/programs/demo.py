"""The program behind `peerage demo`: a small network on this machine to watch.

Four nodes run on loopback. `anna` is everybody's seed; the others learn of `dora` only from `anna`. Each node runs a
reactor that gossips rumours: whenever it hears a new one, it passes it on.
"""

from __future__ import annotations

import os
import struct
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from peerage import ChannelDescriptor, Config, Envelope, Node, Peer, Reactor
from peerage.actors.runtime import ActorDeadError, System, Timeout
from peerage.wire.keys import NodeID

__all__ = ["GetStatistics", "Gossip", "GossipStatistics", "run_demo"]

GOSSIP_CHANNEL = 0x77
RUMOUR_INTERVAL_S = 0.02
RUMOUR = struct.Struct(">QQ")  # which node started it, and its number there
REMEMBERED = 4096  # how many rumours a node remembers; it forgets the oldest
SAMPLE_S = 0.25
REFRESH_S = 0.5  # between updates of the table on a terminal
PLAIN_REFRESH_S = 2.0
ANSWER_TIMEOUT_S = 2.0
# The order of starting: the seed has heard of dora by the time the others ask it.
NAMES = ("anna", "dora", "bert", "cleo")


@dataclass(frozen=True, slots=True)
class GossipStatistics:
    """What a gossip reactor has done so far."""

    peers: tuple[str, ...] = ()
    started: int = 0
    heard: int = 0
    new: int = 0


@dataclass(frozen=True, slots=True)
class GetStatistics:
    """Ask a Gossip reactor for its GossipStatistics."""


class Gossip(Reactor):
    """Starts a rumour now and then, and passes on each rumour that it hears for the first time."""

    channels = (ChannelDescriptor(id=GOSSIP_CHANNEL, priority=5, send_queue_capacity=256),)

    def __init__(self, origin: int) -> None:
        super().__init__()
        self._origin = origin
        self._known: dict[bytes, None] = {}
        self._started = self._heard = self._new = 0

    def on_start(self) -> None:
        self.runtime.call_later(RUMOUR_INTERVAL_S, self._start_rumour)

    def receive(self, envelope: Envelope) -> None:
        self._heard += 1
        rumour: bytes = envelope.message
        if rumour not in self._known:
            self._new += 1
            self._remember(rumour)
            self._pass_on(rumour, but=envelope.source)

    def handle(self, message: object) -> GossipStatistics | None:
        if isinstance(message, GetStatistics):
            return GossipStatistics(tuple(sorted(self.peers)), self._started, self._heard, self._new)
        return None

    def _start_rumour(self) -> None:
        self._started += 1
        rumour = RUMOUR.pack(self._origin, self._started)
        self._remember(rumour)
        self._pass_on(rumour)
        self.runtime.call_later(RUMOUR_INTERVAL_S, self._start_rumour)

    def _pass_on(self, rumour: bytes, but: Peer | None = None) -> None:
        for peer in self.peers.values():
            if peer != but:
                peer.try_send(GOSSIP_CHANNEL, rumour)

    def _remember(self, rumour: bytes) -> None:
        self._known[rumour] = None
        if len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]


@dataclass(slots=True)
class _Row:
    """One node and what was last learned about it."""

    name: str
    node: Node
    now: GossipStatistics = field(default_factory=GossipStatistics)
    heard: int = 0  # in total, over all restarts of its reactor
    rate: float = 0.0
    _shown: tuple[float, int] | None = None  # time and `heard` at the last `measure`

    def sample(self) -> None:
        """Ask the node's reactor for its figures. If it is just being restarted, the next sample will get them."""
        try:
            answer = self.node.reactor("GOSSIP").ask(GetStatistics(), timeout=ANSWER_TIMEOUT_S)
        except (ActorDeadError, Timeout):
            return
        assert isinstance(answer, GossipStatistics)
        self.heard += answer.heard - self.now.heard if answer.heard >= self.now.heard else answer.heard
        self.now = answer

    def measure(self) -> None:
        """Compute the rate since the last call."""
        now = time.monotonic()
        if self._shown is not None:
            since, heard = self._shown
            self.rate = (self.heard - heard) / (now - since)
        self._shown = now, self.heard


def run_demo(seconds: float, console: Console, log_level: str = "error") -> bool:
    """Run the demo.

    Args: seconds, how long it runs once all nodes are up; console, where to show it; log_level, of the nodes.
    Returns: whether every node found every other one.
    Raises: ListenError, NodeStartError.
    """
    with tempfile.TemporaryDirectory(prefix="peerage-demo-") as home, ExitStack() as stack:
        watch = _Watch(console, seconds)
        try:
            watch.rows += _start_nodes(Path(home), stack, console, log_level)
            watch.run()
        except KeyboardInterrupt:
            console.print("stopped before its time")
        watch.summary()
        return watch.complete_at is not None


def _start_nodes(home: Path, stack: ExitStack, console: Console, log_level: str) -> Iterator[_Row]:
    """Start the nodes one after the other, the seed first."""
    seed = ""
    for origin, name in enumerate(NAMES):
        p2p: dict[str, object] = {
            "laddr": "tcp://127.0.0.1:0",
            "addr_book_strict": False,
            "allow_duplicate_ip": True,
        }
        if seed:
            p2p["seeds"] = seed
        config = Config(
            home=home / name,
            network="peerage-demo",
            moniker=name,
            log_level=log_level,
            p2p=p2p,
            rpc={"laddr": ""},
            peerage={"peer_hosts": 1},
        )
        node = stack.enter_context(Node(config, reactors={"GOSSIP": (Gossip, origin)}, name=f"{name}/"))
        how = "knows the seed alone" if seed else "the seed of the others"
        seed = seed or node.address
        console.print(f"{name} {node.address} {how}", highlight=False)
        yield _Row(name, node)


class _Watch:
    """Watches the nodes until the time is over."""

    def __init__(self, console: Console, seconds: float) -> None:
        self.rows: list[_Row] = []
        self.complete_at: float | None = None  # seconds until every node was connected to every other
        self._console, self._seconds = console, seconds

    def run(self) -> None:
        began = time.monotonic()
        next_show = 0.0
        with _display(self._console) as show:
            while (passed := time.monotonic() - began) < self._seconds:
                for row in self.rows:
                    row.sample()
                if self.complete_at is None and all(
                    len(row.now.peers) == len(NAMES) - 1 for row in self.rows
                ):
                    self.complete_at = time.monotonic() - began
                if passed >= next_show:
                    next_show = passed + (REFRESH_S if self._console.is_terminal else PLAIN_REFRESH_S)
                    for row in self.rows:
                        row.measure()
                    show(self.rows, self._seconds - passed)
                time.sleep(max(0.0, min(SAMPLE_S, began + self._seconds - time.monotonic())))

    def summary(self) -> None:
        if self.complete_at is not None:
            heard = sum(row.heard for row in self.rows)
            text = f"every node found every other one after {self.complete_at:.1f} s; {heard} messages heard"
            self._console.print(text, highlight=False)
            return
        for row in self.rows:
            found = f"{row.name} found {len(row.now.peers)} of {len(NAMES) - 1} others"
            self._console.print(found, highlight=False)


Show = Callable[[list[_Row], float], None]


@contextmanager
def _display(console: Console) -> Iterator[Show]:
    """Yields a function that shows the rows: as a live table on a terminal, otherwise as plain lines."""
    if not console.is_terminal:

        def lines(rows: list[_Row], _left: float) -> None:
            hosts = _hosts()
            for row in rows:
                peers = ",".join(_peer_names(rows, row)) or "-"
                count = len(hosts.get(row.name, {}))
                console.print(
                    f"{row.name} peers={peers} processes={count} messages/s={row.rate:.0f} heard={row.heard}",
                    highlight=False,
                )

        yield lines
        return
    with Live(console=console, auto_refresh=False) as live:

        def table(rows: list[_Row], left: float) -> None:
            live.update(Group(_peers_table(rows, left), _hosts_table(rows)), refresh=True)

        yield table


def _peer_names(rows: list[_Row], row: _Row) -> list[str]:
    names = {other.node.node_id: other.name for other in rows}
    return sorted(names.get(NodeID(peer), peer[:8]) for peer in row.now.peers)


def _hosts() -> dict[str, dict[str, str]]:
    """The processes of every node: node → process → its pid, and for a peer host the number of its peers."""
    peers = Counter(actor.host for actor in System.current().actors() if actor.actor != actor.host)
    found: dict[str, dict[str, str]] = {}
    for host in System.current().hosts():
        node, _, part = host.name.partition("/")
        if host.pid != os.getpid():
            found.setdefault(node, {})[part] = (
                f"{host.pid} +{peers[host.name]}" if peers[host.name] else f"{host.pid}"
            )
    return found


def _peers_table(rows: list[_Row], left: float) -> Table:
    table = Table(title=f"peerage demo, {left:.0f} s to go", title_justify="left")
    table.add_column("node")
    table.add_column("peers")
    for column in ("messages/s", "heard", "new to it", "started"):
        table.add_column(column, justify="right")
    for row in rows:
        counts = (f"{row.rate:.0f}", f"{row.heard}", f"{row.now.new}", f"{row.now.started}")
        table.add_row(row.name, ", ".join(_peer_names(rows, row)), *counts)
    return table


def _hosts_table(rows: list[_Row]) -> Table:
    """One process per cell. Kill any of them and see what happens."""
    hosts = _hosts()
    parts = list(dict.fromkeys(part for row in rows for part in hosts.get(row.name, {})))
    table = Table(title="processes: pid +peers in it", title_justify="left")
    for column in ("node", *parts):
        table.add_column(column)
    for row in rows:
        table.add_row(row.name, *(hosts.get(row.name, {}).get(part, "") for part in parts))
    return table
