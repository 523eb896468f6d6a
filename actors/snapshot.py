"""What RPC asks the switch, and what it is answered: frozen values, a picture of one moment."""

from __future__ import annotations

from dataclasses import dataclass

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.misbehaviour import Offender
from peerage.wire.node_info import NodeInfo
from peerage.wire.status import ConnectionStatus

__all__ = [
    "BansSnapshot",
    "DialPeers",
    "DialSeeds",
    "GetNetInfo",
    "GetStatus",
    "NetInfoSnapshot",
    "PeerSnapshot",
    "StatusSnapshot",
]


@dataclass(frozen=True, slots=True)
class PeerSnapshot:
    """One connected peer.

    Args:
        remote_ip: the IP as text, without a port.
        is_private: one of the private peer IDs, those of the file and those added while running.
    """

    node_info: NodeInfo
    is_outbound: bool
    connection_status: ConnectionStatus
    remote_ip: str
    is_private: bool = False


@dataclass(frozen=True, slots=True)
class NetInfoSnapshot:
    """All that `net_info` tells.

    Args:
        external_address: `p2p.external_address` as configured, "auto" as it came out; CometBFT names its listener by it.
        external_addresses_also: what peers of another IP family are told.
    """

    listening: bool
    external_address: str
    peers: tuple[PeerSnapshot, ...]
    external_addresses_also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatusSnapshot:
    """All that `status` tells of a node without blocks.

    Args:
        public_key: the 32 bytes shown as the validator's key, with voting power 0. A CometBFT node has one,
            validator or not, and clients insist on it: give the node key's. None is shown as null.
    """

    node_info: NodeInfo
    public_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class BansSnapshot:
    """Who is banned, and who has points for what he did."""

    bans: tuple[Ban, ...]
    offenders: tuple[Offender, ...]


@dataclass(frozen=True, slots=True)
class GetNetInfo:
    """An ask to the switch. Answer: NetInfoSnapshot."""


@dataclass(frozen=True, slots=True)
class GetStatus:
    """An ask to the switch. Answer: StatusSnapshot."""


@dataclass(frozen=True, slots=True)
class DialSeeds:
    """An ask to the switch: start dialling these. Answer: None once they parsed; what does not parse is
    raised.
    """

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DialPeers:
    """An ask to the switch: take in what they are to be, then start dialling. Answer: as for `DialSeeds`."""

    addresses: tuple[str, ...]
    persistent: bool = False
    unconditional: bool = False
    private: bool = False
