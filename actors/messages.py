"""What the actors of a node say to each other.

Bytes from the network never stand in here: they travel as `Frames` beside one of the small tuples at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.refusal import Refusal
from peerage.actors.runtime import ActorRef
from peerage.wire.keys import NodeID
from peerage.wire.net_address import join_host_port
from peerage.wire.node_info import NodeInfo
from peerage.wire.status import ConnectionStatus

__all__ = [
    "BROADCAST",
    "BROADCAST_WINDOW",
    "RECEIVE",
    "SEND",
    "SEND_WAIT",
    "AddPeer",
    "AddPersistent",
    "AddPrivate",
    "AddUnconditional",
    "Admission",
    "AdmitConnection",
    "AdmitPeer",
    "AnnouncePeers",
    "BansChanged",
    "CallerAsks",
    "CallerLeft",
    "ConnectionEnded",
    "ConnectionFacts",
    "Consumed",
    "CountPeers",
    "Credits",
    "Dial",
    "DialPeer",
    "DialPeersAsync",
    "FlushStop",
    "GetPeerStatuses",
    "GetPeerValue",
    "GetPeers",
    "GetPrivatePeers",
    "GetStatusOfPeer",
    "InitPeer",
    "KeepNotes",
    "ListConnections",
    "MarkGood",
    "NumPeers",
    "PeerInfo",
    "PeerStarted",
    "PeerStatus",
    "PrivatePeers",
    "ProveAlive",
    "RemovePeer",
    "SetPeerValue",
    "StopAccepting",
    "StopPeer",
    "SwitchNotes",
    "TransportState",
    "Tried",
    "TryAddress",
]

# Headers of Frames, first item of the tuple: small, pickled once per message.
RECEIVE: Final = "receive"  # peer → reactor: (RECEIVE, connection, (channel, …)), one frame per message
# reactor → peer: (SEND, (channel, …), {channel: sent so far}), a frame per message, each paid with a credit
SEND: Final = "send"
# anyone → peer, an ask: (SEND_WAIT, (channel, …), {channel: sent so far}, deadline); all frames but the last as with
# SEND, the last one waits for room. Answer: (accepted, how many may have been sent on the last channel by now).
SEND_WAIT: Final = "send wait"
# anyone → transport: (BROADCAST, (channel, …), {channel: broadcast so far}), a frame per message. Reactors count, and keep
# to the totals of the Credits that come back; others say {}.
BROADCAST: Final = "broadcast"
BROADCAST_WINDOW: Final = 1024  # messages of a channel that a reactor may be ahead of the quickest peer


@dataclass(frozen=True, slots=True)
class PeerInfo:
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

    @classmethod
    def of(
        cls,
        facts: ConnectionFacts,
        peer_id: NodeID,
        node_info: NodeInfo,
        ref: ActorRef,
        admission: Admission,
        *,
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
            since=since,
            latency=latency,
        )


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """What a peer says of its connection."""

    info: PeerInfo
    status: ConnectionStatus


# --- switch and transport ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """A connection as its peer actor knows it, in handshake or after."""

    connection: str
    host: str
    remote_ip: str
    remote_port: int
    is_outbound: bool
    dialled_id: NodeID | None = None
    peer: PeerInfo | None = None  # set once reactors know it
    is_trial: bool = False  # dialled to see whether it answers: over with the handshake

    @property
    def socket_address(self) -> str:
        """The TCP connection's other end as `ip:port`, with brackets around an IPv6 address: as parsers take it."""
        return join_host_port(self.remote_ip, self.remote_port)


@dataclass(frozen=True, slots=True)
class AdmitConnection:
    """transport → switch, an ask before the handshake: limits and connection filters. Answer: Refusal | None."""

    facts: ConnectionFacts


@dataclass(frozen=True, slots=True)
class AdmitPeer:
    """peer → switch, an ask after the handshake: ID, limits, peer filters. Answer: Admission | Refusal."""

    facts: ConnectionFacts
    id: NodeID
    node_info: NodeInfo
    ref: ActorRef


@dataclass(frozen=True, slots=True)
class Admission:
    """The switch takes the peer; what it knows of it."""

    is_persistent: bool
    is_unconditional: bool


@dataclass(frozen=True, slots=True)
class PeerStarted:
    """peer → switch: every reactor has been told, the connection runs."""

    info: PeerInfo


@dataclass(frozen=True, slots=True)
class ConnectionEnded:
    """peer or transport → switch: this connection is no more.

    Args:
        refusal: why it never became a peer; None when it had been one.
        reason: what ended a running peer, "" for a graceful stop.
        is_error: whether a persistent peer is to be redialled.
        tried: what a trial found.
    """

    facts: ConnectionFacts
    refusal: Refusal | None = None
    reason: str = ""
    is_error: bool = False
    tried: Tried | None = None


@dataclass(frozen=True, slots=True)
class Dial:
    """switch → transport: dial, shake hands, ask to be admitted. The outcome is PeerStarted or ConnectionEnded.

    Args:
        is_trial: do not ask to be admitted, but hang up when the handshake is done.
    """

    connection: str
    id: NodeID
    ip: str
    port: int
    is_trial: bool = False


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


