"""What the switch is told and asked: by peers and transports, by reactors, by RPC and the embedder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from peerage.actors.discovery.book.offences import Offence
from peerage.actors.loss import LossReason
from peerage.actors.messages.connections import ConnectionFacts, PeerInfo, Tried
from peerage.actors.refusal import Refusal
from peerage.actors.runtime import ActorRef
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress
from peerage.wire.node_info import NodeInfo

__all__ = [
    "AddPersistent",
    "AddPrivate",
    "AddUnconditional",
    "AdmitConnection",
    "AdmitPeer",
    "ConnectionEnded",
    "CountPeers",
    "DialPeer",
    "DialPeersAsync",
    "GetPeers",
    "GetPrivatePeers",
    "MarkGood",
    "NumPeers",
    "PeerStarted",
    "PrivatePeers",
    "TryAddress",
]


class AdmitConnection(Struct, frozen=True):
    """transport → switch, an ask before the handshake: limits and connection filters. Answer: Refusal | None."""

    facts: ConnectionFacts


class AdmitPeer(Struct, frozen=True):
    """peer → switch, an ask after the handshake: ID, limits, peer filters. Answer: Admission | Refusal."""

    facts: ConnectionFacts
    id: NodeID
    node_info: NodeInfo
    ref: ActorRef


class PeerStarted(Struct, frozen=True):
    """peer → reactors, and then the switch: the connection runs. A reactor hears nothing else about it before.

    Args: info, with the credits of all reactors.
    """

    info: PeerInfo


class ConnectionEnded(Struct, frozen=True):
    """peer or transport → switch: this connection is no more.

    Args:
        refusal: why it never became a peer; None when it had been one.
        reason: what ended a running peer, "" for a graceful stop.
        is_error: whether a persistent peer is to be redialled.
        tried: what a trial found.
        offence: what a running peer did wrong, if that ended it.
        peer_id: of a peer that ran. Its facts leave out what the switch has heard before, but for a peer that may be dialled
            again: a switch that has just begun is to know whom.
        loss: the word for `reason`.
    """

    facts: ConnectionFacts
    refusal: Refusal | None = None
    reason: str = ""
    is_error: bool = False
    tried: Tried | None = None
    offence: Offence | None = None
    peer_id: NodeID | None = None
    loss: LossReason = LossReason.GRACEFUL

    def __reduce__(self) -> tuple[Callable[..., ConnectionEnded], tuple[Any, ...]]:
        """Travel as one flat row where a stranger has come and gone, of whom there may be many: see `PeerInfo`."""
        facts = self.facts
        if (self.refusal, self.tried, self.offence, facts.peer) == (None, None, None, None):
            about = facts.connection, facts.host, facts.remote_ip, facts.remote_port, facts.is_outbound
            more = facts.dialled_id, facts.is_trial, self.reason, self.is_error, self.peer_id, self.loss.value
            return _rebuild_end, about + more
        rest = self.tried, self.offence, self.peer_id, self.loss
        return ConnectionEnded, (facts, self.refusal, self.reason, self.is_error, *rest)


_LOSSES = {loss.value: loss for loss in LossReason}


def _rebuild_end(
    connection: str,
    host: str,
    remote_ip: str,
    remote_port: int,
    is_outbound: bool,
    dialled_id: NodeID | None,
    is_trial: bool,
    reason: str,
    is_error: bool,
    peer_id: NodeID | None,
    loss: str,
) -> ConnectionEnded:
    """The inverse of `ConnectionEnded.__reduce__`."""
    facts = ConnectionFacts(connection, host, remote_ip, remote_port, is_outbound, dialled_id, None, is_trial)
    return ConnectionEnded(facts, None, reason, is_error, None, None, peer_id, _LOSSES[loss])


class NodeStops(Struct, frozen=True):
    """The node is being stopped: what ends from now on is no news."""


class DialPeer(Struct, frozen=True):
    """An ask: dial one address. Answer: PeerInfo when it is a peer, Refusal when it is none.

    Args:
        address: text (`ID@host:port`) only from whoever was given one, for its host may be a name.
        wait: False: answered at once with None, when the address parses.
    """

    address: NetAddress | str
    persistent: bool = False
    wait: bool = True


class TryAddress(Struct, frozen=True):
    """An ask: dial one address, shake hands and hang up; no reactor hears of it. Answer: Tried, or Refusal.

    It may be out of the question for the moment (that ID or IP is connected already): the refusal says so.
    """

    address: NetAddress


class DialPeersAsync(Struct, frozen=True):
    """An ask: reference 6, dial_peers_async. Answer: None, or AddressError raised."""

    addresses: tuple[str, ...]
    persistent: bool = False
    unconditional: bool = False
    private: bool = False


class AddPersistent(Struct, frozen=True):
    """An ask. Answer: None, or AddressError raised."""

    addresses: tuple[str, ...]


class AddUnconditional(Struct, frozen=True):
    """An ask. Answer: None, or ValueError raised."""

    ids: tuple[str, ...]


class AddPrivate(Struct, frozen=True):
    """An ask. Answer: None, or ValueError raised."""

    ids: tuple[str, ...]


class GetPrivatePeers(Struct, frozen=True):
    """An ask. Answer: PrivatePeers."""


class PrivatePeers(Struct, frozen=True):
    """switch → metrics: all IDs that are told to nobody, those of the file and those added while running."""

    ids: frozenset[str]


class GetPeers(Struct, frozen=True):
    """An ask. Answer: tuple of PeerInfo."""


@dataclass(frozen=True, slots=True)
class NumPeers:
    """Answer to `CountPeers`: unconditional peers are not counted. Source: reference 6."""

    outbound: int
    inbound: int
    dialling: int
    dialling_ids: frozenset[str] = field(default_factory=frozenset)


class CountPeers(Struct, frozen=True):
    """An ask. Answer: NumPeers."""


class MarkGood(Struct, frozen=True):
    """reactor → switch: this peer did something useful."""

    id: NodeID
