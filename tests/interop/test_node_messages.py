"""Messages between a node and a CometBFT peer: whole, in order, both ways, whoever dialled."""

from __future__ import annotations

from typing import ClassVar

import pytest

from peerage import ChannelDescriptor, Node
from tests.interop.conftest import StartGoPeer
from tests.interop.gopeer import GoPeer, StreamDigest, payload
from tests.nodes import HIGH, LOW, Cast, Flood, Seen, SinkReactor, StartNode, wait_until

SIZES = (0, 1, 1023, 1024, 1025, 65_536, 1_048_576, 22_020_096)
FLOOD_MESSAGES = 100_000
DIRECTIONS = ("ours dials", "theirs dials")


def connect(direction: str, node: Node, peer: GoPeer) -> None:
    """Connect the two, dialled by one of them, and wait until both have the other."""
    if direction == "ours dials":
        node.dial(peer.address)
    else:
        peer.dial(node.address)
    peer.wait_for("peer_added", peer=node.node_id)
    found = wait_until(node.peers)
    assert [each.id for each in found] == [peer.id]
    assert found[0].is_outbound == (direction == "ours dials")


def digest_of(messages: list[tuple[int, int]]) -> str:
    """The stream digest of numbered messages, each given as (number, size)."""
    digest = StreamDigest()
    for number, size in messages:
        digest.add(payload(number, size))
    return digest.hexdigest()


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_messages_of_every_size_come_back_byte_for_byte_and_in_order(
    start_node: StartNode, go_peer: StartGoPeer, direction: str
) -> None:
    """Two channels of different priority at the same time; each carries every size twice, echoed by our reactor.

    The empty ones go alone: CometBFT loses those it sends while another channel is preferred (reference 12).
    """
    node, peer = start_node(), go_peer()
    connect(direction, node, peer)
    sizes = [0, *SIZES[1:], *reversed(SIZES[1:])]
    for channel in (HIGH, LOW):
        peer.send_numbered(node.node_id, channel, 0, 0)
        assert peer.expect(node.node_id, channel, 1)
    for channel in (HIGH, LOW):  # both are queued before either is done
        for number, size in enumerate(sizes[1:], 1):
            peer.post("send", peer=node.node_id, channel=channel, number=number, size=size)
    expected = digest_of(list(enumerate(sizes)))
    for channel in (HIGH, LOW):
        assert peer.expect(node.node_id, channel, len(sizes))
        tally = peer.tally(node.node_id, channel)
        assert tally.sent_digest == expected
        assert tally.received_digest == expected
    assert [each.id for each in node.peers()] == [peer.id]


def test_flood_of_small_messages_is_echoed_without_a_loss(
    start_node: StartNode, go_peer: StartGoPeer
) -> None:
    """100,000 messages of 200 bytes to our echo and back: all of them, in order."""
    node, peer = start_node(), go_peer()
    connect("theirs dials", node, peer)
    sent = peer.flood(node.node_id, HIGH, count=FLOOD_MESSAGES, size=200)
    assert peer.expect(node.node_id, HIGH, FLOOD_MESSAGES)
    assert sent.wait().sent == FLOOD_MESSAGES
    tally = peer.tally(node.node_id, HIGH)
    assert tally.received_digest == tally.sent_digest
    assert (tally.received, tally.disorder, tally.duplicates) == (FLOOD_MESSAGES, 0, 0)


def test_flood_from_our_reactor_arrives_whole_while_another_comes_in(
    start_node: StartNode, go_peer: StartGoPeer
) -> None:
    """Both directions at full rate on both channels: counts and digests agree at both ends."""
    count = 20_000
    node, peer = start_node({"SINK": SinkReactor}), go_peer()
    connect("ours dials", node, peer)
    theirs = peer.flood(node.node_id, LOW, count=count, size=200)
    sink = node.reactor("SINK")
    accepted = sink.ask(Flood(peer.id, HIGH, count, 200), timeout=60.0)
    assert accepted == count
    assert peer.expect(node.node_id, HIGH, count)
    assert theirs.wait().sent == count
    expected = digest_of([(number, 200) for number in range(count)])
    assert peer.tally(node.node_id, HIGH).received_digest == expected
    wait_until(lambda: sink.ask((peer.id, LOW)).count == count)
    assert sink.ask((peer.id, LOW)) == Seen(count, count * 200, expected)


class Caster(SinkReactor):
    """With places for one message per peer."""

    channels: ClassVar = (ChannelDescriptor(id=HIGH, send_queue_capacity=1),)


@pytest.mark.parametrize(("peer_hosts", "size"), [("2", 200), ("2", 5000), ("0", 200)])
def test_a_burst_of_broadcasts_reaches_every_peer_in_order(
    start_node: StartNode, go_peer: StartGoPeer, peer_hosts: str, size: int
) -> None:
    """Of two peer hosts, and of peers in processes of their own (0): none is lost on the way."""
    count, peers = 1000, 6
    node = start_node({"SINK": Caster}, peerage={"peer_hosts": peer_hosts})
    crowd = go_peer(mode="raw")
    members = crowd.dial_crowd(node.address, peers)
    wait_until(lambda: len(node.peers()) == peers)
    assert node.reactor("SINK").ask(Cast(HIGH, count, size)) == count
    expected = digest_of([(number, size) for number in range(count)])
    for member in members:
        assert crowd.expect(member, HIGH, count)
        assert crowd.tally(member, HIGH).received_digest == expected


def test_the_node_broadcasts_too(start_node: StartNode, go_peer: StartGoPeer) -> None:
    """From the embedding program, to all peers; and the graceful end comes after what was broadcast."""
    node, crowd = start_node(), go_peer(mode="raw", report_messages=True)
    crowd.dial_crowd(node.address, 3)
    wait_until(lambda: len(node.peers()) == 3)
    for number in range(50):
        node.broadcast(HIGH, payload(number, 100))
    node.stop()
    wait_until(lambda: sum(tally.received for tally in crowd.stats().channels.values()) == 150)


@pytest.mark.slow
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_pings_are_answered_both_ways(start_node: StartNode, go_peer: StartGoPeer, direction: str) -> None:
    """Each side pings every second and drops a peer that does not answer in nearly as long: neither does."""
    node = start_node(peerage={"ping_interval": 1.0, "pong_timeout": 0.99})
    peer = go_peer(ping_interval_ms=1000, pong_timeout_ms=990)
    connect(direction, node, peer)
    connection = node.peers()[0].info.connection

    def rounds() -> bool:
        seen = peer.stats()
        return min(seen.pings_sent, seen.pongs_received, seen.pings_received, seen.pongs_sent) >= 2

    wait_until(rounds, what="two pings and pongs each way")
    assert [each.info.connection for each in node.peers()] == [connection]
    assert not peer.history("peer_removed")
