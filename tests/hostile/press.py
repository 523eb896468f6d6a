"""Who gets in while a crowd of hostile connections presses: `python -m tests.hostile.press [--count 1000] [--secs 60]`.

A node of ours has ten peers. Then the crowd comes (`crowd.py`: idle, slow, garbage, half-closed, and fresh keys, a fifth
each), from one /16 or from everywhere, and comes again a moment after it is sent away. Meanwhile honest newcomers from
other networks connect, one after the other, and the ten measure the round trip of their pings.

The table says for each run how many newcomers got in, and how long that took; how many of them were still peers at the end;
the round trips; memory and descriptors of all processes, after a short first wave, at the most and afterwards; and what a
hostile connection cost the node.

Exit code 0: the bounds hold; 1: one does not, and it is named; 2: bad flags. `--seed`: the node is a seed, and the newcomers
ask it for addresses. `--against cometbft`: the same is done to a CometBFT node, and no bound is checked.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import structlog

from peerage import Node
from peerage.actors.book_client import BookClient
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.peers.handshake import HandshakeRefusedError
from peerage.wire.net_address import NetAddress
from tests.hostile.residents import HonestPeer, Residents
from tests.interop.cometnode import CometNode
from tests.nodes import HIGH, EchoReactor, node_config

__all__ = ["Load", "Outcome", "attackers", "main", "p99", "press"]

RESIDENTS, ATTEMPTS = 10, 20
LIMIT_S = {"one": 2.0, "everywhere": 5.0}  # for a newcomer to get in
PATIENCE_S = 10.0  # then an attempt is over
PING_LIMIT_S, GROWTH_MIB, LEFT_MIB = 0.1, 50.0, 10.0
CALM_S = 5.0  # before the crowd comes
WAVE_S = 5.0  # a first one: afterwards each process has its ways to the others, and the memory that it needs for a crowd
RAMP_S = 4.0  # until the crowd is there
SETTLE_S = 5.0  # after it has gone
MIB = 2**20


@dataclass(slots=True)
class Load:
    """What a node's processes hold at a moment. Args: memory, MiB, what they share counted in each; cpu, seconds so far."""

    memory: float
    descriptors: int
    cpu: float

    @classmethod
    def of(cls, pids: Sequence[int]) -> Load:
        """Of these processes. (To look for their children takes as long as the pings that are measured meanwhile.)"""
        load = cls(0.0, 0, 0.0)
        for pid in pids:
            try:
                process = psutil.Process(pid)
                load.memory += process.memory_info().rss / MIB
                load.descriptors += process.num_fds()
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            load.cpu += times.user + times.system
        return load


