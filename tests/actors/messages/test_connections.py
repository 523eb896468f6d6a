"""actors/messages/connections.py: what is known of a connection, and of the peer that it leads to."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from peerage.actors.messages import PeerStatus, SwitchNotes, Tried
from peerage.wire.multiplex import MultiplexConnection
from peerage.wire.net_address import NetAddress, no_names
from tests.actors.messages.samples import ADMISSION, FACTS, NODE_INFO, PEER, PEER_ID, REF, carried


@pytest.mark.parametrize(
    ("ip", "shown"),
    [("192.0.2.1", "192.0.2.1:26656"), ("2001:db8::1", "[2001:db8::1]:26656"), ("::1", "[::1]:26656")],
)
def test_the_other_ends_address_is_one_that_parsers_take(ip: str, shown: str) -> None:
    """Also of an IPv6 connection: filters and logs see the same text."""
    facts = replace(FACTS, remote_ip=ip)
    assert facts.socket_address == shown
    assert str(NetAddress.parse(f"{PEER_ID}@{shown}", no_names).host) == ip


def test_a_peer_is_its_connection_its_id_and_what_the_switch_knows_of_it() -> None:
    """Built in one place, for filters before it runs and for reactors after."""
    assert (PEER.connection, PEER.host, PEER.remote_ip) == (FACTS.connection, FACTS.host, FACTS.remote_ip)
    assert (PEER.socket_address, PEER.is_outbound) == (FACTS.socket_address, FACTS.is_outbound)
    assert (PEER.id, PEER.node_info, PEER.ref) == (PEER_ID, NODE_INFO, REF)
    assert PEER.is_persistent is ADMISSION.is_persistent
    assert PEER.is_unconditional is ADMISSION.is_unconditional
    assert (PEER.credits, PEER.since, PEER.latency) == ((), 0.0, 0.0)


def test_all_of_them_survive_the_way_to_another_process() -> None:
    status = PeerStatus(PEER, MultiplexConnection((), now=0.0).status(0.0))
    for value in (FACTS, replace(FACTS, peer=PEER), PEER, ADMISSION, Tried(0.5), status):
        assert carried(value) == value


def test_a_switch_begins_with_notes_that_any_others_replace() -> None:
    """The highest revision is the newest."""
    assert SwitchNotes() == SwitchNotes(0, (), frozenset(), frozenset())
