"""Rotation: now and then an outbound peer goes, so that another address of the book has its turn.

A full node that loses nobody dials nobody: it has the same peers for months, and what it hears of the network is what these
say. geth and reth drop one peer of a full set every three to seven minutes, at random; so does this, if the operator wants
it. Spared are persistent and unconditional peers, those that have been here for less than two periods, and those that serve
best, by the same shares as when an inbound peer is evicted (`inbound_eviction.py`).

Nobody goes as long as places are free, or the book knows nobody else to dial.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from functools import partial

from peerage.actors.discovery.book.choosing import DialChooser, Offer
from peerage.actors.discovery.inbound_eviction import best_serving
from peerage.actors.discovery.manager.agenda import Agenda
from peerage.actors.discovery.manager.effects import CountPeers, Effects, Rotate, WeighPeers
from peerage.actors.discovery.manager.events import ConnectedPeer, PeerCounts, Service
from peerage.wire.keys import NodeID

__all__ = ["Rotation"]

SPREAD = 0.4  # of the period: with 5 minutes, 3 to 7, as geth has it
YOUNG_PERIODS = 2.0  # geth spares whoever came within 10 minutes
PICKS, BIAS = 10, 50  # of the book, to see whether it knows anybody else; bias in percent


class Rotation:
    """See the module's text.

    Args:
        peers: the connected peers.
        max_outbound: how many outbound peers are wanted.
        period: mean seconds between two that go; 0: nobody does.
    """

    def __init__(
        self,
        effects: Effects,
        agenda: Agenda,
        rng: random.Random,
        *,
        peers: Mapping[NodeID, ConnectedPeer],
        max_outbound: int,
        period: float,
    ) -> None:
        self._effects, self._agenda, self._rng = effects, agenda, rng
        self._peers, self._max_outbound, self._period = peers, max_outbound, period
        self._gone: dict[NodeID, float] = {}  # who had to go → until when it is not dialled again

    def begin(self) -> None:
        """Schedule the first one."""
        if self._period > 0:
            self._agenda.after(self._period * self._rng.uniform(1 - SPREAD, 1 + SPREAD), self._due)

    def rests(self, peer_id: NodeID) -> bool:
        """Whether this peer had to go just now, and others have their turn."""
        return self._gone.get(peer_id, -math.inf) > self._agenda.now.at

    def _due(self) -> None:
        self.begin()
        now = self._agenda.now.at
        self._gone = {peer_id: until for peer_id, until in self._gone.items() if until > now}
        self._effects.emit(CountPeers(self._counted))

    def _counted(self, counts: PeerCounts | None) -> None:
        if counts is None or counts.outbound < self._max_outbound:
            return
        since = self._agenda.now.at - YOUNG_PERIODS * self._period
        old = tuple(
            peer
            for peer in self._peers.values()
            if peer.is_outbound and not (peer.is_persistent or peer.is_unconditional) and peer.since <= since
        )
        if old:
            self._effects.ask_book(partial(self._offered, old), DialChooser.offer, BIAS, PICKS)

    def _offered(self, old: tuple[ConnectedPeer, ...], offer: Offer) -> None:
        if any(address.id not in self._peers and not self.rests(address.id) for address in offer.candidates):
            self._effects.emit(WeighPeers(old, self._weighed))

    def _weighed(self, services: Mapping[ConnectedPeer, Service]) -> None:
        """Args: services, of those that answered."""
        there = [peer for peer in services if self._peers.get(peer.id) is peer]
        spared = best_serving(there, lambda peer: services[peer].latency, lambda peer: services[peer].idle)
        exposed = [peer for peer in there if peer not in spared]
        if exposed:
            peer = self._rng.choice(exposed)
            self._gone[peer.id] = self._agenda.now.at + YOUNG_PERIODS * self._period
            self._effects.emit(Rotate(peer))