@dataclass(frozen=True, slots=True)
class BansChanged:
    """address book → switch, PEX reactor: whose connections to refuse, and no longer to.

    Args:
        bans: new ones, and those that changed.
        lifted: subjects of those that are gone.
        whole: the bans are all there are; whatever was known before is void.
    """

    bans: tuple[Ban, ...]
    lifted: tuple[str, ...] = ()
    whole: bool = False


# --- to a peer actor -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Consumed:
    """reactor → peer: so many bytes and messages of what you handed me are dealt with."""

    reactor: str
    size: int
    messages: int


@dataclass(frozen=True, slots=True)
class ProveAlive:
    """switch → peer, an ask: answered True as soon as the remote answers a ping."""


@dataclass(frozen=True, slots=True)
class StopPeer:
    """anyone → peer: stop, for error or gracefully (reason "" and not is_error)."""

    reason: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class FlushStop:
    """anyone → peer, an ask: send all that was accepted, then close. Answer: None, when closed."""

    timeout: float


@dataclass(frozen=True, slots=True)
class GetStatusOfPeer:
    """anyone → peer, an ask. Answer: PeerStatus | None while it is no peer yet."""


@dataclass(frozen=True, slots=True)
class GetPeerValue:
    """anyone → peer, an ask: the value kept under this key for this connection, or None."""

    key: str


@dataclass(frozen=True, slots=True)
class SetPeerValue:
    """anyone → peer."""

    key: str
    value: Any


# --- to a reactor --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InitPeer:
    """peer → reactor: before anything else about this connection."""

    info: PeerInfo


@dataclass(frozen=True, slots=True)
class AddPeer:
    """peer → reactor: the connection runs."""

    connection: str


@dataclass(frozen=True, slots=True)
class RemovePeer:
    """peer → reactor, an ask: the last thing about this connection.

    Answer, when remove_peer has returned: by channel, how many messages the reactor has sent in all; None when it did not
    know the connection.
    """

    connection: str
    reason: str


@dataclass(frozen=True, slots=True)
class Credits:
    """peer → reactor, transport → reactor: by channel, how many messages the reactor may have sent, or broadcast, by now.

    Args: connection, or the transport's name.
    """

    connection: str
    totals: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class CallerAsks:
    """peer → PEX reactor of a seed, an ask: who has just called asks for addresses, and has said nothing else.

    Answer: bytes, the message to send before hanging up; or Refusal.
    Args: listen_addr, as in its NodeInfo; connection, its name.
    """

    id: NodeID
    listen_addr: str
    connection: str
    remote_ip: str


@dataclass(frozen=True, slots=True)
class CallerLeft:
    """peer → PEX reactor of a seed: this caller has hung up and waits for no answer any more."""

    id: NodeID
    connection: str


# --- to the switch, from reactors, RPC and the embedder --------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DialPeer:
    """An ask: dial one address (`ID@host:port`). Answer: PeerInfo when it is a peer, Refusal when it is none.

    Args:
        wait: False: answered at once with None, when the address parses.
    """

    address: str
    persistent: bool = False
    wait: bool = True


@dataclass(frozen=True, slots=True)
class Tried:
    """What a trial found: the dialled ID is there. Args: latency, seconds that dial and handshake took."""

    latency: float


@dataclass(frozen=True, slots=True)
class TryAddress:
    """An ask: dial one address (`ID@ip:port`), shake hands and hang up; no reactor hears of it. Answer: Tried, or Refusal.

    It may be out of the question for the moment (that ID or IP is connected already): the refusal says so.
    """

    address: str


@dataclass(frozen=True, slots=True)
class DialPeersAsync:
    """An ask: reference 6, dial_peers_async. Answer: None, or AddressError raised."""

    addresses: tuple[str, ...]
    persistent: bool = False
    unconditional: bool = False
    private: bool = False


@dataclass(frozen=True, slots=True)
class AddPersistent:
    """An ask. Answer: None, or AddressError raised."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddUnconditional:
    """An ask. Answer: None, or ValueError raised."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AddPrivate:
    """An ask. Answer: None, or ValueError raised."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GetPrivatePeers:
    """An ask. Answer: PrivatePeers."""


@dataclass(frozen=True, slots=True)
class PrivatePeers:
    """switch → metrics: all IDs that are told to nobody, those of the file and those added while running."""

    ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class GetPeers:
    """An ask. Answer: tuple of PeerInfo."""


@dataclass(frozen=True, slots=True)
class NumPeers:
    """Answer to `CountPeers`: unconditional peers are not counted. Source: reference 6."""

    outbound: int
    inbound: int
    dialling: int
    dialling_ids: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class CountPeers:
    """An ask. Answer: NumPeers."""


@dataclass(frozen=True, slots=True)
class MarkGood:
    """reactor → switch: this peer did something useful."""

    id: NodeID
