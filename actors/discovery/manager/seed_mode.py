"""Seed mode: visit the nodes in the book, so that we tell others only of nodes that answer, and keep no peer.

Source: reference 8, Seed mode.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial

from peerage.actors.discovery.book.answers import AnswerChooser
from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.actors.discovery.book.choosing import DialChooser
from peerage.actors.discovery.manager.agenda import Agenda
from peerage.actors.discovery.manager.dialling import Dialling
from peerage.actors.discovery.manager.effects import Disconnect, Effects
from peerage.actors.discovery.manager.events import ConnectedPeer
from peerage.actors.discovery.manager.group_rate import GroupRate
from peerage.actors.discovery.manager.seed_crawl import VISITS_PER_ROUND, Crawler, Stay
from peerage.actors.discovery.manager.settings import Pace
from peerage.wire.ip_ranges import IPAddress
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress


class SeedMode:
    """A seed's rounds of visits, its visits to nodes that connected to it, and the ends of both.

    Args: verified_answers, whether to visit first the addresses that were checked longest ago, rather than random ones.
    """

    def __init__(
        self,
        effects: Effects,
        agenda: Agenda,
        crawler: Crawler,
        dialling: Dialling,
        *,
        peers: Mapping[NodeID, ConnectedPeer],
        verified_answers: bool = True,
        pace: Pace,
    ) -> None:
        self._effects = effects
        self._agenda = agenda
        self._crawler = crawler
        self._dialling = dialling
        self._peers = peers
        self._verified_answers = verified_answers
        self._pace = pace
        self._visits_back = GroupRate(
            agenda.clock, burst=pace.visits_back_at_once, per_second=pace.visits_back_per_second
        )

    def begin(self, delay: float) -> None:
        """Schedule the first round of visits; each round schedules the next."""
        self._agenda.after(delay, self._round)

    def _round(self) -> None:
        self._agenda.after(self._pace.crawl_period, self._round)
        self._effects.ask_book(None, BadPeers.reinstate)
        self._dialling.feel()
        if self._verified_answers:
            self._effects.ask_book(self._visit_all, DialChooser.due, VISITS_PER_ROUND)
        else:
            self._effects.ask_book(self._visit_all, AnswerChooser.selection)
        now, peers = self._agenda.now.at, self._peers
        stays = [Stay(peer.id, now - peer.since, persistent=peer.is_persistent) for peer in peers.values()]
        for peer_id in self._crawler.overstayed(stays):
            self._effects.emit(Disconnect(peers[peer_id]))
        self._crawler.forget_old()

    def _visit_all(self, addresses: Sequence[NetAddress]) -> None:
        """Visit the addresses that were not visited lately, spread over some seconds: 250 dials at once would be a burst."""
        due = self._crawler.due(address for address in addresses if address.id not in self._peers)
        for place, address in enumerate(due):
            seconds = place * self._pace.visit_spread / VISITS_PER_ROUND
            self._agenda.after(seconds, partial(self._dialling.visit, address))

    def visit_back(self, peer_id: NodeID, home: NetAddress | None) -> None:
        """Visit a node a little after it was here: it is likely to answer, and then we can tell others about it.

        It is not asked for addresses. A newcomer knows none; and whoever wants our book full of its own addresses would only
        have to come here often to be asked for them.

        Args: home, where it says it listens, if it connected from that IP. Otherwise anybody could make a seed dial
            third parties.
        """
        if home is not None and self._visits_back.allow(""):
            self._agenda.after(self._pace.visit_back_after, partial(self._ask_where, peer_id, home.host))

    def _ask_where(self, peer_id: NodeID, host: IPAddress) -> None:
        self._effects.ask_book(partial(self._visit_at, host), DialChooser.due_address, peer_id)

    def _visit_at(self, host: IPAddress, due: NetAddress | None) -> None:
        if due is not None and due.host == host:
            for address in self._crawler.due((due,)):
                self._dialling.visit(address, asks=False)

    def reached(self, peer: ConnectedPeer) -> None:
        """A peer that we visit is connected: hang up if it does not answer in time."""
        if self._is_to_leave(peer):
            self._agenda.after(self._pace.answer_limit, partial(self._hang_up, peer))

    def answered(self, peer: ConnectedPeer) -> None:
        """A peer has told addresses. If this was a visit, it is over."""
        if self._is_to_leave(peer):
            self._hang_up(peer)

    def _is_to_leave(self, peer: ConnectedPeer) -> bool:
        return peer.is_outbound and not peer.is_persistent and self._pace.answer_limit < math.inf

    def _hang_up(self, peer: ConnectedPeer) -> None:
        if self._peers.get(peer.id) is peer:
            self._effects.emit(Disconnect(peer))
