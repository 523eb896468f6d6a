"""Whether the rate limits hold, and what pings do meanwhile: bulk to and from a CometBFT peer that has no limits."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from peerage.programs.benchmark import BULK_QUEUE, LOW, Flood, Flooder, Sink, node_of_ours
from tests.bench.pair import PATIENCE_S, go_peer
from tests.interop.gopeer import GoPeer

RATE = 5_120_000  # bytes/s of packets, CometBFT's default
LEAST_S = 10.0
SETTLE_S = 1.0
SIZE = 1 << 20
PACKETS_PER_DATA = 1034 / 1024  # a full packet and the data in it
# Of both ends; a pong that is later ends the connection. (What the remote's kernel has taken in before its pong, some
# megabytes, takes most of a second at this rate.)
PINGS: Mapping[str, Any] = {"ping_interval": 2.0, "pong_timeout": 1.9}
THEIRS: Mapping[str, Any] = {"ping_interval_ms": 2000, "pong_timeout_ms": 1900}


def send_limit(secs: float) -> dict[str, float]:
    """Our reactor floods a CometBFT peer through our `send_rate`."""
    with (
        node_of_ours({"FLOOD": Flooder}, p2p={"send_rate": RATE}, **PINGS) as node,
        go_peer(BULK_QUEUE, **THEIRS) as peer,
    ):
        node.dial(peer.address)
        node.reactor("FLOOD").tell(Flood(SIZE))
        _settle(peer)
        found = peer.measure(max(secs, LEAST_S))
        answered = _answered(peer)
        node.reactor("FLOOD").tell(Flood(0))
    return {"% of the limit": _share(found["bytes_per_sec"]), "% of pings answered": answered}


def receive_limit(secs: float) -> dict[str, float]:
    """A CometBFT peer floods our reactor, which reads at our `recv_rate`."""
    with (
        node_of_ours({"SINK": Sink}, p2p={"recv_rate": RATE}, **PINGS) as node,
        go_peer(BULK_QUEUE, **THEIRS) as peer,
    ):
        peer.dial(node.address)
        flood = peer.flood(node.node_id, LOW, secs=PATIENCE_S + secs, size=SIZE, same=True)
        _settle(peer)
        sink = node.reactor("SINK")
        (before, _), began = sink.ask("count"), time.perf_counter()
        time.sleep(max(secs, LEAST_S))
        (after, _), elapsed = sink.ask("count"), time.perf_counter() - began
        answered = _answered(peer)
        peer.stop_floods()
        flood.wait()
    return {"% of the limit": _share((after - before) / elapsed), "% of pings answered": answered}


def _settle(peer: GoPeer) -> None:
    """The burst that a limit allows at the start, and what the kernel takes in, are not what is measured."""
    time.sleep(SETTLE_S)


def _share(bytes_per_sec: float) -> float:
    return 100 * bytes_per_sec * PACKETS_PER_DATA / RATE


def _answered(peer: GoPeer) -> float:
    """Of the pings either has sent; 0 when a missing pong has ended the connection. The last may be on its way."""
    if not peer.peers():
        return 0.0
    seen = peer.stats()
    due = max(1, seen.pings_sent - 1) + max(1, seen.pings_received)
    return min(100.0, 100 * (seen.pongs_received + seen.pongs_sent) / due)
