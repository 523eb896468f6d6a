"""Two peer hosts beside one: whether encryption spreads over the cores."""

from __future__ import annotations

import time

from peerage.actors.runtime import System
from peerage.programs.benchmark import BULK_QUEUE, LOW, Sink, cpu_seconds, node_of_ours, received
from tests.bench.pair import PATIENCE_S, go_peer

CONNECTIONS = 4
SIZE = 1 << 20


def inbound_bulk(secs: float, peer_hosts: int) -> dict[str, float]:
    """Four connections that one CometBFT process has dialled flood our reactor."""
    with (
        node_of_ours({"SINK": Sink}, peer_hosts=str(peer_hosts)) as node,
        go_peer(BULK_QUEUE, mode="raw") as crowd,
    ):
        floods = [
            crowd.flood(member, LOW, secs=PATIENCE_S, size=SIZE, same=True)
            for member in crowd.dial_crowd(node.address, CONNECTIONS)
        ]
        while len(node.peers()) < CONNECTIONS:
            time.sleep(0.01)
        hosts = [facts.pid for facts in System.current().hosts() if "/peers-" in facts.name]
        assert len(hosts) == peer_hosts
        before = [cpu_seconds([pid]) for pid in hosts]
        found = received(node, secs)
        used = [cpu_seconds([pid]) - earlier for pid, earlier in zip(hosts, before, strict=True)]
        crowd.stop_floods()
        for flood in floods:
            flood.wait()
    return {"MB/s": found["MB/s"], "% in the busier host": 100 * max(used) / sum(used)}