@dataclass(slots=True)
class Outcome:
    """One run. Times in seconds."""

    where: str
    count: int
    admitted: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    still_there: int = 0
    calm_round_trips: list[float] = field(default_factory=list)  # before the crowd came
    round_trips: list[float] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    at_rest: Load = field(default_factory=lambda: Load(0.0, 0, 0.0))
    loads: list[Load] = field(default_factory=list)  # after the first wave, during the run, afterwards
    connects: int = 0
    identified: int = 0

    @property
    def ping_p99(self) -> float:
        return p99(self.round_trips)

    @property
    def growth(self) -> float:
        """MiB, at the most, over a node at rest."""
        return max(load.memory for load in self.loads) - self.at_rest.memory

    @property
    def left(self) -> float:
        """MiB more afterwards than after the first wave: what a process has once used it keeps, but no more than that."""
        return self.loads[-1].memory - self.loads[0].memory

    @property
    def cost_ms(self) -> float:
        """Of one hostile connection, in processor time of the node."""
        return (self.loads[-1].cpu - self.loads[0].cpu) * 1e3 / max(1, self.connects)

    def misses(self) -> Iterator[str]:
        """The bounds that do not hold."""
        limit = LIMIT_S[self.where]
        in_time = sum(seconds <= limit for seconds in self.admitted)
        if in_time < ATTEMPTS:
            yield f"{in_time} of {ATTEMPTS} newcomers got in within {limit:g} s: {self.failures}"
        if self.lost:
            yield f"{len(self.lost)} of {RESIDENTS} peers were lost: {self.lost}"
        if self.ping_p99 > PING_LIMIT_S:
            yield f"the 99th percentile of the pings is {self.ping_p99 * 1e3:.0f} ms, at most {PING_LIMIT_S * 1e3:.0f}"
        if self.growth > GROWTH_MIB:
            yield f"memory grew by {self.growth:.0f} MiB, at most {GROWTH_MIB:.0f}"
        if self.left > LEFT_MIB:
            yield f"{self.left:.0f} MiB of memory stayed, at most {LEFT_MIB:.0f}"
        if self.loads[-1].descriptors > self.loads[0].descriptors:
            yield f"{self.loads[-1].descriptors} descriptors afterwards, {self.loads[0].descriptors} before"

    def row(self) -> str:
        """The same for the table."""
        times = sorted(self.admitted)
        took = f"{times[len(times) // 2] * 1e3:.0f} / {times[-1] * 1e3:.0f} ms" if times else "-"
        first = self.loads[0].memory - self.at_rest.memory
        memory = f"{self.at_rest.memory:.0f}; {first:+.0f}; {self.growth:+.0f}; {first + self.left:+.0f} MiB"
        counts = [load.descriptors for load in self.loads]
        descriptors = f"{counts[0]} / {max(counts)} / {counts[-1]}"
        pings = f"{p99(self.calm_round_trips) * 1e3:.1f} / {self.ping_p99 * 1e3:.1f} ms"
        return (
            f"| {self.where} | {self.count} | {len(self.admitted)} of {ATTEMPTS} | {took} | {self.still_there} | "
            f"{pings} | {len(self.lost)} | {memory} | {descriptors} | "
            f"{self.connects} ({self.identified}) | {self.cost_ms:.2f} ms |"
        )


def p99(seconds: Sequence[float]) -> float:
    """The 99th percentile; 0 of nothing."""
    return sorted(seconds)[int(len(seconds) * 0.99)] if seconds else 0.0


COLUMNS = (
    "from",
    "hostile",
    "newcomers in",
    "median / longest",
    "still there",
    "ping p99 before / meanwhile",
    "peers lost",
    "memory at rest; after a first wave; at the most; afterwards",
    "descriptors after a first wave / at the most / afterwards",
    "hostile connections (of them with a key)",
    "each cost",
)
HEAD = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"


def crowd(address: str, count: int, where: str, pause: float) -> AbstractContextManager[dict[str, Any]]:
    """The hostile ones, see `attackers`."""
    arguments = address.partition("@")[2], str(count), where, "3600", str(pause)
    return attackers("tests.hostile.crowd", *arguments)


@contextmanager
def attackers(module: str, *arguments: str) -> Iterator[dict[str, Any]]:
    """Some in a process of their own, from when it has said that it begins until its input is closed.

    What it says at its end, as JSON, is in the dictionary then.
    """
    command = [sys.executable, "-m", module, *arguments]
    said: dict[str, Any] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield said
        finally:
            process.stdin.close()
            said.update(json.loads(process.stdout.read() or "{}"))


def attempt(address: str, number: int, outcome: Outcome, *, asks: bool) -> HonestPeer | None:
    """One newcomer, from a network of its own. Returns: it, when it has become a peer."""
    began = time.monotonic()
    try:
        peer = HonestPeer(address, PATIENCE_S, f"127.{200 + number}.0.1")
        if asks:
            peer.ask_for_addresses(PATIENCE_S)
        else:
            peer.ping(PATIENCE_S)
    except (OSError, HandshakeRefusedError) as error:
        outcome.failures.append(f"{number}: {error!r}")
        return None
    outcome.admitted.append(time.monotonic() - began)
    return peer


