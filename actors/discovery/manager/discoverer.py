"""Peer exchange without input and output: the decisions about whom to dial, whom to ask and what to answer.

A driver tells a `Discoverer` what happened and when, carries out the effects that it returns, and calls `tick` at the
deadline. The PEX reactor does so with mailboxes and timers, the simulation on virtual time.

    inputs                                              effects
    start, tick                                         Dial, DialSeed, Feel
    peer_added, peer_removed                            SendRequest, SendAnswer, Disconnect, Rotate, Stop
    request_received, addresses_received      →         AskBook, SelectAnswer, CountPeers, WeighPeers
    seed_requested, seed_request_left,
    seed_requests_answered                              AdmitSeedRequest, AnswerSeedRequest, RefuseSeedRequest
    dial_ended, answered, request_not_sent              Ban, GiveUp; Judged, Heard, NoSeedReached

Source: reference 8.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from peerage.actors.discovery.book.additions import Added
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.facts import Fact, FactList
from peerage.actors.discovery.manager.agenda import Agenda, Entry, Moment
from peerage.actors.discovery.manager.answer_selection import AnswerSelection
from peerage.actors.discovery.manager.answering import Answering
from peerage.actors.discovery.manager.arrivals import Arrivals
from peerage.actors.discovery.manager.asking import Asking
from peerage.actors.discovery.manager.dialling import Dialling
from peerage.actors.discovery.manager.effects import (
    AdmitSeedRequest,
    CountPeers,
    DialEffect,
    Effect,
    Effects,
    Heard,
    Question,
)
from peerage.actors.discovery.manager.events import ConnectedPeer, DialEnd, PeerCounts, SeedRequest
from peerage.actors.discovery.manager.exchange import PeerExchange, StopPeer
from peerage.actors.discovery.manager.group_rate import GroupRate
from peerage.actors.discovery.manager.peer_manager import PeerManager
from peerage.actors.discovery.manager.rotation import Rotation
from peerage.actors.discovery.manager.rounds import Rounds
from peerage.actors.discovery.manager.seed_crawl import Crawler
from peerage.actors.discovery.manager.seed_mode import SeedMode
from peerage.actors.discovery.manager.seed_visits import SeedVisits
from peerage.actors.discovery.manager.seeds import SeedList
from peerage.actors.discovery.manager.settings import DiscoverySettings
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress
from peerage.wire.pex import PexAddrs


class Discoverer:
    """One node's peer exchange, from the start of a process to its end.

    Requests for addresses are judged by what the book remembers of the node that asks, so that our restart does not reset
    the rate limits. Until the book has told us what that is, requests wait.

    Args: now, the time at which it is made; rng, the source of its random choices; on_record, called with each ID whose
        requests for addresses are counted.
    """

    def __init__(
        self,
        now: Moment,
        *,
        rng: random.Random,
        seeds: SeedList,
        settings: DiscoverySettings | None = None,
        on_record: Callable[[str], object] | None = None,
    ) -> None:
        settings = self._settings = settings or DiscoverySettings()
        pace, improvements = settings.pace, settings.improvements
        agenda = self._agenda = Agenda(now)
        effects = self._effects = Effects()
        clock = agenda.clock
        self._began = now.at
        self._seeds = seeds
        self._peers: dict[NodeID, ConnectedPeer] = {}
        # Outbound peers that were connected a moment ago, oldest first, with the time: if one hangs up, its dial has failed.
        self._young: dict[NodeID, tuple[float, ConnectedPeer]] = {}
        self._recalling: Entry | None = None
        self._until_recalled: list[Callable[[], None]] | None = []  # None: the book has answered
        self._exchange = PeerExchange(
            clock=clock,
            seed_mode=settings.seed_mode,
            ensure_period=pace.ensure_period,
            groups=GroupRate(clock, burst=pace.group_burst) if improvements.request_groups else None,
            most_waiting=max(1, settings.max_inbound // 2) if settings.seed_mode else None,
            on_record=on_record,
        )
        self._manager = PeerManager(
            clock=clock,
            rng=rng,
            max_outbound=settings.max_outbound,
            ensure_period=pace.ensure_period,
            persistent_max_dial_period=settings.persistent_max_dial_period,
            improvements=improvements,
        )
        self._pauses = SeedVisits(clock, period=pace.seed_pause)
        self._dialling = Dialling(
            effects,
            agenda,
            rng,
            self._manager,
            seeds,
            self._pauses,
            peers=self._peers,
            persistent_ids=settings.persistent_ids,
            on_end=self._consider_early_round,
        )
        self._rotation = Rotation(
            effects,
            agenda,
            rng,
            peers=self._peers,
            max_outbound=settings.max_outbound,
            period=0.0 if settings.seed_mode else settings.rotate_peers,  # a seed keeps nobody
        )
        self._rounds = Rounds(
            effects,
            agenda,
            self._manager,
            self._exchange,
            self._dialling,
            peers=self._peers,
            persistent_ids=settings.persistent_ids,
            ip_limits=settings.ip_limits,
            rests=self._rotation.rests,
            pace=pace,
        )
        self._seed_mode = (
            SeedMode(
                effects,
                agenda,
                Crawler(clock=clock, group_limit=settings.crawl_group_limit),
                self._dialling,
                peers=self._peers,
                verified_answers=improvements.verified_answers,
                pace=pace,
            )
            if settings.seed_mode
            else None
        )
        self._asking = Asking(
            effects,
            agenda,
            self._exchange,
            peers=self._peers,
            again_after=pace.ensure_period if improvements.ask_again else None,
        )
        self._arrivals = Arrivals(effects, agenda, pace)
        self._answering = Answering(
            effects,
            agenda,
            self._exchange,
            AnswerSelection(effects, agenda, pace),
            peers=self._peers,
            never_banned=settings.persistent_ids | settings.unconditional_ids,
            visit_back=self._visit_back,
            alone_s=pace.alone,
            renewal_s=pace.renewal,
        )

    # --- what the driver calls -------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """When to call `tick` next, in monotonic seconds; infinity when nothing is due later."""
        return self._agenda.deadline

    def start(self, now: Moment) -> list[Effect]:
        """Begin. Call it once, before all else."""
        self._agenda.now = now
        self._recall()
        if self._seed_mode is not None:  # a seed asks the other seeds first
            self._dialling.dial_all_seeds()
        self._effects.emit(CountPeers(self._begin))
        return self._effects.take()

    def tick(self, now: Moment) -> list[Effect]:
        """Do what is due now."""
        self._agenda.now = now
        if self._young:
            self._note_who_stayed()
        self._agenda.run_due()
        return self._effects.take()

    def peer_added(self, now: Moment, peer: ConnectedPeer) -> list[Effect]:
        """A peer is connected: sending is possible from here on."""
        self._agenda.now = now
        self._peers[peer.id] = peer
        if peer.since < self._began:
            self._exchange.peer_taken_over(peer.id)
        if peer.is_outbound:
            self._reached(peer)
        else:
            self._exchange.peer_added(peer.id, outbound=False, book_needs_more=False)
            self._arrivals.note(peer.reported)
            home = peer.home
            if home is not None:
                # it is back: the dials that failed while it was away do not count
                self._manager.dial_succeeded(home)
        return self._effects.take()

    def peer_removed(self, now: Moment, peer: ConnectedPeer, *, hung_up: bool) -> list[Effect]:
        """A connection is over. Args: hung_up, whether it ended in any way other than by our graceful stop."""
        self._agenda.now = now
        if self._peers.get(peer.id) is not peer:
            return []
        del self._peers[peer.id]
        self._exchange.peer_removed(peer.id)
        self._answering.peer_removed(peer)
        self._note_who_stayed()
        if self._young.pop(peer.id, None) is not None and hung_up:
            self._manager.dial_failed(peer.address)
        if peer.is_outbound:
            self._consider_early_round(is_lost=True)
        elif self._seed_mode is not None:
            self._seed_mode.visit_back(peer.id, peer.home)
        return self._effects.take()

    def request_received(self, now: Moment, peer: ConnectedPeer) -> list[Effect]:
        """A peer asks for addresses."""
        self._agenda.now = now
        self._once_recalled(partial(self._answering.request, peer))
        return self._effects.take()

    def addresses_received(
        self, now: Moment, peer: ConnectedPeer, told: PexAddrs | Sequence[NetAddress]
    ) -> list[Effect]:
        """A peer tells addresses. Args: told, a message as it came, or addresses that were checked before."""
        self._agenda.now = now
        if isinstance(told, PexAddrs):
            outcome = self._exchange.receive_addresses(peer.id, told.addresses)
        else:
            outcome = self._exchange.receive_net_addresses(peer.id, told)
        if isinstance(outcome, StopPeer):
            self._effects.stop(peer, outcome)
        else:
            self._effects.ask_book(
                partial(self._learned, peer), AddrBook.add_all, outcome.addresses, peer.source
            )
        return self._effects.take()

    def request_not_sent(self, peer: ConnectedPeer) -> None:
        """The last `SendRequest` for this peer could not be carried out, so no answer will come."""
        if self._peers.get(peer.id) is peer:
            self._exchange.not_asked(peer.id)

    def seed_requested(self, now: Moment, request: SeedRequest) -> list[Effect]:
        """A node has connected to this seed only to ask: treat it as a peer that comes, asks and goes, in one step."""
        self._agenda.now = now
        judge = partial(self._on_seed_requests, self._answering.seed_request, (request,))
        admission = AdmitSeedRequest(request, lambda _nothing: judge())
        self._once_recalled(partial(self._effects.emit, admission))
        return self._effects.take()

    def seed_requests_answered(self, now: Moment, requests: Sequence[SeedRequest]) -> list[Effect]:
        """A peer host has given these nodes a standing answer: treat each as if it had asked here."""
        self._agenda.now = now
        self._once_recalled(partial(self._on_seed_requests, self._answering.answered_unasked, requests))
        return self._effects.take()

    def seed_request_left(self, now: Moment, peer_id: NodeID, connection: str) -> list[Effect]:
        """The node that sent a seed request over this connection has hung up."""
        self._agenda.now = now
        self._answering.seed_request_left(peer_id, connection)
        return self._effects.take()

    def dial_ended(self, now: Moment, dial: DialEffect, end: DialEnd) -> list[Effect]:
        """A dial that we asked for has ended. If it led to a peer, `peer_added` says so, before or after this call."""
        self._agenda.now = now
        self._dialling.ended(dial, end)
        return self._effects.take()

    def answered(self, now: Moment, question: Question, answer: Any) -> list[Effect]:
        """The answer to a question that was among the effects."""
        self._agenda.now = now
        if question.then is not None:
            question.then(answer)
        return self._effects.take()

    def drain(self) -> list[Fact]:
        """What must survive a restart and has changed since the last call: for `FactList.keep`."""
        return [*self._exchange.drain(), *self._manager.drain()]

    # --- beginning -------------------------------------------------------------------------------------------------

    def _recall(self) -> None:
        """Ask the book which requests and failed dials it knows from before this process; ask again until it answers."""
        self._recalling = self._agenda.after(self._settings.pace.patience, self._recall)
        self._effects.ask_book(self._recalled, FactList.all)

    def _recalled(self, facts: Sequence[Fact]) -> None:
        if self._until_recalled is None:
            return
        if self._recalling is not None:
            self._agenda.cancel(self._recalling)
        self._exchange.restore(facts)
        self._manager.restore(facts)
        held, self._until_recalled = self._until_recalled, None
        for judge in held:
            judge()

    def _once_recalled(self, judge: Callable[[], None]) -> None:
        if self._until_recalled is None:
            judge()
        else:
            self._until_recalled.append(judge)

    def _begin(self, counts: PeerCounts | None) -> None:
        """Begin the rounds. If peers could not be counted, begin as if there were none."""
        counts = counts or PeerCounts()
        delay = self._manager.first_round_delay(
            outbound=counts.outbound, inbound=counts.inbound, dialling=counts.dialling
        )
        (self._rounds if self._seed_mode is None else self._seed_mode).begin(delay)
        self._rotation.begin()

    # --- peers -----------------------------------------------------------------------------------------------------

    def _reached(self, peer: ConnectedPeer) -> None:
        """We dialled it, and its key and NodeInfo were just verified."""
        pace, address = self._settings.pace, peer.address
        if self._seed_mode is not None or pace.hang_up <= 0:
            self._manager.dial_succeeded(address)  # a seed's visits are short: their end is not a hang-up
        else:
            self._young.pop(peer.id, None)
            self._young[peer.id] = self._agenda.now.at, peer
        if peer.is_persistent:
            self._effects.ask_book(None, AddrBook.add_all, (address,), self._settings.own_address)
        self._effects.ask_book(None, AddrBook.mark_good, peer.id, address, peer.latency)
        if self._seed_mode is None:
            self._asking.if_needed(peer)
        else:
            self._asking.now(peer)
            self._seed_mode.reached(peer)

    def _note_who_stayed(self) -> None:
        """Note the dials whose peers did not hang up at once: they have succeeded.

        This needs no timer of its own: the next tick is soon enough.
        """
        until = self._agenda.now.at - self._settings.pace.hang_up
        while self._young:
            since, peer = next(iter(self._young.values()))
            if since > until:
                return
            del self._young[peer.id]
            self._manager.dial_succeeded(peer.address)

    def _learned(self, peer: ConnectedPeer, added: Added) -> None:
        self._effects.emit(Heard(peer, added))
        if self._seed_mode is not None:
            self._seed_mode.answered(peer)
            return
        self._asking.learned(peer, added)
        if self._seeds.is_seed(peer.id):
            if added.added:
                self._pauses.bring_news(peer.id)
            self._rounds.ensure_peers(early=True)

    def _on_seed_requests(
        self, judge: Callable[[SeedRequest], None], requests: Sequence[SeedRequest]
    ) -> None:
        for request in requests:
            self._arrivals.note(request.reported)
            judge(request)

    def _visit_back(self, request: SeedRequest) -> None:
        if self._seed_mode is not None:
            self._seed_mode.visit_back(request.id, request.home)

    def _consider_early_round(self, *, is_lost: bool = False) -> None:
        if self._seed_mode is None:
            self._rounds.hurry(is_lost=is_lost)
