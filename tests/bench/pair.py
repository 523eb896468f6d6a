"""A CometBFT peer at one end, a node of ours at the other: what their connections carry."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from peerage import Reactor
from peerage.programs.benchmark import (
    BULK_QUEUE,
    HIGH,
    LOW,
    WARM_UP_S,
    Echo,
    Flood,
    Flooder,
    Sink,
    node_of_ours,
    received,
)
from tests.interop.gopeer import ChannelOptions, GoPeer

PATIENCE_S = 30.0
PAUSE_S = 0.001  # when the peers are behind


@contextmanager
def go_peer(queue: int, **options: Any) -> Iterator[GoPeer]:
    """CometBFT at the other end, with the channels and limits of its own benchmarks."""
    channels: list[ChannelOptions] = [
        {"id": HIGH, "priority": 10, "send_queue_capacity": queue},
        {"id": LOW, "priority": 1, "send_queue_capacity": queue},
    ]
    with GoPeer(
        network="test", channels=channels, verify=False, max_num_inbound_peers=10_000, **options
    ) as peer:
        yield peer


def to_cometbft(size: int, secs: float) -> dict[str, float]:
    """Our reactor floods a CometBFT peer."""
    with node_of_ours({"FLOOD": Flooder}) as node, go_peer(BULK_QUEUE) as peer:
        node.dial(peer.address)
        node.reactor("FLOOD").tell(Flood(size))
        time.sleep(WARM_UP_S)
        measured = peer.measure(secs)
        node.reactor("FLOOD").tell(Flood(0))
    return {"MB/s": measured["bytes_per_sec"] / 1e6, "messages/s": measured["messages_per_sec"]}


def from_cometbft(size: int, secs: float) -> dict[str, float]:
    """A CometBFT peer floods our reactor."""
    with node_of_ours({"SINK": Sink}) as node, go_peer(BULK_QUEUE) as peer:
        peer.dial(node.address)
        flood = peer.flood(node.node_id, LOW, secs=PATIENCE_S, size=size, same=True)
        found = received(node, secs)
        peer.stop_floods()
        flood.wait()
    return found


def handshakes_with_ours(secs: float, at_once: int) -> dict[str, float]:
    """Full handshakes a second that a CometBFT client gets from our node, each on a new connection."""
    with node_of_ours({"SINK": Sink}, peer_hosts="auto") as node:
        return _handshakes(node.address, secs, at_once)


def handshakes_with_cometbft(secs: float, at_once: int) -> dict[str, float]:
    """The same from CometBFT's switch."""
    with go_peer(BULK_QUEUE) as peer:
        return _handshakes(peer.address, secs, at_once)


def _handshakes(address: str, secs: float, at_once: int) -> dict[str, float]:
    with go_peer(BULK_QUEUE, mode="raw", handshakes_only=True) as client:
        found = client.handshakes(address, secs=secs, parallel=at_once, anew=True)
    return {"handshakes/s": found["per_sec"]}


class Broadcaster(Reactor):
    """Broadcasts without pause from the first message it is told."""

    channels = Echo.channels

    def handle(self, message: object) -> None:
        self._message = bytes(int(str(message)))
        self._burst()

    def _burst(self) -> None:
        while self.broadcast(HIGH, self._message):
            pass
        self.runtime.call_later(PAUSE_S, self._burst)


def broadcasts(size: int, secs: float, peers: int = 50) -> dict[str, float]:
    """Messages a second that each of so many CometBFT peers gets of what our reactor broadcasts."""
    with (
        node_of_ours({"CAST": Broadcaster}, peer_hosts="auto") as node,
        go_peer(BULK_QUEUE, mode="raw") as crowd,
    ):
        crowd.dial_crowd(node.address, peers)
        while len(node.peers()) < peers:
            time.sleep(0.01)
        node.reactor("CAST").tell(size)
        time.sleep(WARM_UP_S)
        measured = crowd.measure(secs)
    return {"broadcasts/s": measured["messages_per_sec"] / peers}
