"""Peer exchange with CometBFT's own PEX reactor at the other end. (Its rules one by one: tests/discovery.)"""

from __future__ import annotations

import pytest

from peerage.actors.book_client import BookClient
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.bans import BanList
from peerage.supervisors.node.node import Node
from tests.interop.conftest import StartGoPeer
from tests.nodes import NodeLog, StartNode, wait_until

pytestmark = pytest.mark.interop

PEX = 0x00


def book_of(node: Node) -> BookClient:
    return BookClient(node.names.addrbook)


def ids_of(node: Node) -> set[str]:
    return {peer.id for peer in node.peers()}


def test_a_cometbft_peer_is_told_of_the_addresses_we_know(
    start_node: StartNode, go_peer: StartGoPeer
) -> None:
    """It asks us when it has dialled us, and dials whom we name."""
    node = start_node(p2p={"pex": True})
    known = go_peer(pex=True)
    asker = go_peer(pex=True, ensure_peers_period_ms=500)
    known.dial(node.address)  # an inbound peer's self-reported address enters the book
    wait_until(lambda: book_of(node).call(AddrBook.has, known.id), what="the inbound peer is in the book")
    asker.dial(node.address)
    wait_until(lambda: known.id in asker.peers(), timeout=20.0, what="the asker found the other through us")


def test_a_node_finds_peers_through_a_cometbft_seed(start_node: StartNode, go_peer: StartGoPeer) -> None:
    """The seed answers and hangs up; what it named is dialled at once."""
    seed = go_peer(pex=True, seed_mode=True, ensure_peers_period_ms=500)
    known = go_peer(pex=True, seeds=[seed.address])
    seed.wait_for("peer_added", peer=known.id)  # and has hung up again, perhaps
    node = start_node(p2p={"pex": True, "seeds": seed.address})
    wait_until(lambda: known.id in ids_of(node), timeout=30.0, what="found through the seed")


def test_an_unasked_answer_stops_the_peer_and_bans_it(start_node: StartNode, go_peer: StartGoPeer) -> None:
    """Reference 8: an unasked PexAddrs, even empty."""
    node = start_node(p2p={"pex": True})
    rude = go_peer(channels=[{"id": PEX, "priority": 1, "send_queue_capacity": 10}])
    us = rude.dial(node.address)
    wait_until(lambda: book_of(node).call(AddrBook.has, rude.id), what="in the book")
    rude.send(us, PEX, b"\x12\x00")
    wait_until(lambda: rude.id not in ids_of(node), what="stopped")
    wait_until(lambda: book_of(node).call(BanList.holds, rude.id), what="banned")


@pytest.mark.parametrize(
    "message", [b"", b"\xff\xff", b"\x1a\x00"], ids=["empty", "undecodable", "no known kind"]
)
def test_what_is_no_pex_message_stops_the_peer_without_a_ban(
    start_node: StartNode, go_peer: StartGoPeer, message: bytes
) -> None:
    """Reference 8: undecodable, empty or of no known kind."""
    node = start_node(p2p={"pex": True})
    broken = go_peer(channels=[{"id": PEX, "priority": 1, "send_queue_capacity": 10}])
    us = broken.dial(node.address)
    wait_until(lambda: broken.id in ids_of(node), what="connected")
    broken.send(us, PEX, message)
    wait_until(lambda: broken.id not in ids_of(node), what="stopped")
    assert not book_of(node).call(BanList.holds, broken.id)


def test_what_the_book_acknowledged_is_there_after_a_restart_of_the_node(
    start_node: StartNode, go_peer: StartGoPeer
) -> None:
    """Nothing acknowledged is lost; the file for CometBFT is written on stop."""
    node = start_node(p2p={"pex": True})
    known = go_peer(pex=True)
    known.dial(node.address)
    wait_until(lambda: book_of(node).call(AddrBook.has, known.id), what="in the book")
    node.stop()
    assert known.id in node.config.addr_book_path.read_text()
    again = start_node(p2p={"pex": True}, home=node.config.home.path)
    assert book_of(again).call(AddrBook.has, known.id)


@pytest.mark.parametrize("hosts", [0, 2])
def test_a_full_node_lets_an_outbound_peer_go_for_another_of_its_book(
    start_node: StartNode, go_peer: StartGoPeer, node_log: NodeLog, hosts: int
) -> None:
    """It is not dialled again at once, and is no offender. Where peers have processes of their own, too."""
    peers = [go_peer(), go_peer()]
    node = start_node(
        p2p={"pex": True, "max_num_outbound_peers": 1},
        peerage={
            "rotate_peers": 1.0,
            "bootstrap_peers": [peer.address for peer in peers],
            "peer_hosts": hosts,
        },
    )
    first, second = wait_until(
        lambda: sorted(peers, key=lambda peer: peer.id not in ids_of(node)) if ids_of(node) else ()
    )
    node_log.wait_for("peer stopped", 30.0, peer=first.id, reason="rotated: another address has its turn")
    wait_until(lambda: ids_of(node) == {second.id}, what="the other one is connected")
    assert not book_of(node).call(BanList.holds, first.id)
