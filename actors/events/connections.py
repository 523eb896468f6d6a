"""What is told of connections: who was dialled, let in, refused, lost, given up."""

from __future__ import annotations

from peerage.actors.events.happenings import Connected, Dialled, Direction, GaveUp, Lost, Refused
from peerage.actors.events.teller import EventTeller
from peerage.actors.messages import ConnectionEnded, ConnectionFacts, PeerInfo
from peerage.actors.refusal import Refusal
from peerage.wire.remote_text import shown

__all__ = ["ConnectionEvents", "connected", "lost"]

MOST_OF_NAME = 100  # characters of a moniker or version
MOST_OF_DETAIL = 300


class ConnectionEvents:
    """Makes the events, if they may be told at all. Args: teller, of the switch."""

    def __init__(self, teller: EventTeller) -> None:
        self._teller = teller

    def close(self) -> None:
        """Tell what is still to be told."""
        self._teller.flush()

    def dialled(self, facts: ConnectionFacts) -> None:
        """A dial begins."""
        if self._teller.may_tell(Dialled.kind):
            self._teller.tell(Dialled(str(facts.dialled_id), facts.socket_address, facts.is_trial))

    def connected(self, peer: PeerInfo) -> None:
        """A connection became a peer."""
        if self._teller.may_tell(Connected.kind):
            self._teller.tell(connected(peer))

    def lost(self, peer: PeerInfo, ended: ConnectionEnded) -> None:
        """A peer is gone."""
        if self._teller.may_tell(Lost.kind, ended.loss):
            self._teller.tell(lost(peer, ended, self._teller.now()))

    def refused(self, facts: ConnectionFacts, refusal: Refusal) -> None:
        """A connection was refused, or a dial failed."""
        if not refusal.is_look and self._teller.may_tell(Refused.kind, refusal.reason):
            self._teller.tell(
                Refused(
                    refusal.reason,
                    refusal.detail,
                    str(facts.dialled_id or refusal.offender or ""),
                    facts.socket_address,
                    Direction.of(is_outbound=facts.is_outbound),
                )
            )

    def gave_up(self, peer_id: str, tries: int) -> None:
        """A persistent peer is not redialled any more."""
        if self._teller.may_tell(GaveUp.kind):
            self._teller.tell(GaveUp(peer_id, tries))


def connected(peer: PeerInfo) -> Connected:
    """The event of a peer that is here."""
    return Connected(
        peer.id,
        peer.socket_address,
        Direction.of(is_outbound=peer.is_outbound),
        _name(peer.node_info.moniker),
        _name(peer.node_info.version),
        peer.is_persistent,
        peer.connection,
        peer.since,
    )


def lost(peer: PeerInfo, ended: ConnectionEnded, now: float) -> Lost:
    """The event of a peer that is gone. Args: now, Unix seconds."""
    return Lost(
        ended.loss,
        shown(ended.reason, MOST_OF_DETAIL),
        peer.id,
        peer.socket_address,
        Direction.of(is_outbound=peer.is_outbound),
        _name(peer.node_info.moniker),
        _name(peer.node_info.version),
        peer.connection,
        round(max(0.0, now - peer.since), 3) if peer.since else 0.0,
    )


def _name(text: str) -> str:
    return shown(text, MOST_OF_NAME)
