"""What the transport of a peer host is told and asked, besides the messages to broadcast."""

from __future__ import annotations

from dataclasses import dataclass

from peerage.actors.messages.connections import ConnectionFacts, SwitchNotes
from peerage.wire.net_address import NetAddress

__all__ = [
    "AnnouncePeers",
    "Dial",
    "GetPeerStatuses",
    "KeepNotes",
    "ListConnections",
    "StopAccepting",
    "TransportState",
]


@dataclass(frozen=True, slots=True)
class Dial:
    """switch → transport: dial, shake hands, ask to be admitted. The outcome is PeerStarted or ConnectionEnded.

    Args:
        connection: its name.
        address: where, and who must answer there.
        is_trial: do not ask to be admitted, but hang up when the handshake is done.
    """

    connection: str
    address: NetAddress
    is_trial: bool = False


@dataclass(frozen=True, slots=True)
class KeepNotes:
    """switch → transport."""

    notes: SwitchNotes


@dataclass(frozen=True, slots=True)
class ListConnections:
    """switch → transport, an ask. Answer: TransportState."""


@dataclass(frozen=True, slots=True)
class TransportState:
    """All that a restarted switch needs to know of one peer host."""

    connections: tuple[ConnectionFacts, ...]
    notes: SwitchNotes


@dataclass(frozen=True, slots=True)
class AnnouncePeers:
    """reactor → transport: I am new here, introduce your peers. (No answer: InitPeer and AddPeer follow.)"""

    reactor: str


@dataclass(frozen=True, slots=True)
class GetPeerStatuses:
    """anyone → transport, an ask. Answer: tuple of PeerStatus."""


@dataclass(frozen=True, slots=True)
class StopAccepting:
    """node → transport, an ask, first step of a clean stop: nothing new, and flush_stop every peer. Answer: None."""

    flush_timeout: float
