"""How far a node scales with cores: `python -m tests.bench.scaling [--hosts 1 2 4 8 16] [--secs 3] [--json FILE]`.

For each number of peer hosts a node with as many reactors, each with a channel of its own, and CometBFT clients beside it
on the same machine: *bulk* (1 MiB) and *small* (200 bytes), one connection for each reactor, all full; *newcomers* a
second, four at once for each host. The same clients then press CometBFT's switch, which spreads over the cores by itself.
The processor time of each part of the node stands beside it: what the switch, the metrics and the book cost while the
others work, and how evenly the peer hosts are loaded.

The clients need cores too, so half of the machine's cores is where peer hosts stop paying here.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from peerage import Node, Reactor
from peerage.actors.runtime import System
from peerage.programs.benchmark import BULK_QUEUE, SMALL_QUEUE, WARM_UP_S, Sink, cpu_seconds, node_of_ours
from peerage.wire.channel import ChannelDescriptor
from tests.bench.pair import PATIENCE_S
from tests.interop.gopeer import ChannelOptions, GoPeer

MOST = 16  # hosts and reactors
FIRST_CHANNEL = 0x60
SIZES = {"bulk": 1 << 20, "small": 200}
AT_ONCE = 4  # newcomers for each host
PARTS = ("switch", "metrics", "addrbook")


def _sink(number: int) -> type[Reactor]:
    channel = ChannelDescriptor(id=FIRST_CHANNEL + number, priority=1, send_queue_capacity=BULK_QUEUE)
    return type(f"Sink{number}", (Sink,), {"channels": (channel,), "__module__": __name__})


SINKS = tuple(_sink(number) for number in range(MOST))
globals().update({sink.__name__: sink for sink in SINKS})  # so that the reactors' processes find them


@dataclass(frozen=True, slots=True)
class Measurement:
    """One work with so many peer hosts.

    Attributes:
        ours, peer: MB/s for bulk, messages a second for small, newcomers a second.
        cpu: seconds of processor time a second, by part of our node: `peers` and `reactors` are sums.
        busiest: the share of the busiest peer host among all of them, 1 ÷ hosts when they are loaded evenly.
    """

    work: str
    hosts: int
    ours: float
    peer: float
    cpu: Mapping[str, float]
    busiest: float


@contextmanager
def client(queue: int, count: int, **options: object) -> Iterator[GoPeer]:
    """A CometBFT process with a channel for each reactor."""
    channels: list[ChannelOptions] = [
        {"id": FIRST_CHANNEL + number, "priority": 1, "send_queue_capacity": queue} for number in range(count)
    ]
    everything = {"network": "test", "channels": channels, "verify": False, "max_num_inbound_peers": 10_000}
    with GoPeer(**(everything | options)) as peer:  # type: ignore[arg-type]  # the options are PeerOptions
        yield peer


@contextmanager
def node(hosts: int) -> Iterator[Node]:
    """Ours, with a reactor for each host."""
    reactors = {f"SINK{number}": SINKS[number] for number in range(hosts)}
    with node_of_ours(reactors, peer_hosts=str(hosts)) as ours:
        yield ours


@contextmanager
def flooded(address: str, size: int, count: int) -> Iterator[None]:
    """One connection for each channel, full of messages."""
    queue = SMALL_QUEUE if size < 1 << 10 else BULK_QUEUE
    with client(queue, count, mode="raw") as crowd:
        members = crowd.dial_crowd(address, count)
        floods = [
            crowd.flood(member, FIRST_CHANNEL + number, secs=PATIENCE_S, size=size, same=True)
            for number, member in enumerate(members)
        ]
        time.sleep(WARM_UP_S)
        yield
        crowd.stop_floods()
        for flood in floods:
            flood.wait()


class Meter:
    """The processor time of each process of our node, from its making on."""

    def __init__(self) -> None:
        self._pids = {facts.name.rpartition("/")[2]: facts.pid for facts in System.current().hosts()}
        self._before = self._used()
        self._began = time.perf_counter()

    def read(self) -> tuple[dict[str, float], float]:
        """Returns: `Measurement.cpu` and `busiest`."""
        elapsed = time.perf_counter() - self._began
        used = {name: (now - self._before[name]) / elapsed for name, now in self._used().items()}
        peers = [value for name, value in used.items() if name.startswith("peers-")]
        cpu = {part: sum(value for name, value in used.items() if part in name) for part in PARTS}
        cpu["peers"] = sum(peers)
        cpu["reactors"] = sum(value for name, value in used.items() if "SINK" in name)
        return cpu, max(peers) / sum(peers) if sum(peers) else 0.0

    def _used(self) -> dict[str, float]:
        return {name: cpu_seconds([pid]) for name, pid in self._pids.items()}


def carried(work: str, hosts: int, secs: float) -> Measurement:
    """Bulk or small into our node, then into CometBFT's switch."""
    size = SIZES[work]
    unit = "bytes_per_sec" if work == "bulk" else "messages_per_sec"
    scale = 1e6 if work == "bulk" else 1.0
    with node(hosts) as ours, flooded(ours.address, size, hosts):

        def total() -> int:
            counts = [ours.reactor(f"SINK{number}").ask("count") for number in range(hosts)]
            return sum(each[0 if work == "bulk" else 1] for each in counts)

        meter, before, began = Meter(), total(), time.perf_counter()
        time.sleep(secs)
        rate = (total() - before) / (time.perf_counter() - began)
        cpu, busiest = meter.read()
    queue = SMALL_QUEUE if work == "small" else BULK_QUEUE
    with client(queue, hosts) as switch, flooded(switch.address, size, hosts):
        peer = switch.measure(secs)[unit]
    return Measurement(work, hosts, rate / scale, peer / scale, cpu, busiest)


