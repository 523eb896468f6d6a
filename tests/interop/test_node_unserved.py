"""A remote that sends on channels of its own, as v2.0.0-rc1 does without looking at what its peer announced."""

from __future__ import annotations

import re
import urllib.request

import pytest

from peerage.supervisors.node.node import Node
from peerage.wire.packet import PacketMsg, encode_packet
from peerage.wire.pex import PEX_CHANNEL, PexRequest
from tests.interop.conftest import StartGoPeer
from tests.interop.test_node_seed import tell_of_somebody
from tests.nodes import HIGH, NodeLog, StartNode, wait_until

pytestmark = pytest.mark.interop

BLOCKSYNC, MEMPOOL, NOBODYS = 0x40, 0x30, 0x41
METRICS = {"prometheus": True, "prometheus_listen_addr": "127.0.0.1:0"}


def unserved(node: Node) -> dict[str, float]:
    """The metric of dropped packets, by channel."""
    address = node.metrics_addresses()[0].replace("tcp://", "http://")
    with urllib.request.urlopen(f"{address}/metrics", timeout=5.0) as response:
        text = response.read().decode()
    rows = re.findall(
        r'^cometbft_p2p_unserved_packets_total\{.*?chID="([^"]*)".*?\} (\S+)$', text, re.MULTILINE
    )
    return {channel: float(count) for channel, count in rows}


def test_packets_on_a_channel_that_only_the_remote_announced_leave_the_peer_where_it_is(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog
) -> None:
    """They are counted by channel, half messages too, and what we do have is echoed meanwhile."""
    node = start_node(instrumentation=METRICS)
    peer = go_peer(
        mode="raw",
        channels=[{"id": HIGH, "priority": 5}],
        announce=[HIGH, BLOCKSYNC, MEMPOOL],
        report_messages=True,
    )
    peer.dial(node.address)
    wait_until(node.peers)
    half = encode_packet(PacketMsg(MEMPOOL, False, bytes(1000)))
    peer.write(node.node_id, encode_packet(PacketMsg(BLOCKSYNC, True, b"status?")) + half * 100)
    peer.send(node.node_id, HIGH, b"still here")
    assert peer.wait_for("message", channel=HIGH).data == b"still here"
    assert [each.id for each in node.peers()] == [peer.id]
    wait_until(lambda: unserved(node) == {"0x40": 1.0, "0x30": 100.0})
    peer.write(node.node_id, encode_packet(PacketMsg(NOBODYS, True, b"x")))
    peer.wait_for("peer_removed", peer=node.node_id)
    stopped = node_log.wait_for("peer stopped", peer=peer.id)
    assert stopped["reason"] == "a packet for the unknown channel 0x41"


def test_a_caller_at_a_seed_that_sends_on_its_own_channels_first_is_answered(
    start_node: StartNode, go_peer: StartGoPeer
) -> None:
    """Its reactors speak up in any order; the request for addresses is the first thing that counts."""
    node = start_node({}, p2p={"pex": True, "seed_mode": True}, instrumentation=METRICS)
    tell_of_somebody(node)
    caller = go_peer(
        mode="raw",
        channels=[{"id": PEX_CHANNEL, "priority": 1}],
        announce=[PEX_CHANNEL, BLOCKSYNC],
        report_messages=True,
    )
    caller.dial(node.address)
    caller.write(node.node_id, encode_packet(PacketMsg(BLOCKSYNC, True, b"status?")))
    caller.send(node.node_id, PEX_CHANNEL, PexRequest().encode())
    caller.wait_for("message", channel=PEX_CHANNEL)
    caller.wait_for("peer_removed", peer=node.node_id)
    wait_until(lambda: unserved(node) == {"0x40": 1.0})
