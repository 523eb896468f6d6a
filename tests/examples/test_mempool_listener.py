"""examples/mempool_listener.py, with transactions of CometBFT peers."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Any

import pytest

from examples.mempool_listener import GetSightings, MempoolListener, Report, Sighting
from peerage.actors.runtime import ActorRef
from peerage.messages import MEMPOOL, mempool
from peerage.testing import ReactorHarness, wait_until
from tests.interop.conftest import StartGoPeer, go_peer, go_version, pytest_runtestloop
from tests.nodes import StartNode, node_log, node_system, start_node, system_log_file

__all__ = [
    "go_peer",
    "go_version",
    "node_log",
    "node_system",
    "pytest_runtestloop",
    "start_node",
    "system_log_file",
]


def message(*txs: bytes) -> bytes:
    return mempool.Message(txs=mempool.Txs(txs=txs)).SerializeToString()


def has_come(listener: ActorRef[Any], messages: int) -> bool:
    report: Report = listener.ask(GetSightings())
    return report.messages == messages


@pytest.mark.interop
def test_transactions_of_two_cometbft_peers_are_each_noted_once(
    start_node: StartNode, go_peer: StartGoPeer
) -> None:
    """With the hash that CometBFT gives them, and who brought them first."""
    node = start_node({"MEMPOOL": MempoolListener})
    channel = {"id": MEMPOOL.id, "priority": MEMPOOL.priority, "send_queue_capacity": 10}
    peers = [go_peer(channels=[channel]) for _ in range(2)]
    listener = node.reactor("MEMPOOL")
    for number, peer in enumerate(peers, 1):
        node.dial(peer.address)
        peer.send(node.node_id, MEMPOOL.id, message(b"both=1", b"of=%d" % number))
        wait_until(partial(has_come, listener, number))
    found = listener.ask(GetSightings())
    assert found.transactions == 3
    assert found.last == [
        Sighting(hashlib.sha256(tx).hexdigest().upper(), len(tx), peer.id)
        for tx, peer in ((b"of=1", peers[0]), (b"both=1", peers[0]), (b"of=2", peers[1]))
    ]


def test_it_forgets_what_is_old_and_parts_with_nonsense(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded, whatever comes."""
    monkeypatch.setattr("examples.mempool_listener.MOST_REMEMBERED", 10)
    with ReactorHarness(MempoolListener) as harness:
        peer, other = harness.connect(), harness.connect()
        peer.send(MEMPOOL.id, message(*(b"%d" % number for number in range(25))))
        peer.wait_until_handled()
        assert [each.size for each in harness.ask(GetSightings()).last] == [2] * 10
        assert harness.ask(GetSightings(0)).last == []
        other.send(MEMPOOL.id, b"\xff")
        assert "DecodeError" in other.expect_stopped()
        assert wait_until(partial(harness.ask, GetSightings())).transactions == 25
