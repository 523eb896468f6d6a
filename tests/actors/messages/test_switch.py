"""actors/messages/switch.py: what the switch is told and asked."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from peerage.actors.discovery.book.offences import Offence
from peerage.actors.loss import LossReason
from peerage.actors.messages import (
    AddPersistent,
    AddPrivate,
    AddUnconditional,
    AdmitConnection,
    AdmitPeer,
    ConnectionEnded,
    CountPeers,
    DialPeer,
    DialPeersAsync,
    GetPeers,
    GetPrivatePeers,
    MarkGood,
    NumPeers,
    PeerStarted,
    PrivatePeers,
    Tried,
    TryAddress,
)
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.wire.net_address import NetAddress
from tests.actors.messages.samples import FACTS, NODE_INFO, PEER, PEER_ID, REF, carried

ADDRESS = f"{PEER_ID}@192.0.2.1:26656"
NET_ADDRESS = NetAddress.parse(ADDRESS)
MESSAGES = [
    AdmitConnection(FACTS),
    AdmitPeer(FACTS, PEER_ID, NODE_INFO, REF),
    PeerStarted(PEER),
    ConnectionEnded(FACTS, Refusal(RefusalReason.SELF, "ourselves"), "why", is_error=True, tried=Tried(0.1)),
    ConnectionEnded(FACTS, reason="why", is_error=True, peer_id=PEER_ID, loss=LossReason.EVICTED),
    ConnectionEnded(replace(FACTS, peer=PEER), offence=Offence.WRONG_ID),
    DialPeer(ADDRESS),
    DialPeer(NET_ADDRESS),
    TryAddress(NET_ADDRESS),
    DialPeersAsync((ADDRESS,), private=True),
    AddPersistent((ADDRESS,)),
    AddUnconditional((PEER_ID,)),
    AddPrivate((PEER_ID,)),
    GetPrivatePeers(),
    PrivatePeers(frozenset({PEER_ID})),
    GetPeers(),
    CountPeers(),
    NumPeers(outbound=1, inbound=2, dialling=3),
    MarkGood(PEER_ID),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_it_survives_the_way_to_the_switch(message: object) -> None:
    assert carried(message) == message


def test_an_end_is_graceful_unless_something_else_is_said() -> None:
    ended = ConnectionEnded(FACTS)
    assert (ended.refusal, ended.reason, ended.is_error, ended.tried) == (None, "", False, None)


def test_a_dial_is_for_once_and_waited_for_unless_something_else_is_said() -> None:
    assert (DialPeer(ADDRESS).persistent, DialPeer(ADDRESS).wait) == (False, True)
    many = DialPeersAsync((ADDRESS,))
    assert (many.persistent, many.unconditional, many.private) == (False, False, False)
