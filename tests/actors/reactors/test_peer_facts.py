"""What is known of a peer without asking: see also test_peer_handle.py."""

from __future__ import annotations

from peerage.actors.reactors.peer_facts import PeerFacts
from tests.actors.reactors.stage import ANNA, CHANNEL, info, peer


def test_facts_are_those_of_the_connection() -> None:
    """Nobody is asked."""
    facts = PeerFacts(info())
    assert (facts.id, facts.remote_ip, facts.socket_address) == (ANNA, "127.0.0.1", "127.0.0.1:1")
    assert (facts.is_outbound, facts.is_persistent) == (False, True)
    assert facts.node_info.moniker == "m"
    assert facts.has_channel(CHANNEL)
    assert not facts.has_channel(0x01)


def test_handles_of_one_connection_are_equal() -> None:
    """As keys of a dictionary, too; those of two connections of one node are not."""
    assert peer() == peer()
    assert {peer(): 1}[peer()] == 1
    assert peer() != peer(connection="two")
    assert peer() != "one"
    assert repr(peer()) == f"<Peer {ANNA} 127.0.0.1:1 inbound>"
