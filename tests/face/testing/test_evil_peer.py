"""A peer that does not keep the rules, at a whole node and at one that breaks rules itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from peerage import ChannelDescriptor, Envelope, Node, Reactor
from peerage.actors.runtime import System
from peerage.testing import EvilPeer, connected_nodes, misbehave, misbehaviours, wait_until
from peerage.wire.frames import FRAME_SEALED
from tests.face.conformance.model import Kind, ModelNode

CHANNEL = 0x60


class Echo(Reactor):
    channels: ClassVar = (ChannelDescriptor(id=CHANNEL, send_queue_capacity=10, recv_message_capacity=100),)

    def receive(self, envelope: Envelope) -> None:
        envelope.source.try_send(CHANNEL, bytes(envelope.message))


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with connected_nodes(1, {"ECHO": Echo}) as (node,):
        yield node
    System.current().shutdown()


def test_it_is_a_peer_as_long_as_it_behaves(node: Node) -> None:
    """With an ID of its own, and the node's network and channels."""
    with EvilPeer(node) as evil:
        wait_until(lambda: evil.id in [peer.id for peer in node.peers()])
        evil.send(CHANNEL, b"one", b"two")
        assert evil.expect(CHANNEL, b"one")
        assert evil.expect(CHANNEL) == b"two"
        evil.expect_served()
        evil.hang_up()
        wait_until(lambda: evil.id not in [peer.id for peer in node.peers()])


def test_what_breaks_a_rule_ends_its_connection_alone(node: Node) -> None:
    with EvilPeer(node) as honest:
        for harm in (
            lambda evil: evil.send_plaintext(b"\xff" * 20),
            lambda evil: evil.send_raw(bytes(FRAME_SEALED)),
            lambda evil: evil.send(CHANNEL, bytes(101)),
            lambda evil: [evil.send_part(CHANNEL, bytes(60)) for _ in range(2)],
        ):
            with EvilPeer(node) as evil:
                harm(evil)
                evil.expect_ended()
        honest.expect_served()


@pytest.mark.parametrize("handshake", ["none", "keys", "proof"])
def test_it_stops_in_the_middle_of_the_handshake(node: Node, handshake: str) -> None:
    """And says something else."""
    with EvilPeer(node.address, handshake=handshake) as evil:  # type: ignore[arg-type]
        evil.send_raw(b"\x00" * 4096)
        evil.expect_ended()


def test_channels_of_its_own(node: Node) -> None:
    """A node has nothing to say to a peer without a channel of its own."""
    with EvilPeer(node, channels=b"\x71") as evil:
        evil.expect_ended()


def test_it_goes_the_hard_way(node: Node) -> None:
    with EvilPeer(node) as evil:
        wait_until(lambda: evil.id in [peer.id for peer in node.peers()])
        evil.ignore_pings()
        evil.reset()
        wait_until(lambda: evil.id not in [peer.id for peer in node.peers()])


def test_what_does_not_come_is_said(node: Node) -> None:
    """As everywhere in the kit: an AssertionError."""
    with EvilPeer(node) as evil:
        with pytest.raises(AssertionError, match=r"no message on 0x60 within 0\.05 s: the node is silent"):
            evil.expect(CHANNEL, timeout=0.05)
        evil.send(CHANNEL, b"one")
        with pytest.raises(AssertionError, match="b'one' came on 0x60, b'two' was expected"):
            evil.expect(CHANNEL, b"two")
        with pytest.raises(AssertionError, match="has not ended the connection"):
            evil.expect_ended(timeout=0.05)
        evil.send_plaintext(b"\xff" * 20)
        with pytest.raises(AssertionError, match="no pong"):
            evil.expect_served()


def test_it_is_connected_within_its_block_only(node: Node) -> None:
    with pytest.raises(RuntimeError, match="within its `with` only"):
        EvilPeer(node).send(CHANNEL, b"x")


def test_a_node_that_keeps_the_rules_passes_the_named_cases(node: Node) -> None:
    """By group, and by pattern."""
    results = misbehave(node, "pings", "packets: *channel*")
    assert {each.group.key for each in results} == {"pings", "packets"}


def test_a_node_that_does_not_is_told_of_case_and_rule() -> None:
    name = "packets: a packet of an unknown kind"
    with (
        ModelNode(Kind.FORGIVING) as node,
        pytest.raises(AssertionError, match=f"1 of 1 cases failed\n{name}: ended"),
    ):
        misbehave(node.address, name, patience=0.5)


def test_a_name_that_fits_no_case_is_an_error(node: Node) -> None:
    with pytest.raises(ValueError, match="'pongs' fits no case"):
        misbehave(node, "pongs")


def test_the_cases_have_names() -> None:
    names = misbehaviours()
    assert len(names) == len(set(names)) > 300
    assert "pings: a ping" in names
