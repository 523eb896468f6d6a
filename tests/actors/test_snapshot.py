"""What RPC asks the switch: values that travel between processes."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any

import pytest

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.misbehaviour import Offender
from peerage.actors.discovery.book.offences import Offence
from peerage.actors.snapshot import (
    BansSnapshot,
    DialPeers,
    DialSeeds,
    GetNetInfo,
    GetStatus,
    NetInfoSnapshot,
    PeerSnapshot,
    StatusSnapshot,
)
from peerage.wire.keys import NodeID
from peerage.wire.multiplex import MultiplexConnection
from peerage.wire.node_info import NodeInfo

INFO = NodeInfo(id=NodeID("ab" * 20), listen_addr="tcp://10.0.0.1:26656", network="n", moniker="m")
STATUS = MultiplexConnection((), now=0.0).status(1.0)
PEER = PeerSnapshot(INFO, True, STATUS, "10.0.0.1")
VALUES = [
    PEER,
    NetInfoSnapshot(True, "", (PEER,)),
    StatusSnapshot(INFO, b"k" * 32),
    GetNetInfo(),
    GetStatus(),
    DialSeeds(("a",)),
    DialPeers(("a",), private=True),
    BansSnapshot((Ban("9.9.9.9", "x", 1, 2),), (Offender("9.9.9.9", 1.0, 1, Offence.PACKET_FLOOD, 1, 0),)),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_each_travels_and_never_changes(value: Any) -> None:
    """It is a picture of one moment."""
    assert pickle.loads(pickle.dumps(value)) == value
    for field in dataclasses.fields(value):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field.name, None)


def test_a_peer_is_not_private_unless_that_is_said() -> None:
    """Nor is a dialled one anything but dialled."""
    assert not PEER.is_private
    assert DialPeers(("a",)) == DialPeers(("a",), persistent=False, unconditional=False, private=False)
    assert StatusSnapshot(INFO).public_key is None
