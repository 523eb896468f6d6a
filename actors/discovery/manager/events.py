"""What drivers tell a `Discoverer`: peers, seed requests, the number of peers, and the ends of dials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum, auto
from typing import TypeAlias

from msgspec import Struct

from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress

Told: TypeAlias = bytes | Sequence[NetAddress]
"""An answer: the encoded message, or in the simulation, where nothing is sent, the addresses themselves."""


def group_at(address: NetAddress) -> str | None:
    """The group of IP addresses whose requests are counted together; None for an address that is only local."""
    return address.group(strict=True) if address.routable else None


def _home(reported: NetAddress | None, address: NetAddress) -> NetAddress | None:
    """The reported address, if it has the IP that the node connects from. About any other place it may be wrong, or lie."""
    return reported if reported is not None and reported.host == address.host else None


class ConnectedPeer(Struct, frozen=True, eq=False):
    """One connection to one node. Two are never equal.

    Args:
        connection: a name for the driver's use.
        address: the other end of the connection; that of an outbound peer is the address that was dialled.
        reported: where the node says it listens.
        since: monotonic seconds, when the node became a peer.
        latency: seconds that dial and handshake took; 0.0 for an inbound peer.
    """

    id: NodeID
    connection: str
    address: NetAddress
    reported: NetAddress | None
    is_outbound: bool
    is_persistent: bool = False
    is_unconditional: bool = False
    since: float = 0.0
    latency: float = 0.0

    @property
    def home(self) -> NetAddress | None:
        """Where it says it listens, if it connects from that IP."""
        return _home(self.reported, self.address)

    @property
    def source(self) -> NetAddress:
        """The source under which the book stores what this peer tells.

        Many nodes report 0.0.0.0, the address they listen on. All of those would count as one group of sources, so we use
        the other end of the connection for them.
        """
        reported = self.reported
        return self.address if reported is None or reported.host.is_unspecified else reported


class Service(Struct, frozen=True):
    """What a peer has been good for.

    Args: latency, seconds of a round trip, infinite before the first; idle, seconds since a reactor other than peer exchange
        consumed a message of it, infinite if none did.
    """

    latency: float = math.inf
    idle: float = math.inf


class SeedRequest(Struct, frozen=True):
    """A node that connected to a seed only to ask for addresses. It is not a peer.

    Args: connection, its name; address, the other end of the connection; reported, where the node says it listens.
    """

    id: NodeID
    connection: str
    address: NetAddress
    reported: NetAddress | None

    @property
    def home(self) -> NetAddress | None:
        """Where it says it listens, if it connects from that IP."""
        return _home(self.reported, self.address)


class PeerCounts(Struct, frozen=True):
    """How many peers there are, not counting unconditional ones, and which IDs are being dialled."""

    outbound: int = 0
    inbound: int = 0
    dialling: int = 0
    dialling_ids: frozenset[str] = frozenset()


class DialOutcome(Enum):
    """How a dial ended."""

    REACHED = auto()
    """The node is a peer now (`peer_added` tells that too), or a feeler completed the handshake."""
    CONNECTED_BEFORE = auto()
    """It is a peer already."""
    NO_VERDICT = auto()
    """It was not dialled, or it failed for a reason on our side: this says nothing about the address."""
    FAILED = auto()
    IMPOSTOR = auto()
    """A node with another ID answered."""
    INCOMPATIBLE = auto()
    """The node belongs to another network, or speaks another protocol."""


class DialEnd(Struct, frozen=True):
    """How a dial ended, and why. Args: latency, seconds that the handshake of a feeler took."""

    outcome: DialOutcome
    detail: str = ""
    latency: float = 0.0
