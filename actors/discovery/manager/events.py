"""What drivers tell a `Discoverer`: who is connected, who asks a seed, how many peers there are, how a dial ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from enum import Enum, auto
from typing import TypeAlias

from peerage.actors.discovery.value import unique_value, value
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress

Told: TypeAlias = bytes | Sequence[NetAddress]
"""Addresses that somebody is told: as the message that is sent, or as they are where nothing is sent."""


def group_at(address: NetAddress) -> str | None:
    """The group of IP addresses whose requests are counted together; None for an address that is only local."""
    return address.group(strict=True) if address.routable else None


def _home(reported: NetAddress | None, address: NetAddress) -> NetAddress | None:
    """A node may be believed about the place it comes from. Of any other it may be wrong, or worse."""
    return reported if reported is not None and reported.host == address.host else None


@unique_value
class ConnectedPeer:
    """One connection to one node. Equal to none but itself.

    Args:
        connection: names it, for the driver.
        address: the other end of the connection; that of an outbound peer is the address that was dialled.
        reported: where the node says it listens.
        since: Unix seconds, when the connection began to run.
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
        """Where it says it listens, if it came from there."""
        return _home(self.reported, self.address)

    @property
    def source(self) -> NetAddress:
        """In whose name the book keeps what this peer tells.

        Many report the address on which they listen, 0.0.0.0: all of them would be one group of sources.
        """
        reported = self.reported
        return self.address if reported is None or reported.host.is_unspecified else reported


@value
class SeedRequest:
    """A node that called a seed for nothing but addresses. It is no peer.

    Args: connection, its name; address, the other end of the connection; reported, where the node says it listens.
    """

    id: NodeID
    connection: str
    address: NetAddress
    reported: NetAddress | None

    @property
    def home(self) -> NetAddress | None:
        """Where it says it listens, if it called from there."""
        return _home(self.reported, self.address)


@value
class PeerCounts:
    """How many peers there are, unconditional ones not counted, and who is being dialled."""

    outbound: int = 0
    inbound: int = 0
    dialling: int = 0
    dialling_ids: frozenset[str] = field(default_factory=frozenset)


class DialOutcome(Enum):
    """How a dial ended."""

    REACHED = auto()
    """The node is a peer now, which `peer_added` says; or it has passed the handshake of a feeler."""
    CONNECTED_BEFORE = auto()
    """It is a peer already."""
    NO_VERDICT = auto()
    """It was not dialled, or failed for a reason of our own: that says nothing of the address."""
    FAILED = auto()
    IMPOSTOR = auto()
    """Somebody else answered."""
    INCOMPATIBLE = auto()
    """It is of another network or protocol."""


@value
class DialEnd:
    """How a dial ended, and why. Args: latency, seconds that the handshake of a feeler took."""

    outcome: DialOutcome
    detail: str = ""
    latency: float = 0.0
