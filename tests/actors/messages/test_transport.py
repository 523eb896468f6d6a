"""actors/messages/transport.py: what a peer host is told and asked."""

from __future__ import annotations

import pytest

from peerage.actors.messages import (
    AnnouncePeers,
    Dial,
    EvictPeers,
    GetPeerStatuses,
    KeepNotes,
    ListConnections,
    StopAccepting,
    SwitchNotes,
    TransportState,
)
from peerage.wire.net_address import NetAddress
from tests.actors.messages.samples import FACTS, PEER_ID, carried

DIAL = Dial("c-1", NetAddress(PEER_ID, "192.0.2.1", 26656))
MESSAGES = [
    DIAL,
    EvictPeers(3),
    KeepNotes(SwitchNotes(7, ("address",))),
    ListConnections(),
    TransportState((FACTS,), SwitchNotes()),
    AnnouncePeers("ONE"),
    GetPeerStatuses(),
    StopAccepting(1.0),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_it_survives_the_way_to_the_host(message: object) -> None:
    assert carried(message) == message


def test_a_dial_is_for_a_peer_unless_it_is_a_trial() -> None:
    assert not DIAL.is_trial
