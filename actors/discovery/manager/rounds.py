"""Rounds of ensure-peers: every half minute, or earlier when a peer is lost, make sure there are enough outbound peers.

Source: reference 8, Ensure-peers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial

from msgspec import Struct

from peerage.actors.discovery.book.anchors import Anchors
from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.actors.discovery.book.choosing import DialChooser, Offer
from peerage.actors.discovery.ip_limits import Crowd, IPLimits
from peerage.actors.discovery.manager.agenda import Agenda
from peerage.actors.discovery.manager.dialling import Dialling
from peerage.actors.discovery.manager.effects import CountPeers, Effects, SendRequest
from peerage.actors.discovery.manager.events import ConnectedPeer, PeerCounts
from peerage.actors.discovery.manager.exchange import PeerExchange
from peerage.actors.discovery.manager.peer_manager import (
    ANCHOR_AFTER_S,
    MIN_BETWEEN_ROUNDS_S,
    Connected,
    PeerManager,
    Plan,
)
from peerage.actors.discovery.manager.settings import Pace
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress

RECOUNT_S = 1.0  # the end of a peer is known everywhere some milliseconds after we hear of it


class _Thought(Struct, frozen=True, eq=False):
    """A round that waits for answers. since: monotonic seconds."""

    since: float
    early: bool


class Rounds:
    """Plans rounds, and asks for what they need to know: the number of peers, and the addresses that the book offers.

    While a round waits for these answers no other begins. If an answer does not come, the round is given up after a while.

    Args: ip_limits, no address is dialled whose IP or prefix has as many peers as it may.
        rests, whether a node had to go just now for others to have their turn.
    """

    def __init__(
        self,
        effects: Effects,
        agenda: Agenda,
        manager: PeerManager,
        exchange: PeerExchange,
        dialling: Dialling,
        *,
        peers: Mapping[NodeID, ConnectedPeer],
        persistent_ids: Collection[str] = (),
        ip_limits: IPLimits,
        rests: Callable[[NodeID], bool] = lambda _id: False,
        pace: Pace,
    ) -> None:
        self._effects = effects
        self._agenda = agenda
        self._manager = manager
        self._exchange = exchange
        self._dialling = dialling
        self._peers = peers
        self._persistent_ids = persistent_ids
        self._ip_limits = ip_limits
        self._rests = rests
        self._period = pace.ensure_period
        self._patience = pace.patience
        self._stayed: tuple[
            ConnectedPeer, ...
        ] = ()  # the outbound peers of whom the book's anchors were chosen
        self._thought: _Thought | None = None
        self._counting_since: float | None = None  # for an early round
        self._count_again = False

    def begin(self, delay: float) -> None:
        """Schedule the first round; each round schedules the next."""
        self._agenda.after(delay, self._round)

    def _round(self) -> None:
        self._agenda.after(self._period, self._round)
        self._effects.ask_book(None, BadPeers.reinstate)
        self._tell_anchors()
        self.ensure_peers(early=False)

    def _tell_anchors(self) -> None:
        """Tell the book the anchors if they changed. Persistent peers are left out, since they are redialled anyway."""
        now = self._agenda.now.at
        stayed = tuple(
            [  # a list, for every round comes here: a generator takes twice as long
                peer
                for peer in self._peers.values()
                if peer.is_outbound and now - peer.since >= ANCHOR_AFTER_S and not peer.is_persistent
            ]
        )
        if stayed != self._stayed:
            anchors = self._manager.anchors(Connected(peer.address, now - peer.since) for peer in stayed)
            self._effects.ask_book(partial(self._told_anchors, stayed), Anchors.remember, anchors)

    def _told_anchors(self, stayed: tuple[ConnectedPeer, ...], _nothing: None) -> None:
        self._stayed = stayed

    def ensure_peers(self, *, early: bool) -> None:
        """Begin a round. Args: early, whether it comes before its time; an early round asks no peer."""
        now = self._agenda.now.at
        if self._thought is not None and now - self._thought.since < self._patience:
            return
        thought = self._thought = _Thought(now, early)
        self._effects.emit(CountPeers(partial(self._plan, thought)))

    def _plan(self, thought: _Thought, counts: PeerCounts | None) -> None:
        if thought is not self._thought:
            return
        if counts is None:  # the next round will try again
            self._thought = None
            return
        outbound, dialling = counts.outbound, counts.dialling
        plan = self._manager.plan(outbound=outbound, dialling=dialling)
        if plan is None:
            self._thought = None
            if not thought.early and self._manager.feeler_due(outbound=outbound, dialling=dialling):
                self._dialling.feel()
            return
        self._effects.ask_book(
            partial(self._decide, thought, counts, plan), DialChooser.offer, plan.bias, plan.picks
        )

    def _decide(self, thought: _Thought, counts: PeerCounts, plan: Plan, offer: Offer) -> None:
        if thought is not self._thought:
            return
        self._thought = None
        peers, dialling, persistent = self._peers, self._dialling, self._persistent_ids
        alone = not counts.outbound + counts.inbound
        crowd = Crowd(self._ip_limits, (peer.address.host for peer in peers.values()))

        def is_busy(address: NetAddress) -> bool:
            return (
                address.id in peers
                or address.id in counts.dialling_ids
                or crowd.is_full(address.host)
                or self._rests(address.id)
                or dialling.leave_alone(address.id, alone=alone)
            )

        round_ = self._manager.decide(
            plan,
            offer,
            busy=is_busy,
            persistent=lambda address: address.id in persistent,
            peers=list(peers),
            early=thought.early,
            groups={peer.address.group(strict=True) for peer in peers.values() if peer.is_outbound},
        )
        for address in round_.give_up:
            dialling.give_up(address)
        for address in round_.dial:
            dialling.dial(address)
        if not round_.dial and len(offer.candidates) < offer.size:
            # It drew nobody but those whom we have, have let go, or cannot dial yet: it may draw others.
            self._agenda.after(MIN_BETWEEN_ROUNDS_S, self.hurry)
        if round_.ask is not None and self._exchange.ask(round_.ask):
            self._effects.emit(SendRequest(peers[round_.ask]))
        if round_.seeds:
            dialling.dial_seeds(alone=alone)

    def hurry(self, *, is_lost: bool = False) -> None:
        """Consider an early round, now that a dial has ended or an outbound peer is lost.

        Only one count of the peers is under way at a time. If something happens meanwhile, they are counted once more
        afterwards, because the first count may not include it.

        Args: is_lost, whether a peer is. The switch may count it still, since it drops a peer once every reactor has heard
            of the end; then it is asked once more a little later.
        """
        if self._dialling.under_way:
            return  # the last of these dials will call this again
        now = self._agenda.now.at
        if self._counting_since is not None and now - self._counting_since < self._patience:
            self._count_again = True
            return
        self._counting_since = now
        self._effects.emit(CountPeers(partial(self._plan_early_round, is_lost)))

    def _plan_early_round(self, is_lost: bool, counts: PeerCounts | None) -> None:
        self._counting_since = None
        again, self._count_again = self._count_again, False
        if counts is not None and not self._dialling.under_way:
            delay = self._manager.early_round(outbound=counts.outbound, dialling=counts.dialling)
            if delay is not None:
                self._agenda.after(delay, partial(self.ensure_peers, early=True))
                return
        if again and counts is not None:
            self.hurry(is_lost=True)  # perhaps one is
        elif is_lost and counts is not None and self._manager.has_enough(counts.outbound):
            self._agenda.after(RECOUNT_S, self.hurry)