def newcomers(hosts: int, secs: float) -> Measurement:
    """Connections let in a second, each with a new key, by our node and by CometBFT's switch."""

    def let_in(crowd: GoPeer, address: str) -> float:
        found = crowd.handshakes(address, secs=secs, parallel=AT_ONCE * hosts, anew=True)
        return float(found["per_sec"])

    with client(BULK_QUEUE, hosts, mode="raw", handshakes_only=True) as crowd:
        with node(hosts) as ours:
            meter = Meter()
            rate = let_in(crowd, ours.address)
            cpu, busiest = meter.read()
        with client(BULK_QUEUE, hosts) as switch:
            peer = let_in(crowd, switch.address)
    return Measurement("newcomers", hosts, rate, peer, cpu, busiest)


WORKS: Mapping[str, Callable[[int, float], Measurement]] = {
    "bulk": lambda hosts, secs: carried("bulk", hosts, secs),
    "small": lambda hosts, secs: carried("small", hosts, secs),
    "newcomers": newcomers,
}
UNITS = {"bulk": "MB/s", "small": "messages/s", "newcomers": "newcomers/s"}


def show(found: list[Measurement]) -> Table:
    """The measurements for a terminal."""
    cores = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    table = Table(title=f"scaling with peer hosts: {cores}")
    parts = (*PARTS, "peers", "reactors")
    columns = (
        "work",
        "hosts",
        "unit",
        "peerage",
        "CometBFT",
        "ratio",
        "busiest host",
        *(f"{part}, cores" for part in parts),
    )
    for column in columns:
        table.add_column(column)
    for each in found:
        table.add_row(
            each.work,
            str(each.hosts),
            UNITS[each.work],
            f"{each.ours:,.0f}",
            f"{each.peer:,.0f}",
            f"{each.ours / each.peer:.2f}" if each.peer else "",
            f"{100 * each.busiest:.0f} %",
            *(f"{each.cpu[part]:.2f}" for part in parts),
        )
    return table


def main() -> int:
    """Measure, print, write JSON if asked to."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.scaling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 2, 4, 8, 16], help="default: 1 2 4 8 16")
    parser.add_argument("--only", action="append", choices=WORKS, help="only this; repeatable")
    parser.add_argument("--secs", type=float, default=3.0, help="how long one measurement takes")
    parser.add_argument("--json", type=Path, help="write the measurements to this file")
    options = parser.parse_args()
    if not all(1 <= hosts <= MOST for hosts in options.hosts):
        parser.error(f"--hosts takes numbers from 1 to {MOST}")
    if options.secs <= 0:
        parser.error("--secs must be positive")
    found = []
    for name in options.only or WORKS:
        for hosts in options.hosts:
            found.append(WORKS[name](hosts, options.secs))
            print(f"{name}, {hosts} hosts: {found[-1].ours:,.0f} {UNITS[name]}", file=sys.stderr, flush=True)
    Console(width=170).print(show(found))
    if options.json:
        options.json.write_text(json.dumps([asdict(each) for each in found], indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