def press(
    address: str,
    pids: Sequence[int],
    count: int,
    where: str,
    secs: float,
    pause: float,
    *,
    speaks: bool,
    asks: bool,
) -> Outcome:
    """One run against a node that is there already. Args: speaks, whether it has the channel; asks, whether it is a seed."""
    outcome = Outcome(where, count)
    channel = HIGH if speaks else None
    sources = [] if asks else [f"127.250.{number}.1" for number in range(RESIDENTS)]
    with Residents(address, sources, channel) as residents:
        time.sleep(CALM_S)
        outcome.calm_round_trips = list(residents.round_trips)
        outcome.at_rest = Load.of(pids)
        with crowd(address, count, where, pause):
            time.sleep(WAVE_S)
        time.sleep(SETTLE_S)
        residents.round_trips.clear()
        outcome.loads.append(Load.of(pids))
        with crowd(address, count, where, pause) as said:
            time.sleep(RAMP_S)
            begin, held = time.monotonic(), []
            for number in range(ATTEMPTS):
                held.append(attempt(address, number, outcome, asks=asks))
                if speaks and (newcomer := held[-1]) is not None:
                    newcomer.send(HIGH, b"of use")
                outcome.loads.append(Load.of(pids))
                time.sleep(max(0.0, begin + secs / ATTEMPTS * (number + 1) - time.monotonic()))
            outcome.still_there = sum(peer is not None and peer.is_connected for peer in held)
            outcome.round_trips = list(residents.round_trips)
            for peer in held:
                if peer is not None:
                    peer.__exit__()
        outcome.connects, outcome.identified = sum(said["connects"].values()), said["identified"]
        time.sleep(SETTLE_S)
        outcome.loads.append(Load.of(pids))
        outcome.lost = list(residents.lost)
    return outcome


@contextmanager
def our_node(home: Path, *, is_seed: bool) -> Iterator[tuple[str, list[int]]]:
    """Address, and processes: those of the node, not what the program has had before."""
    others = {process.pid for process in psutil.Process().children(recursive=True)}
    logging.getLogger().setLevel(logging.ERROR)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    p2p = {"laddr": "tcp://127.0.0.1:0", "pex": is_seed, "seed_mode": is_seed, "max_num_inbound_peers": 40}
    config = node_config(home, p2p=p2p)
    with Node(config, reactors={} if is_seed else {"ECHO": EchoReactor}) as node:
        if is_seed:
            somebody = NetAddress("1" * 40, "127.0.0.1", 1)
            BookClient(node.names.addrbook).call(AddrBook.add, somebody, somebody)
        children = psutil.Process().children(recursive=True)
        yield node.address, [process.pid for process in children if process.pid not in others]


@contextmanager
def their_node(home: Path, *, is_seed: bool) -> Iterator[tuple[str, list[int]]]:
    """The same of CometBFT."""
    with CometNode(home, p2p={"pex": is_seed, "seed_mode": is_seed}, log_level="error") as node:
        yield node.address, [node.pid]


def main(arguments: Sequence[str] | None = None) -> int:
    """Press, print the table, and what does not hold. Returns: the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.press", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="hostile connections (default: 1000)")
    parser.add_argument("--secs", type=float, default=60.0, help="seconds of each run (default: 60)")
    parser.add_argument(
        "--from", dest="where", choices=sorted(LIMIT_S), action="append", help="default: both"
    )
    parser.add_argument(
        "--pause", type=float, default=1.0, help="seconds before one comes again (default: 1)"
    )
    parser.add_argument("--seed", action="store_true", help="the node is a seed")
    parser.add_argument("--against", choices=["cometbft"], help="instead of a node of ours")
    chosen = parser.parse_args(arguments)
    start = their_node if chosen.against else our_node
    misses = []
    print(HEAD, flush=True)
    for where in chosen.where or sorted(LIMIT_S, reverse=True):
        with tempfile.TemporaryDirectory() as home, start(Path(home), is_seed=chosen.seed) as (address, pids):
            speaks = not chosen.seed and not chosen.against
            outcome = press(
                address, pids, chosen.count, where, chosen.secs, chosen.pause, speaks=speaks, asks=chosen.seed
            )
        print(outcome.row(), flush=True)
        if not chosen.against:
            misses += [f"from {where}: {miss}" for miss in outcome.misses()]
    for miss in misses:
        print(miss, file=sys.stderr)
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
