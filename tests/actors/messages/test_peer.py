"""actors/messages/peer.py: what a peer actor is told and asked."""

from __future__ import annotations

import pytest

from peerage.actors.messages import (
    Consumed,
    FlushStop,
    GetPeerValue,
    GetStatusOfPeer,
    IntroducePeer,
    ProbePeer,
    SetPeerValue,
    StopPeer,
)
from tests.actors.messages.samples import carried

MESSAGES = [
    Consumed("ONE", 1000, 3),
    ProbePeer(),
    StopPeer("it lied", is_error=True),
    FlushStop(5.0),
    GetStatusOfPeer(),
    GetPeerValue("height"),
    SetPeerValue("height", 7),
    IntroducePeer("ONE"),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_it_survives_the_way_to_a_peer_in_a_process_of_its_own(message: object) -> None:
    assert carried(message) == message
