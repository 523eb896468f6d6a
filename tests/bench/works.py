"""What is measured at both ends of the comparison, and how a row comes of it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from peerage.programs.benchmark import (
    BULK_QUEUE,
    SMALL_QUEUE,
    between_ours,
    frames,
    handshakes,
    loopback,
    mailboxes,
    under_pressure,
)
from tests.bench.bare_parts import bare_aead, bare_zmq
from tests.bench.crowd import cost_of
from tests.bench.hosts import inbound_bulk
from tests.bench.limits import LEAST_S, RATE, receive_limit, send_limit
from tests.bench.pair import (
    broadcasts,
    from_cometbft,
    handshakes_with_cometbft,
    handshakes_with_ours,
    to_cometbft,
)
from tests.bench.starting import start
from tests.interop.gopeer import bench

MIB = 1 << 20
AT_ONCE = 4  # handshakes: where CometBFT does most of them

Figures = Mapping[str, float]  # by unit


@dataclass(frozen=True, slots=True)
class Work:
    """One thing measured, for so many seconds, at both ends of the comparison.

    Each unit in which both give figures is a row. Without a peer there is nothing to compare with: each of ours is one.

    Args: beside, what the peer is; rows_of_ours, units in which only ours has figures, and which are rows all the same.
    """

    name: str
    what: str
    ours: Callable[[float], Figures]
    peer: Callable[[float], Figures] | None = None
    beside: str = "CometBFT"
    rows_of_ours: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """What came out: medians, and the least and largest ratio ours ÷ peer of the rounds."""

    name: str
    unit: str
    ours: float
    peer: float | None = None
    ratio: float | None = None
    min: float | None = None
    max: float | None = None
    beside: str = ""

    def cells(self) -> list[str]:
        """As text, in the order of the columns."""
        return [
            self.name,
            self.unit,
            _figure(self.ours),
            self.beside,
            _figure(self.peer),
            *map(_ratio, (self.ratio, self.min, self.max)),
        ]


def _figure(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def cometbft(name: str, figures: Mapping[str, tuple[str, float]], **flags: Any) -> Callable[[float], Figures]:
    """CometBFT against itself; figures: unit → (key in what it prints, how many of it make one of the unit)."""

    def run(secs: float) -> Figures:
        found = bench(name, secs=secs, **flags)
        return {unit: float(found[key]) / scale for unit, (key, scale) in figures.items()}

    return run


_BULK = cometbft(
    "bulk",
    {"MB/s": ("bytes_per_sec", 1e6), "CPU s/GB": ("receiver_cpu_secs_per_gb", 1.0)},
    layer="reactor",
    queue=BULK_QUEUE,
)

WORKS = (
    Work(
        "bulk",
        "1 MiB messages, one connection, reactor to reactor; processor time of the receiving node",
        lambda secs: between_ours(MIB, secs),
        _BULK,
    ),
    Work(
        "bulk to CometBFT",
        "the same from our reactor to CometBFT's",
        lambda secs: to_cometbft(MIB, secs),
        _BULK,
    ),
    Work(
        "bulk from CometBFT",
        "the same from CometBFT's reactor to ours",
        lambda secs: from_cometbft(MIB, secs),
        _BULK,
    ),
    Work(
        "bulk, bare",
        "ours reactor to reactor, CometBFT's bare MConnection",
        lambda secs: between_ours(MIB, secs),
        cometbft("bulk", {"MB/s": ("bytes_per_sec", 1e6)}, layer="mconn", queue=BULK_QUEUE),
    ),
    Work(
        "small",
        f"200-byte messages, one connection, reactor to reactor, a send queue of {SMALL_QUEUE}",
        lambda secs: between_ours(200, secs, small=True),
        cometbft("rate", {"messages/s": ("messages_per_sec", 1.0)}, layer="reactor", queue=SMALL_QUEUE),
    ),
    Work(
        "handshakes",
        f"secret connection and NodeInfo, then hang up, {AT_ONCE} at once; nothing else at either end",
        lambda secs: handshakes(secs, AT_ONCE),
        cometbft("handshake", {"handshakes/s": ("per_sec", 1.0)}, parallel=AT_ONCE),
    ),
    Work(
        "handshakes, whole node",
        f"CometBFT's client, {AT_ONCE} at once, let in as a peer by a node: ours, CometBFT's switch",
        lambda secs: handshakes_with_ours(secs, AT_ONCE),
        lambda secs: handshakes_with_cometbft(secs, AT_ONCE),
    ),
    Work(
        "under pressure",
        "round trip of a small message of high priority while a channel of low priority is full of 1 MiB messages",
        lambda secs: under_pressure(MIB, secs),
        cometbft("priority", {"p50 ms": ("p50_us", 1e3), "p99 ms": ("p99_us", 1e3)}, queue=BULK_QUEUE),
    ),
    Work(
        "broadcast",
        "1 KiB to 50 CometBFT peers in one other process",
        lambda secs: broadcasts(1024, secs),
        cometbft("broadcast", {"broadcasts/s": ("broadcasts_per_sec", 1.0)}, queue=BULK_QUEUE),
    ),
    Work(
        "rate limit, sending",
        f"bulk to CometBFT through a send_rate of {RATE:,}, at least {LEAST_S:g} s, pings every 2 s both ways",
        send_limit,
    ),
    Work(
        "rate limit, receiving",
        f"bulk from CometBFT through a recv_rate of {RATE:,}, the same",
        receive_limit,
    ),
    Work(
        "two peer hosts",
        "four inbound connections full of bulk; beside it the same with one host",
        lambda secs: inbound_bulk(secs, 2),
        lambda secs: inbound_bulk(secs, 1),
        beside="one host",
        rows_of_ours=("% in the busier host",),
    ),
    Work(
        "100 peers",
        "connected, idle: the whole node's memory and processor time",
        lambda secs: crowd_figures(100, secs),
    ),
    Work("1000 peers", "the same", lambda secs: crowd_figures(1000, secs)),
    Work("start", "`peerage start` in a fresh process until it accepts a connection", start),
    Work(
        "frames",
        "sealed and opened on one core, 64 full frames at a time; beside it a call of the binding for each",
        frames,
        bare_aead,
        beside="bare AEAD",
    ),
    Work("loopback", "plain TCP, 64 KiB a call", loopback),
    Work(
        "mailboxes",
        "100-byte messages between two processes; beside it pyzmq alone, blocking",
        mailboxes,
        bare_zmq,
        beside="bare pyzmq",
        rows_of_ours=("tell_many/s",),
    ),
)


def crowd_figures(peers: int, secs: float) -> dict[str, float]:
    """Of a node with so many idle CometBFT peers; each further one's memory from the difference to one peer."""
    secs = max(secs, 5.0)  # of which a hundredth shows
    cost, one = cost_of(peers, secs), cost_of(1, secs)
    return {
        "PSS MiB": cost.pss_kib / 1024,
        "idle CPU, % of a core": 100 * cost.idle_cpu,
        "KiB for each further peer": (cost.pss_kib - one.pss_kib) / (peers - 1),
    }


def measure(work: Work, rounds: int, secs: float) -> list[Row]:
    """Measure one work, interleaved."""
    pairs = [(work.ours(secs), work.peer(secs) if work.peer else {}) for _ in range(rounds)]
    rows = []
    for unit in pairs[0][0]:
        ours = [mine[unit] for mine, _ in pairs]
        theirs = [other[unit] for _, other in pairs if unit in other and unit not in work.rows_of_ours]
        if work.peer and not theirs and unit not in work.rows_of_ours:
            continue
        row = Row(work.name, unit, statistics.median(ours))
        if theirs:
            ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
            row = Row(
                work.name,
                unit,
                row.ours,
                statistics.median(theirs),
                statistics.median(ratios),
                min(ratios),
                max(ratios),
                work.beside,
            )
        rows.append(row)
    return rows
