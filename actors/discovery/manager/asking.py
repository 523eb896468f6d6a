"""Asking outbound peers for addresses: once when they are connected, and again as long as that is worth it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from peerage.actors.discovery.book.additions import Added
from peerage.actors.discovery.book.choosing import DialChooser
from peerage.actors.discovery.manager.agenda import Agenda
from peerage.actors.discovery.manager.effects import Effects, SendRequest
from peerage.actors.discovery.manager.events import ConnectedPeer
from peerage.actors.discovery.manager.exchange import PeerExchange
from peerage.wire.keys import NodeID

__all__ = ["Asking"]

NEWS = 0.05  # share of new addresses in an answer that makes its peer worth another request


class Asking:
    """Source: reference 8; to ask again is ours.

    Args: peers, the connected ones; again_after, seconds until a peer is asked again whose answer brought something new,
        None: never.
    """

    def __init__(
        self,
        effects: Effects,
        agenda: Agenda,
        exchange: PeerExchange,
        *,
        peers: Mapping[NodeID, ConnectedPeer],
        again_after: float | None,
    ) -> None:
        self._effects, self._agenda, self._exchange = effects, agenda, exchange
        self._peers, self._again_after = peers, again_after

    def if_needed(self, peer: ConnectedPeer) -> None:
        """Ask an outbound peer, if the book needs more addresses."""
        self._effects.ask_book(partial(self.now, peer), DialChooser.needs_more)

    def now(self, peer: ConnectedPeer, needs_more: bool = True) -> None:
        """Ask an outbound peer that is still connected, unless that would be too soon."""
        if self._peers.get(peer.id) is peer and self._exchange.peer_added(
            peer.id, outbound=True, book_needs_more=needs_more
        ):
            self._effects.emit(SendRequest(peer))

    def learned(self, peer: ConnectedPeer, added: Added) -> None:
        """Take note of what an answer has brought.

        A peer tells a quarter of what it knows, another one each time: so a book that is nearly empty soon has most of it.
        There is at most one such request under way for a peer, because only an answer leads to it.
        """
        if self._again_after is not None and peer.is_outbound and added.added > NEWS * added.told:
            self._agenda.after(self._again_after, partial(self._again, peer))

    def _again(self, peer: ConnectedPeer) -> None:
        if self._peers.get(peer.id) is peer:
            self.if_needed(peer)
