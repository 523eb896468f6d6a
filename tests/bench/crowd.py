"""What more peers cost: `python -m tests.bench.crowd [--peers 1 10 100 1000] [--secs 10] [--json FILE] [--plot FILE]`.

The peers are CometBFT's, all in one other process, on connections of their own. The whole node is measured, every process
of it: memory (PSS), file descriptors, processor time while all are idle and while each message of a gossip goes to all, and
how long one more peer takes to get in.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from peerage import ChannelDescriptor, Reactor
from peerage.programs.benchmark import BULK_QUEUE, HIGH, cpu_seconds, node_of_ours, node_pids
from tests.bench.curves import draw, law
from tests.bench.pair import go_peer

GOSSIP_HZ = 10.0
GOSSIP_BYTES = 1024
NEWCOMERS = 10
SETTLE_S = 3.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Of a node with so many peers.

    Args:
        pss_kib: of all processes.
        idle_cpu, gossip_cpu: share of one core.
        handshake_ms: median until one more is connected, as the dialling peer sees it.
    """

    peers: int
    pss_kib: int
    descriptors: int
    idle_cpu: float
    gossip_cpu: float
    handshake_ms: float


class Gossip(Reactor):
    """Broadcasts GOSSIP_HZ times a second once it is told to."""

    channels = (ChannelDescriptor(id=HIGH, priority=10, send_queue_capacity=BULK_QUEUE),)

    def handle(self, _message: object) -> None:
        self._cast()

    def _cast(self) -> None:
        self.broadcast(HIGH, bytes(GOSSIP_BYTES))
        self.runtime.call_later(1 / GOSSIP_HZ, self._cast)


def cost_of(peers: int, secs: float) -> Cost:
    """Start a node, give it so many peers, and look."""
    with (
        node_of_ours({"GOSSIP": Gossip}, peer_hosts="auto") as node,
        go_peer(BULK_QUEUE, mode="raw") as crowd,
    ):
        crowd.dial_crowd(node.address, peers, timeout=300.0)
        while len(node.peers()) < peers:
            time.sleep(0.05)
        time.sleep(SETTLE_S)
        pids = node_pids(node)
        idle = _share(pids, secs)
        memory = sum(_pss_kib(pid) for pid in pids)
        descriptors = sum(psutil.Process(pid).num_fds() for pid in pids)
        times = []
        for _ in range(NEWCOMERS):
            began = time.perf_counter()
            crowd.dial_crowd(node.address, 1)
            times.append(time.perf_counter() - began)
        node.reactor("GOSSIP").tell("begin")
        time.sleep(1.0)
        gossip = _share(pids, secs)
    return Cost(peers, memory, descriptors, idle, gossip, statistics.median(times) * 1e3)


def _share(pids: list[int], secs: float) -> float:
    used, began = cpu_seconds(pids), time.perf_counter()
    time.sleep(secs)
    return (cpu_seconds(pids) - used) / (time.perf_counter() - began)


def _pss_kib(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


def main() -> int:
    """Measure, print a table and what each further peer costs."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.crowd", description=main.__doc__)
    parser.add_argument("--peers", type=int, nargs="+", default=[1, 10, 100, 1000])
    parser.add_argument(
        "--secs", type=float, default=10.0, help="how long processor time is measured, each time"
    )
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    parser.add_argument("--plot", type=Path, help="draw the curves into this SVG file")
    options = parser.parse_args()
    for file in (options.json, options.plot):
        if file and not file.parent.is_dir():
            parser.error(f"no such directory: {file.parent}")
    costs = []
    table = Table("peers", "PSS MiB", "descriptors", "idle CPU", "gossip CPU", "handshake ms")
    for peers in sorted(options.peers):
        print(f"{peers} peers …", file=sys.stderr, flush=True)
        cost = cost_of(peers, options.secs)
        costs.append(cost)
        table.add_row(
            f"{peers:,}",
            f"{cost.pss_kib / 1024:.0f}",
            f"{cost.descriptors:,}",
            f"{cost.idle_cpu:.1%}",
            f"{cost.gossip_cpu:.1%}",
            f"{cost.handshake_ms:.1f}",
        )
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps([asdict(cost) for cost in costs], indent=2) + "\n")
    curves = {
        "memory of the node, MiB": [cost.pss_kib / 1024 for cost in costs],
        "file descriptors": [float(cost.descriptors) for cost in costs],
        "processor, idle, % of a core": [100 * cost.idle_cpu for cost in costs],
        f"processor, {GOSSIP_HZ:g} broadcasts/s, % of a core": [100 * cost.gossip_cpu for cost in costs],
        "one more handshake, ms": [cost.handshake_ms for cost in costs],
    }
    counts = [cost.peers for cost in costs]
    titles = {name: f"{name}: {law(counts, values)}" for name, values in curves.items()}
    print(*titles.values(), sep="\n")
    if options.plot:
        titled = {titles[name]: values for name, values in curves.items()}
        options.plot.write_text(draw(counts, titled, "n, connected peers"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
