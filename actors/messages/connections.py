"""A connection and the peer at its other end, as values that travel between actors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

from msgspec import Struct

from peerage.actors.runtime import ActorRef
from peerage.wire.keys import NodeID
from peerage.wire.net_address import join_host_port
from peerage.wire.node_info import NodeInfo, ProtocolVersion
from peerage.wire.status import ConnectionStatus

__all__ = ["Admission", "ConnectionFacts", "PeerInfo", "PeerStatus", "SwitchNotes", "Tried"]


class PeerInfo(Struct, frozen=True):
    """A connected peer as everyone but its own actor sees it.

    Args:
        connection: names this connection, and no other one ever.
        ref: the peer actor.
        id: the authenticated node ID.
        socket_address: `ip:port` of the TCP connection's other end.
        credits: (channel, free places in its send queue now).
        since: Unix seconds, when the connection began to run.
        latency: seconds that dial and handshake took; 0.0 for an accepted connection.
    """

    connection: str
    ref: ActorRef
    id: NodeID
    node_info: NodeInfo
    remote_ip: str
    socket_address: str
    is_outbound: bool
    is_persistent: bool
    is_unconditional: bool
    host: str
    credits: tuple[tuple[int, int], ...] = ()
    since: float = 0.0
    latency: float = 0.0

    def __reduce__(self) -> tuple[Callable[..., PeerInfo], tuple[Any, ...]]:
        """Travel as one flat row: pickle would look up the class of each part, which takes longer than all the rest."""
        ref, node, version = self.ref, self.node_info, self.node_info.protocol_version
        return _rebuild_peer, (
            (self.connection, self.remote_ip, self.socket_address, self.host, self.credits, self.since),
            (self.latency, self.is_outbound, self.is_persistent, self.is_unconditional),
            ref.fields,
            (version.p2p, version.block, version.app),
            (node.id, node.listen_addr, node.network, node.version, node.channels, node.moniker),
            (node.tx_index, node.rpc_address, None if node.id == self.id else self.id),
        )

    @classmethod
    def of(
        cls,
        facts: ConnectionFacts,
        peer_id: NodeID,
        node_info: NodeInfo,
        ref: ActorRef,
        admission: Admission,
        *,
        credits_: tuple[tuple[int, int], ...] = (),
        since: float = 0.0,
        latency: float = 0.0,
    ) -> Self:
        """The peer at the other end of a connection whose handshake is done."""
        return cls(
            connection=facts.connection,
            ref=ref,
            id=peer_id,
            node_info=node_info,
            remote_ip=facts.remote_ip,
            socket_address=facts.socket_address,
            is_outbound=facts.is_outbound,
            is_persistent=admission.is_persistent,
            is_unconditional=admission.is_unconditional,
            host=facts.host,
            credits=credits_,
            since=since,
            latency=latency,
        )


_Row = tuple[Any, ...]
_Node = tuple[str, str, str, str, bytes, str]


def _rebuild_peer(about: _Row, more: _Row, ref: _Row, version: _Row, node: _Node, rest: _Row) -> PeerInfo:
    """The inverse of `PeerInfo.__reduce__`."""
    connection, remote_ip, socket_address, host, credits_, since = about
    latency, is_outbound, is_persistent, is_unconditional = more
    tx_index, rpc_address, peer_id = rest
    return PeerInfo(
        connection,
        ActorRef(*ref),
        NodeID(node[0]) if peer_id is None else peer_id,
        NodeInfo(_version(*version), *node, tx_index, rpc_address),
        remote_ip,
        socket_address,
        is_outbound,
        is_persistent,
        is_unconditional,
        host,
        credits_,
        since,
        latency,
    )


_version = lru_cache(maxsize=64)(ProtocolVersion)  # hardly two nodes of a network differ in it


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """What a peer says of its connection.

    Args: idle, seconds since a reactor other than peer exchange has consumed a message of it; infinite if none did.
    """

    info: PeerInfo
    status: ConnectionStatus
    idle: float = math.inf


class ConnectionFacts(Struct, frozen=True):
    """A connection as its peer actor knows it, in handshake or after."""

    connection: str
    host: str
    remote_ip: str
    remote_port: int
    is_outbound: bool
    dialled_id: NodeID | None = None
    peer: PeerInfo | None = None  # set once reactors know it
    is_trial: bool = False  # dialled to see whether it answers: over with the handshake
    dial_timeout: float = 0.0  # seconds until it is connected; 0: as configured

    @property
    def socket_address(self) -> str:
        """The TCP connection's other end as `ip:port`, with brackets around an IPv6 address: as parsers take it."""
        return join_host_port(self.remote_ip, self.remote_port)


@dataclass(frozen=True, slots=True)
class Admission:
    """The peer is taken; what is known of it.

    Args: beside, the connection that it takes the place of, whose end is on its way.
    """

    is_persistent: bool
    is_unconditional: bool
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tried:
    """What a trial found: the dialled ID is there. Args: latency, seconds that dial and handshake took."""

    latency: float


@dataclass(frozen=True, slots=True)
class SwitchNotes:
    """What a switch learned at run time and its successor must know: kept by the transports.

    Args:
        revision: grows with every change; the highest is the newest.
    """

    revision: int = 0
    persistent: tuple[str, ...] = ()
    unconditional: frozenset[str] = frozenset()
    private: frozenset[str] = frozenset()
