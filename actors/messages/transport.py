"""What the transport of a peer host is told and asked, besides the messages to broadcast."""

from __future__ import annotations

from msgspec import Struct

from peerage.actors.messages.connections import ConnectionFacts, SwitchNotes
from peerage.wire.net_address import NetAddress

__all__ = [
    "AnnouncePeers",
    "Dial",
    "EvictPeers",
    "GetPeerStatuses",
    "KeepNotes",
    "ListConnections",
    "StopAccepting",
    "TransportState",
]


class Dial(Struct, frozen=True):
    """switch → transport: dial, shake hands, ask to be admitted. The outcome is PeerStarted or ConnectionEnded.

    Args:
        connection: its name.
        address: where, and who must answer there.
        is_trial: do not ask to be admitted, but hang up when the handshake is done.
        timeout: seconds until it is connected; 0: as configured.
    """

    connection: str
    address: NetAddress
    is_trial: bool = False
    timeout: float = 0.0


class KeepNotes(Struct, frozen=True):
    """switch → transport."""

    notes: SwitchNotes


class ListConnections(Struct, frozen=True):
    """switch → transport, an ask. Answer: TransportState."""


class TransportState(Struct, frozen=True):
    """All that a restarted switch needs to know of one peer host.

    Args: was_told, whether it has heard of notes and bans; before that it admits nobody without the switch.
    """

    connections: tuple[ConnectionFacts, ...]
    notes: SwitchNotes
    was_told: bool = True


class EvictPeers(Struct, frozen=True):
    """transport → switch → transport: newcomers at another host have got the places of peers of yours.

    The switch passes it on, for it speaks to every host already. One that dies meanwhile asks every host anew.

    Args: host, index of the host.
    """

    host: int


class AnnouncePeers(Struct, frozen=True):
    """reactor → transport: I am new here, introduce your peers. (No answer: a PeerStarted for each follows.)"""

    reactor: str


class GetPeerStatuses(Struct, frozen=True):
    """anyone → transport, an ask. Answer: tuple of PeerStatus."""


class StopAccepting(Struct, frozen=True):
    """node → transport, an ask, first step of a clean stop: nothing new, and flush_stop every peer. Answer: None."""

    flush_timeout: float
