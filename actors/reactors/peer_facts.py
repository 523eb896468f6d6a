"""What a reactor may know of a connected peer without asking anybody: the base of `Peer`."""

from __future__ import annotations

from peerage.actors.messages import PeerInfo
from peerage.wire.keys import NodeID
from peerage.wire.node_info import NodeInfo

__all__ = ["PeerFacts"]


class PeerFacts:
    """One connection to one node. Equal to any other handle of the same connection."""

    __slots__ = ("info",)

    def __init__(self, info: PeerInfo) -> None:
        self.info = info

    @property
    def id(self) -> NodeID:
        return self.info.id

    @property
    def node_info(self) -> NodeInfo:
        return self.info.node_info

    @property
    def remote_ip(self) -> str:
        return self.info.remote_ip

    @property
    def socket_address(self) -> str:
        """`ip:port` of the other end of the TCP connection."""
        return self.info.socket_address

    @property
    def is_outbound(self) -> bool:
        return self.info.is_outbound

    @property
    def is_persistent(self) -> bool:
        return self.info.is_persistent

    def has_channel(self, channel_id: int) -> bool:
        """Whether the peer announced this channel."""
        return channel_id in self.info.node_info.channels

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PeerFacts) and other.info.connection == self.info.connection

    def __hash__(self) -> int:
        return hash(self.info.connection)

    def __repr__(self) -> str:
        direction = "outbound" if self.info.is_outbound else "inbound"
        return f"<Peer {self.info.id} {self.info.socket_address} {direction}>"
