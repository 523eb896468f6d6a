"""What the parts of a reactor stand on in their tests: a peer without a peer actor."""

from __future__ import annotations

from typing import Any

from peerage import Peer
from peerage.actors.messages import PeerInfo
from peerage.actors.runtime import ActorRef
from peerage.wire.keys import NodeID
from peerage.wire.node_info import NodeInfo

CHANNEL, TYPED = 0x60, 0x61
ANNA = NodeID("a" * 40)


class Heard:
    """In the place of a ref: keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def tell(self, message: Any, **_options: Any) -> None:
        self.told.append(message)


def info(ref: Any = None, connection: str = "one", peer_id: NodeID = ANNA) -> PeerInfo:
    """Of a connection. Args: ref, of its peer actor; by default one that leads nowhere."""
    return PeerInfo(
        connection=connection,
        ref=ActorRef("nowhere", class_path="x:X") if ref is None else ref,
        id=peer_id,
        node_info=NodeInfo(
            id=peer_id,
            listen_addr="tcp://127.0.0.1:1",
            network="test",
            moniker="m",
            channels=bytes([CHANNEL, TYPED]),
        ),
        remote_ip="127.0.0.1",
        socket_address="127.0.0.1:1",
        is_outbound=False,
        is_persistent=True,
        is_unconditional=False,
        host="",
        credits=((CHANNEL, 2), (TYPED, 1)),
    )


def peer(ref: Any = None, connection: str = "one") -> Peer:
    return Peer(info(ref, connection))
