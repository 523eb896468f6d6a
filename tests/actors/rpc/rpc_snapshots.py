"""The node and its two peers of the recordings (`test_rpc_recorder.go`), as our values."""

import dataclasses

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.overview import BookOverview
from peerage.actors.rpc.log_watch import NumberedLine
from peerage.actors.rpc.node_watch import HostPeers
from peerage.actors.rpc.rate_history import Point
from peerage.actors.runtime import Observation
from peerage.actors.snapshot import BansSnapshot, NetInfoSnapshot, PeerSnapshot, StatusSnapshot
from peerage.wire.keys import NodeID
from peerage.wire.node_info import NodeInfo, ProtocolVersion
from peerage.wire.status import ChannelStatus, ConnectionStatus, FlowStatus

NO_BOOK = BookOverview(0, 0, (), (), 64, 64, (), ())


class NoBans:
    """For nodes of tests, as far as `RpcBackend` is about bans and what the node does: nobody is banned, nobody is there."""

    async def actors(self) -> tuple[Observation, str]:
        return Observation((), {}), ""

    async def book(self, *, hide_private: bool) -> BookOverview:
        return NO_BOOK

    async def log(self, *, hide_private: bool) -> list[NumberedLine] | None:
        return []

    async def history(self) -> tuple[Point, ...]:
        return ()

    async def peers(self, *, hide_private: bool) -> tuple[list[HostPeers], frozenset[str]]:
        return [], frozenset()

    async def bans(self, *, hide_private: bool) -> BansSnapshot:
        return BansSnapshot((), ())

    async def ban(self, subject: str, seconds: float, reason: str) -> Ban:
        return Ban(subject, reason, 0, 0)

    async def unban(self, subject: str) -> bool:
        return False


def node_info(node_id: str, network: bytes, moniker: str) -> NodeInfo:
    return NodeInfo(
        protocol_version=ProtocolVersion(p2p=8, block=11, app=1),
        id=NodeID(node_id),
        listen_addr="tcp://127.0.0.1:26656",
        network=network.decode(errors="surrogateescape"),
        version="0.38.26",
        channels=bytes([0x00, 0x20, 0xFF]),
        moniker=moniker,
        tx_index="on",
        rpc_address="tcp://127.0.0.1:26657",
    )


START = 1795231636.0  # 2026-11-21T03:27:16Z

SENT = FlowStatus(
    start=START,
    bytes=15,
    samples=2,
    inst_rate=30,
    cur_rate=39,
    avg_rate=38,
    peak_rate=40,
    bytes_rem=0,
    duration=0.4,
    idle=0.1,
    time_rem=0.0,
    progress=0,
    active=True,
)
RECEIVED = dataclasses.replace(SENT, start=START + 0.12, bytes=9007199254740993)
CONNECTION = ConnectionStatus(
    duration=0.400919665,
    send_monitor=SENT,
    recv_monitor=RECEIVED,
    channels=(
        ChannelStatus(id=0, send_queue_capacity=10, send_queue_size=0, priority=1, recently_sent=9),
        ChannelStatus(id=255, send_queue_capacity=1, send_queue_size=1, priority=5, recently_sent=0),
    ),
)


def as_private(peer: PeerSnapshot) -> PeerSnapshot:
    return dataclasses.replace(peer, is_private=True)


RECORDED_NET_INFO = NetInfoSnapshot(
    listening=True,
    external_address="1.2.3.4:26656",
    peers=(
        PeerSnapshot(
            # Everything that Go escapes, and bytes that are no UTF-8.
            node_info("01" * 20, 'a<&>\u2028"\\\n\x7f\x00'.encode() + b"\xff\xe2\x82z", "<b>&\u00e9"),
            is_outbound=True,
            connection_status=CONNECTION,
            remote_ip="10.0.0.1",
        ),
        PeerSnapshot(
            node_info("02" * 20, b"test-chain", "two"),
            is_outbound=False,
            connection_status=CONNECTION,
            remote_ip="2001:db8::1",
        ),
    ),
)
RECORDED_STATUS = StatusSnapshot(
    node_info("ab" * 20, b"test-chain", "ours"),
    # Of ed25519.GenPrivKeyFromSecret("peerage").
    public_key=bytes.fromhex("09dd8f38c654328d87cfbeb86b553d64bbfb1c2e8e5c485e006f95f4b0f6441b"),
)
