"""actors/peers/seed_request.py: what the first message at a seed's door decides."""

from __future__ import annotations

import pytest

from peerage.actors.peers.seed_request import FirstMessage, SeedDoor
from peerage.wire.packet import MessageReceived, MessageRun, PingReceived
from peerage.wire.pex import PEX_CHANNEL, PexRequest

REQUEST = MessageReceived(PEX_CHANNEL, PexRequest().encode())
PING = PingReceived()


def test_a_request_for_addresses_is_answered_at_the_door() -> None:
    door = SeedDoor()
    assert door.hear([PING, REQUEST]) is FirstMessage.REQUEST
    assert door.asked


@pytest.mark.parametrize(
    "message",
    [MessageReceived(PEX_CHANNEL, b"something else"), MessageReceived(0x50, REQUEST.data)],
    ids=["another message", "another channel"],
)
def test_whatever_else_is_said_makes_a_peer(message: MessageReceived) -> None:
    """It is kept for the peer, with what came around it."""
    door = SeedDoor()
    assert door.hear([PING]) is None
    assert door.hear([message, REQUEST]) is FirstMessage.OTHER
    assert not door.asked
    assert door.heard == [PING, message, REQUEST]


def test_joined_messages_are_heard_one_by_one() -> None:
    door = SeedDoor()
    assert door.hear([MessageRun.of(PEX_CHANNEL, [REQUEST.data, b"more"])]) is FirstMessage.REQUEST
    assert door.heard == [REQUEST, MessageReceived(PEX_CHANNEL, b"more")]


def test_pings_decide_nothing() -> None:
    door = SeedDoor()
    assert door.hear([PING]) is None
    assert not door.asked


def test_behind_a_request_nothing_is_heard() -> None:
    """A second request would be one too early (reference 8)."""
    door = SeedDoor()
    door.hear([REQUEST])
    assert door.hear([REQUEST, MessageReceived(0x50, b"one")]) is None
    assert door.heard == [REQUEST]
