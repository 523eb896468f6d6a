"""actors/messages/steering.py: what the operator of a running node asks of its parts."""

from __future__ import annotations

import pytest

from peerage.actors.messages.steering import (
    AlterSettings,
    ApplyConfig,
    Change,
    ChildSnapshot,
    ClosedPeer,
    ClosePeers,
    DescribeNode,
    DropPersistent,
    GetPeerLists,
    NodeDescription,
    PeerListsSnapshot,
    Reconfigure,
    Reconfigured,
)
from peerage.config import Config
from tests.actors.messages.samples import PEER_ID, carried

CONFIG = Config(network="test")
CHANGE = Change("p2p.send_rate", "1", "2", "for new ones")
MESSAGES = [
    Reconfigure(CONFIG),
    AlterSettings({"log_level": "debug"}),
    ApplyConfig(CONFIG),
    DropPersistent((PEER_ID,)),
    ClosePeers("192.0.2.1"),
    ClosedPeer(PEER_ID, "192.0.2.1:26656", is_persistent=True, is_private=True),
    GetPeerLists(),
    DescribeNode(),
    PeerListsSnapshot((f"{PEER_ID}@192.0.2.1:1",), (), (PEER_ID,)),
    Reconfigured((CHANGE,), (CHANGE,), ("switch",), ("odd",)),
    NodeDescription(1, 2.0, CONFIG, (ChildSnapshot("switch", "running", 0, ""),)),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_it_survives_the_way_to_another_process(message: object) -> None:
    assert carried(message) == message
