"""Our seed and who calls it: CometBFT's secret connection at the other end."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.book_client import BookClient
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.supervisors.node.node import Node
from peerage.wire.net_address import NetAddress
from peerage.wire.pex import PexAddrs, PexRequest, decode_pex
from tests.interop.conftest import StartGoPeer
from tests.interop.gopeer import GoPeer, GoPeerError
from tests.nodes import EchoReactor, NodeLog, StartNode, wait_until

pytestmark = pytest.mark.interop

PEX = 0x00
CHANNEL: dict[str, Any] = {"id": PEX, "priority": 1, "send_queue_capacity": 10}
REQUEST = PexRequest().encode()


def seed(start_node: StartNode, **overrides: Any) -> Node:
    """A seed and nothing else."""
    return start_node({}, p2p={"pex": True, "seed_mode": True}, **overrides)


def caller(go_peer: StartGoPeer, **options: Any) -> GoPeer:
    return go_peer(mode="raw", channels=[CHANNEL], report_messages=True, **options)


def address_of(node: Node) -> str:
    return node.address.partition("@")[2]


def tell_of_somebody(node: Node) -> None:
    """So that the seed need not wait for others before it answers."""
    somebody = NetAddress("1" * 40, "127.0.0.1", 1)
    BookClient(node.names.addrbook).call(AddrBook.add, somebody, somebody)


def told(peer: GoPeer) -> list[NetAddress]:
    """The addresses of the next answer."""
    message = decode_pex(peer.wait_for("message", channel=PEX).data)
    assert isinstance(message, PexAddrs)
    return message.net_addresses()


def test_a_caller_is_answered_and_hung_up_on_and_was_no_peer(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog
) -> None:
    """The next one is told of the first, who answered when the seed came back to him."""
    node = seed(start_node)
    known = go_peer(pex=True, seeds=[node.address])
    book = BookClient(node.names.addrbook)
    wait_until(lambda: book.call(AddrBook.is_good, known.id), what="the first caller was visited")
    anna = caller(go_peer)
    anna.dial(node.address)
    anna.send(node.node_id, PEX, REQUEST)
    assert known.address in map(str, told(anna))
    anna.wait_for("peer_removed")
    assert not node_log.records("peer added", peer=anna.id)
    wait_until(lambda: book.call(AddrBook.has, anna.id), what="what a caller says of itself is heard")


def test_who_calls_and_asks_nothing_becomes_a_peer(start_node: StartNode, go_peer: StartGoPeer) -> None:
    """And is answered and sent away when he asks after all."""
    node, quiet = seed(start_node), caller(go_peer)
    tell_of_somebody(node)
    quiet.dial(node.address)
    wait_until(lambda: [peer.id for peer in node.peers()] == [quiet.id])
    quiet.send(node.node_id, PEX, REQUEST)
    told(quiet)
    quiet.wait_for("peer_removed")
    wait_until(lambda: not node.peers())


def test_a_caller_who_tells_instead_of_asking_is_banned(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog
) -> None:
    """As any peer would be; he is then refused at the door."""
    node, rude = seed(start_node), caller(go_peer)
    rude.dial(node.address)
    rude.send(node.node_id, PEX, PexAddrs().encode())
    node_log.wait_for("peer banned", peer=rude.id, reason="sent addresses unasked")
    wait_until(lambda: not node.peers())
    with pytest.raises(GoPeerError, match="node info"):
        rude.dial(node.address)
    record = node_log.wait_for("peer refused", reason="banned")
    assert record["detail"].endswith("sent addresses unasked")


def test_who_calls_too_soon_waits_for_his_turn_on_his_newest_connection(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog
) -> None:
    """Two calls are free; who comes back and does not wait loses that call, and no more."""
    node, early = seed(start_node), caller(go_peer)
    tell_of_somebody(node)
    for _ in range(2):
        early.dial(node.address)
        early.send(node.node_id, PEX, REQUEST)
        told(early)
        early.wait_for("peer_removed")
    early.dial(node.address)
    early.send(node.node_id, PEX, REQUEST)
    early.dial(node.address)
    early.send(node.node_id, PEX, REQUEST)
    refused = node_log.wait_for("peer refused", reason="asked too often")
    assert refused["detail"] == "called once more over another connection"
    assert not node_log.records("peer banned")


def test_a_seed_with_a_reactor_of_its_own_has_peers(start_node: StartNode, go_peer: StartGoPeer) -> None:
    """Who comes may have come for that reactor: it sees everybody, and who asks is sent away all the same."""
    node = start_node({"ECHO": EchoReactor}, p2p={"pex": True, "seed_mode": True})
    tell_of_somebody(node)
    both = go_peer(mode="raw", channels=[CHANNEL, {"id": 0x50, "priority": 1}], report_messages=True)
    both.dial(node.address)
    both.send(node.node_id, 0x50, b"x")
    both.wait_for("message", channel=0x50)
    both.send(node.node_id, PEX, REQUEST)
    told(both)
    both.wait_for("peer_removed")


def test_a_seed_whose_places_are_all_taken_answers_callers_all_the_same(
    start_node: StartNode, go_peer: StartGoPeer
) -> None:
    """They become no peers, so they need no place of one. The peers stay as many as there may be."""
    node = start_node({}, p2p={"pex": True, "seed_mode": True, "max_num_inbound_peers": 8})
    crowd, anna = caller(go_peer), caller(go_peer)
    tell_of_somebody(node)
    crowd.dial_crowd(node.address, 8)
    wait_until(lambda: len(node.peers()) == 8)
    anna.dial(node.address)
    anna.send(node.node_id, PEX, REQUEST)
    told(anna)
    anna.wait_for("peer_removed")
    assert len(node.peers()) == 8


def test_rounds_of_fresh_callers_are_all_answered(start_node: StartNode, go_peer: StartGoPeer) -> None:
    """Many side by side: none is lost, none is left connected."""
    node, crowd = seed(start_node), caller(go_peer)
    tell_of_somebody(node)
    done = crowd.seed_rounds(address_of(node), secs=1.0, parallel=8)
    assert done["rounds"] > 0
    assert done["failures"] == {}
    assert not node.peers()


def test_a_banned_network_is_refused_before_any_byte(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog
) -> None:
    """No cryptography for whom the operator does not want: the connection is closed at once."""
    node = seed(start_node)
    BookClient(node.names.addrbook).call(BadPeers.ban, "127.0.0.0/8", 3600.0, "scans us")
    unwanted = caller(go_peer)
    with pytest.raises(GoPeerError, match="secret connection"):
        unwanted.dial(node.address)
    record = node_log.wait_for("peer refused", reason="banned")
    assert record["detail"].startswith("127.0.0.0/8 is banned until 20")
    assert record["detail"].endswith("scans us")
