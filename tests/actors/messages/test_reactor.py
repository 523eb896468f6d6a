"""actors/messages/reactor.py: what a reactor is told and asked of its peers."""

from __future__ import annotations

import pytest

from peerage.actors.messages import (
    AskForAddresses,
    CallersAnswered,
    Credits,
    RemovePeer,
    SeedRequestDropped,
    StandingAnswer,
)
from tests.actors.messages.samples import PEER_ID, carried

MESSAGES = [
    RemovePeer("c-1", "it hung up"),
    Credits("c-1", {0x50: 7}),
    AskForAddresses(PEER_ID, "tcp://192.0.2.1:26656", "c-1", "192.0.2.1"),
    SeedRequestDropped(PEER_ID, "c-1"),
    StandingAnswer(b"addresses", 1.0, 2.0, frozenset({"1.2.0.0"})),
    CallersAnswered(((PEER_ID, "tcp://192.0.2.1:26656", "192.0.2.1"),), 300),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_it_survives_the_way_to_the_reactor(message: object) -> None:
    assert carried(message) == message
