"""The PEX reactor: asks for addresses, answers who asks, keeps enough outbound peers (reference 8).

What to do is decided by `peerage.actors.discovery`; this actor asks the switch and the book, and sends. What concerns one
peer waits for nobody: many may ask at once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from peerage.actors.addrbook import PATIENCE_S, AddressBook, improvements_of, own_address, self_reported
from peerage.actors.ban_filter import ShutOut
from peerage.actors.discovery.book.addrbook import Added, Offer
from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.facts import Fact
from peerage.actors.discovery.manager.exchange import Answer, Ignore, Learned, PeerExchange, StopPeer
from peerage.actors.discovery.manager.group_rate import GroupRate
from peerage.actors.discovery.manager.peer_manager import BAN_S, Connected, PeerManager, Plan, Verdict
from peerage.actors.discovery.manager.seed_crawl import CRAWL_PERIOD_S, VISITS_PER_ROUND, Crawler, Stay
from peerage.actors.discovery.manager.seed_visits import SeedVisits
from peerage.actors.discovery.manager.seeds import SeedList
from peerage.actors.discovery.manager.turns import Turn
from peerage.actors.log_folding import LineFolding, prefix_of
from peerage.actors.messages import (
    BansChanged,
    CallerAsks,
    CallerLeft,
    CountPeers,
    DialPeer,
    NumPeers,
    PeerInfo,
    Tried,
    TryAddress,
)
from peerage.actors.metrics.families import message_type_label
from peerage.actors.reactors.peer_handle import Peer
from peerage.actors.reactors.reactor import Envelope, Reactor
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import ActorDeadError, Future, Reply, Timer
from peerage.actors.runtime.log import get_logger
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.errors import WireError
from peerage.wire.ip_ranges import group_of, is_routable, parse_ip
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress, id_in
from peerage.wire.pex import MAX_PEX_BYTES, PEX_CHANNEL, PexAddrs, PexRequest, decode_pex
from peerage.wire.remote_text import shown

__all__ = ["ENSURE_PERIOD_S", "PexReactor"]

log = get_logger("peerage.pex")

ENSURE_PERIOD_S = 30.0  # reference 8
KEEP_PERIOD_S = 1.0  # so much of what was counted may be lost when this process is killed
ARRIVALS_S = 0.02  # under load, inbound peers of so long a time are told to the book together
# Under load, all who ask within so long a time get what was drawn for the first of them: drawing and encoding an answer
# for each takes as long as all the rest of a seed's work for them. Else each has his own, with those who came before him.
DRAW_SERVES_S = 0.1
HANG_UP_S = 1.0  # who hangs up on us so soon after the handshake did not want us: as good as a failed dial
ALONE_S = 5.0  # so long a seed waits for others to come before it tells somebody that there is nobody
LOAD_PER_S = 50
REQUEST = PexRequest().encode()
ONE_ADDRESS_BYTES = 100  # an answer that is longer has two addresses or more
VISIT_SPREAD_S = 5.0  # a seed's visits of one round begin within this time
ANSWER_LIMIT_S = 10.0  # then a seed hangs up on whom it visits, answered or not
VISIT_BACK_AFTER_S = 1.0  # who came to a seed is visited when his own connection is over
VISITS_BACK_AT_ONCE, VISITS_BACK_PER_S = (
    20,
    8.0,
)  # whoever comes with many IDs must not keep a seed busy with them
# Refusals of our own that say nothing of the address.
NOT_ITS_FAULT = {
    RefusalReason.BANNED,
    RefusalReason.DUPLICATE_CONNECTION,
    RefusalReason.DUPLICATE_ID,
    RefusalReason.DUPLICATE_IP,
    RefusalReason.SELF,  # the switch has told the book that the place is ours
    RefusalReason.STOPPING,
}


@dataclass(slots=True)
class _Load:
    """How often something happens: counted by seconds, this one and the one before."""

    second: float = float("-inf")
    count: int = 0
    before: int = 0

    def is_high(self, now: float) -> bool:
        """Count one. Returns: whether there are so many that they have to share."""
        if now - self.second >= 1.0:
            self.before = self.count if now - self.second < 2.0 else 0
            self.second, self.count = now, 0
        self.count += 1
        return max(self.count, self.before) > LOAD_PER_S


@dataclass(slots=True)
class _Draw:
    """An answer that is shared under load: when it was asked for and when it came, and who waits for the next."""

    message: bytes = b""
    asked_at: float = float("-inf")
    drawn_at: float = float("-inf")
    askers: list[Callable[[bytes], None]] = field(default_factory=list)
    load: _Load = field(default_factory=_Load)


@dataclass(frozen=True, slots=True, eq=False)
class _Thought:
    """Of a round: since when (monotonic seconds) it waits for answers of the switch and the book."""

    since: float
    early: bool


@dataclass(slots=True)
class _Call:
    """A caller who waits."""

    caller: CallerAsks
    turn: Turn
    reply: Reply
    timer: Timer


class PexReactor(Reactor):
    """See the module's text."""

    channels = (
        ChannelDescriptor(
            id=PEX_CHANNEL, priority=1, send_queue_capacity=10, recv_message_capacity=MAX_PEX_BYTES
        ),
    )

    def __init__(self) -> None:
        super().__init__()
        p2p, settings = self.node.config.p2p, self.node.config.peerage
        self._rng = random.Random()  # noqa: S311 - spreads dials, guards nothing
        self._book = AddressBook(self.node.names.addrbook)
        self._improvements = improvements_of(self.node.config)
        self._exchange = PeerExchange(
            clock=time.time,
            seed_mode=p2p.seed_mode,
            ensure_period=ENSURE_PERIOD_S,
            groups=GroupRate(time.time) if self._improvements.request_groups else None,
            most_waiting=max(1, p2p.max_num_inbound_peers // 2) if p2p.seed_mode else None,
        )
        self._manager = PeerManager(
            clock=time.time,
            rng=self._rng,
            max_outbound=p2p.max_num_outbound_peers,
            ensure_period=ENSURE_PERIOD_S,
            persistent_max_dial_period=p2p.persistent_peers_max_dial_period,
            improvements=self._improvements,
        )
        self._seeds = SeedList(p2p.seeds, self.node.node_id)
        self._crawler = (
            Crawler(clock=time.time, group_limit=settings.crawl_group_limit) if p2p.seed_mode else None
        )
        self._visits_back = GroupRate(time.time, burst=VISITS_BACK_AT_ONCE, per_second=VISITS_BACK_PER_S)
        self._began = time.time()
        self._persistent = set(map(id_in, p2p.persistent_peers))
        self._wanted = self._persistent | set(p2p.unconditional_peer_ids)  # never banned
        self._shut_out = ShutOut()
        self._calls: dict[NodeID, _Call] = {}  # of those who wait for an answer
        self._answers_due: dict[str, Timer] = {}  # by connection, of peers who asked early
        self._seed_visits = SeedVisits(time.time, period=ENSURE_PERIOD_S)
        self._young: dict[str, Timer] = {}  # by connection, outbound peers that may hang up yet
        self._dials = 0  # under way
        self._thinking: _Thought | None = None
        self._until_recalled: (
            list[Callable[[], None]] | None
        ) = []  # requests since the start; None: it is known
        self._hurries = False
        self._arrived: list[NetAddress] = []
        self._arrivals = _Load()
        self._draws: dict[int | None, _Draw] = {}
        self._lines = LineFolding(self.runtime.call_later)

    def on_start(self) -> None:
        if self._seeds.without_us:
            log.info("our own address is among the seeds, and is left out", seed=self.node.node_id)
        self._book.request(self.runtime, "shut_out", then=self._told_of_bans)
        self._recall()
        self.runtime.call_later(KEEP_PERIOD_S, self._keep)
        if (
            self._crawler is not None and self.node.config.p2p.seeds
        ):  # a seed consults others before it crawls
            self._dial_seeds(self._seeds.order(self._rng))
        self._count_peers(self._begin)

    def _told_of_bans(self, bans: tuple[Ban, ...]) -> None:
        self._shut_out.update(BansChanged(bans, whole=True))

    def _recall(self) -> None:
        """Have the book say who asked and which dials failed before this process began."""
        self._recalling = self.runtime.call_later(PATIENCE_S, self._recall)  # it gave up: try again
        self._book.request(self.runtime, "recall", then=self._recalled)

    def _recalled(self, facts: Sequence[Fact]) -> None:
        self._recalling.cancel()
        if self._until_recalled is None:
            return
        self._exchange.restore(facts)
        self._manager.restore(facts)
        held, self._until_recalled = self._until_recalled, None
        for judge in held:
            judge()

    def _once_recalled(self, judge: Callable[[], None]) -> None:
        """Judge who asks by what is remembered of them. Nobody is held up: the book would have to answer them, too."""
        if self._until_recalled is None:
            judge()
        else:
            self._until_recalled.append(judge)

    def _begin(self, counted: NumPeers | None) -> None:
        """Begin with the rounds, which go on by themselves."""
        counted = counted or NumPeers(0, 0, 0)
        delay = self._manager.first_round_delay(
            outbound=counted.outbound, inbound=counted.inbound, dialling=counted.dialling
        )
        self.runtime.call_later(delay, self._round if self._crawler is None else self._crawl)

    def on_stop(self) -> None:
        self._book.tell("keep", [*self._exchange.drain(), *self._manager.drain()])
        self.metrics.send()

    def _keep(self) -> None:
        """Have the book remember who asked and which dials failed: neither a kill nor a restart clears it."""
        self.runtime.call_later(KEEP_PERIOD_S, self._keep)
        facts = [*self._exchange.drain(), *self._manager.drain()]
        if facts:
            self._book.request(self.runtime, "keep", facts)

    # --- peers -----------------------------------------------------------------------------------------------------

    def init_peer(self, peer: Peer) -> None:
        if peer.info.since < self._began:
            self._exchange.peer_taken_over(peer.id)

    def add_peer(self, peer: Peer) -> None:
        if peer.is_outbound:
            self._reached(peer)
            return
        self._exchange.peer_added(peer.id, outbound=False, book_needs_more=False)
        self._arrive(peer.id, peer.node_info.listen_addr)
        address = self_reported(peer.id, peer.node_info.listen_addr)
        if address is not None and str(address.host) == peer.remote_ip:
            self._manager.dial_succeeded(address)  # it is back: what failed while it was away counts no more

    def _arrive(self, peer_id: NodeID, listen_addr: str) -> None:
        """Hear of an inbound peer by its own account: at once, for the next who asks may start with him."""
        address = self_reported(peer_id, listen_addr)
        if address is None:
            return
        self._arrived.append(address)
        if not self._arrivals.is_high(self.runtime.now()):
            self._hear_of_arrivals()
        elif len(self._arrived) == 1:
            self.runtime.call_later(ARRIVALS_S, self._hear_of_arrivals)

    def _hear_of_arrivals(self) -> None:
        arrived, self._arrived = self._arrived, []
        self._book.request(self.runtime, "add_each", arrived, then=self._count_heard)

    def _reached(self, peer: Peer) -> None:
        """We dialled it, and its key and NodeInfo were just verified."""
        address = NetAddress.parse(f"{peer.id}@{peer.socket_address}")
        if self._crawler is not None:
            self._manager.dial_succeeded(address)  # the visit is over soon, and that is no hang-up
        else:
            self._young[peer.info.connection] = self.runtime.call_later(
                HANG_UP_S, self._has_stayed, peer, address
            )
        if peer.is_persistent:
            self._book.request(self.runtime, "add_all", (address,), own_address(self.node))
        self._book.request(self.runtime, "mark_good", peer.id, address, peer.info.latency)
        if self._crawler is None:
            self._book.request(self.runtime, "needs_more", then=partial(self._ask_at_once, peer))
            return
        self._ask_at_once(peer, needs_more=True)
        if not peer.is_persistent:
            self.runtime.call_later(ANSWER_LIMIT_S, self._hang_up, peer)

    def _has_stayed(self, peer: Peer, address: NetAddress) -> None:
        self._young.pop(peer.info.connection, None)
        self._manager.dial_succeeded(address)

    @staticmethod
    def _hang_up(peer: Peer) -> None:
        if peer.is_running:
            peer.flush_stop()

    def _ask_at_once(self, peer: Peer, needs_more: bool) -> None:
        if peer.is_running and self._exchange.peer_added(peer.id, outbound=True, book_needs_more=needs_more):
            self._send_request(peer)

    def remove_peer(self, peer: Peer, reason: str) -> None:
        self._exchange.peer_removed(peer.id)
        answer_due = self._answers_due.pop(peer.info.connection, None)
        if answer_due is not None:
            answer_due.cancel()
        young = self._young.pop(peer.info.connection, None)
        if young is not None:
            young.cancel()
            if reason:
                self._manager.dial_failed(NetAddress.parse(f"{peer.id}@{peer.socket_address}"))
        if peer.is_outbound:
            self._hurry_soon()
        elif self._crawler is not None:
            self._visit_back(peer.id, peer.node_info.listen_addr, peer.remote_ip)

    def receive(self, envelope: Envelope) -> None:
        message = decode_pex(envelope.message)
        self._count_received(message_type_label(type(message)), len(envelope.message))
        if isinstance(message, PexRequest):
            self._once_recalled(partial(self._on_request, envelope.source))
        elif isinstance(message, PexAddrs):
            self._on_addresses(envelope.source, message)

    def _on_request(self, peer: Peer) -> None:
        if not peer.is_running:
            return
        outcome = self._exchange.receive_request(
            peer.id, outbound=peer.is_outbound, group=_group_of(peer.remote_ip)
        )
        if isinstance(outcome, StopPeer):
            self._note("p2p_pex_requests_total", outcome.reason)
            self._stop_peer(peer, outcome)
        elif isinstance(outcome, Ignore):
            self._note("p2p_pex_requests_total", "ignored")
        elif outcome.turn is None:
            self._answer_soon(peer, outcome)
        else:
            self._note("p2p_pex_requests_total", "early")
            self._answers_due[peer.info.connection] = self.runtime.call_later(
                outcome.after, self._answer_in_turn, peer, outcome, outcome.turn
            )

    def _answer_in_turn(self, peer: Peer, answer: Answer, turn: Turn) -> None:
        del self._answers_due[peer.info.connection]
        if self._exchange.has_come(turn):
            self._answer_soon(peer, answer)
        elif answer.then_stop:  # it has called once more meanwhile, over another connection
            peer.flush_stop()

    def _answer_soon(self, peer: Peer, answer: Answer) -> None:
        self._note("p2p_pex_requests_total", "answered")
        self._draw(answer.bias, partial(self._answer, peer, then_stop=answer.then_stop))

    def _answer(self, peer: Peer, message: bytes, *, then_stop: bool) -> None:
        self._send(peer, PexAddrs, message)
        if then_stop:
            peer.flush_stop()

    def _draw(self, bias: int | None, then: Callable[[bytes], None]) -> None:
        """Have an answer drawn from the book, or take the one that was drawn a moment ago."""
        draw, now = self._draws.setdefault(bias, _Draw()), self.runtime.now()
        if draw.load.is_high(now):
            if now - draw.drawn_at < DRAW_SERVES_S:
                then(draw.message)
                return
            draw.askers.append(then)
            if now - draw.asked_at < DRAW_SERVES_S:
                return
            draw.asked_at = now
            then = partial(self._drawn, draw)
        question = () if bias is None else (bias,)
        self._book.request(self.runtime, "answer", *question, then=then)

    def _drawn(self, draw: _Draw, message: bytes) -> None:
        draw.drawn_at, draw.message = self.runtime.now(), message
        askers, draw.askers = draw.askers, []
        for then in askers:
            then(message)

    def _on_addresses(self, peer: Peer, message: PexAddrs) -> None:
        outcome = self._exchange.receive_addresses(peer.id, message.addresses)
        if isinstance(outcome, StopPeer):
            self._stop_peer(peer, outcome)
        elif isinstance(outcome, Learned):
            self._book.request(
                self.runtime, "add_all", outcome.addresses, _source(peer), then=partial(self._learned, peer)
            )

    def _learned(self, peer: Peer, added: Added) -> None:
        self._count_heard(added)
        if added.refused or added.displaced:
            common = {"prefix": prefix_of(peer.remote_ip)}
            self._lines.say(
                log.info, "addresses heard", peer.id, common, peer=peer.id, found=_outcomes(added)
            )
        if self._crawler is not None:
            if peer.is_outbound and not peer.is_persistent:
                peer.flush_stop()  # a crawl's connection is done once answered
        elif self._seeds.is_seed(peer.id):
            if added.added:
                self._seed_visits.bring_news(peer.id)
            self._ensure_peers(early=True)

    def _count_heard(self, added: Added) -> None:
        for outcome, count in _outcomes(added).items():
            self._note("p2p_heard_addresses_total", outcome, count)

    def _stop_peer(self, peer: Peer, outcome: StopPeer) -> None:
        peer.stop(outcome.reason)
        if outcome.ban_s > 0 and not peer.is_persistent and not peer.info.is_unconditional:
            self._ban("ban", peer.id, outcome.reason, outcome.ban_s)

    def _ban(self, how: str, peer_id: str, reason: str, seconds: float) -> None:
        """Keep somebody out ("ban"), or only leave his address alone ("give_up")."""

        def banned(done: Any) -> None:
            if done:
                did = reason.partition(":")[0]  # what the peer did, without what it said
                self._lines.say(
                    log.info,
                    "peer banned",
                    peer_id,
                    {"reason": did},
                    peer=peer_id,
                    reason=shown(reason),
                    seconds=seconds,
                    connects=how == "give_up",
                )
                self._note("p2p_bans_total", did)  # a label's values are few

        self._book.request(self.runtime, how, peer_id, seconds, reason, then=banned)

    def _send_request(self, peer: Peer) -> None:
        if not self._send(peer, PexRequest, REQUEST):
            self._exchange.not_asked(peer.id)

    def _send(self, peer: Peer, kind: type, message: bytes) -> bool:
        """Send, if there is room: who leaves ten messages unread gets no more of them."""
        sent = peer.try_send(PEX_CHANNEL, message)
        if sent:
            self._count_sent(message_type_label(kind), len(message))
        return sent

    def _note(self, counter: str, label: str, n: float = 1) -> None:
        if self.metrics.is_on:
            self.metrics.buffer.inc(counter, (label,), n)

    # --- keeping enough peers ------------------------------------------------------------------------------------------

    def _round(self) -> None:
        self.runtime.call_later(ENSURE_PERIOD_S, self._round)
        self._book.request(self.runtime, "reinstate_bad_peers")
        self._book.request(self.runtime, "set_anchors", self._manager.anchors(self._outbound()))
        self._ensure_peers(early=False)

    def _outbound(self) -> list[Connected]:
        """The outbound peers, but those that are redialled anyway."""
        now = time.time()
        return [
            Connected(NetAddress.parse(f"{peer.id}@{peer.socket_address}"), now - peer.info.since)
            for peer in self.peers.values()
            if peer.is_outbound and not peer.is_persistent
        ]

    def _ensure_peers(self, *, early: bool) -> None:
        """Think about whom to dial: ask the switch how many peers there are, then the book whom it offers.

        Their answers are not waited for. While they are on their way no other thought begins; a book that stays away
        holds this up for a while, not for good.
        """
        now = self.runtime.now()
        if self._thinking is not None and now - self._thinking.since < PATIENCE_S:
            return
        thought = self._thinking = _Thought(now, early)
        self._count_peers(partial(self._plan, thought))

    def _plan(self, thought: _Thought, counted: NumPeers | None) -> None:
        if thought is not self._thinking:
            return
        if counted is None:  # the next round will do
            self._thinking = None
            return
        plan = self._manager.plan(outbound=counted.outbound, dialling=counted.dialling)
        if plan is None:
            self._thinking = None
            if not thought.early and self._manager.feeler_due(
                outbound=counted.outbound, dialling=counted.dialling
            ):
                self._book.request(self.runtime, "feeler", then=self._try)
            return
        self._book.request(
            self.runtime, "offer", plan.bias, plan.picks, then=partial(self._decide, thought, counted, plan)
        )

    def _decide(self, thought: _Thought, counted: NumPeers, plan: Plan, offer: Offer) -> None:
        if thought is not self._thinking:
            return
        self._thinking = None
        peers = self.peers
        alone = not counted.outbound + counted.inbound
        ips = (
            set() if self.node.config.p2p.allow_duplicate_ip else {peer.remote_ip for peer in peers.values()}
        )
        round_ = self._manager.decide(
            plan,
            offer,
            busy=lambda address: (
                address.id in peers
                or address.id in counted.dialling_ids
                or str(address.host) in ips
                or self._leave_alone(address.id, alone=alone)
            ),
            persistent=lambda address: address.id in self._persistent,
            peers=[NodeID(peer_id) for peer_id in peers],
            early=thought.early,
            groups={group_of(parse_ip(p.remote_ip), strict=True) for p in peers.values() if p.is_outbound},
        )
        for address in round_.give_up:
            self._ban("give_up", address.id, "too many failed dials", BAN_S)
        for address in round_.dial:
            self._dial(address)
        if round_.ask is not None and round_.ask in peers and self._exchange.ask(round_.ask):
            self._send_request(peers[round_.ask])
        if round_.seeds:
            seeds = self._seeds.order(self._rng)
            self._dial_seeds([text for text in seeds if not self._leave_alone(id_in(text), alone=alone)])

    def _leave_alone(self, peer_id: str, *, alone: bool) -> bool:
        """Whether this is a seed that was asked a while ago. (Its address is in the book too, as everybody's.)"""
        return self._seeds.is_seed(peer_id) and not self._seed_visits.may_begin(peer_id, alone=alone)

    def _count_peers(self, then: Callable[[NumPeers | None], None]) -> None:
        """Ask the switch, and call `then` with its answer: None when it is being restarted."""

        def counted(answer: Future[Any]) -> None:
            try:
                then(answer.get(timeout=0))
            except ActorDeadError:
                then(None)

        self.switch.ask(CountPeers(), block=False).then(counted)

    def _dial(self, address: NetAddress) -> None:
        if self._seeds.is_seed(address.id):
            self._seed_visits.begin(address.id)
        self._dials += 1
        self.switch.ask(DialPeer(str(address)), block=False).then(partial(self._dialled, address))

    def _dialled(self, address: NetAddress, answer: Future[Any]) -> None:
        self._dials -= 1
        outcome = _outcome(answer)
        if isinstance(outcome, Refusal):  # who was reached is told by add_peer
            self._failed(address, outcome)
        self._hurry_soon()

    def _hurry_soon(self) -> None:
        """Think of an early round now that a dial has ended or a peer is lost; once for all that happens together."""
        if self._crawler is None and not self._hurries:
            self._hurries = True
            self.runtime.call_soon(self._hurry)

    def _hurry(self) -> None:
        self._hurries = False
        if not self._dials:
            self._count_peers(self._plan_early_round)

    def _plan_early_round(self, counted: NumPeers | None) -> None:
        if counted is None or self._dials:
            return
        delay = self._manager.early_round(outbound=counted.outbound, dialling=counted.dialling)
        if delay is not None:
            self.runtime.call_later(delay, partial(self._ensure_peers, early=True))

    def _try(self, address: NetAddress | None) -> None:
        """See whether somebody is there, for the book's sake."""
        if address is not None and address.id not in self.peers:
            self.switch.ask(TryAddress(str(address)), block=False).then(partial(self._tried, address))

    def _tried(self, address: NetAddress, answer: Future[Any]) -> None:
        outcome = _outcome(answer)
        if isinstance(outcome, Refusal):
            self._failed(address, outcome)
        elif isinstance(outcome, Tried):
            self._manager.dial_succeeded(address)
            self._book.request(self.runtime, "mark_good", address.id, address, outcome.latency)

    def _failed(self, address: NetAddress, refusal: Refusal) -> None:
        """Note what a refusal says against an address, if it says anything."""
        if refusal.is_ours or refusal.reason in NOT_ITS_FAULT:
            return
        if refusal.speaks_otherwise:
            self._seed_visits.let_be(address.id)
            self._book.request(self.runtime, "mark_incompatible", address.id, address)
            return
        ban_s = self._manager.dial_failed(address, authentication=refusal.impostor)
        if ban_s > 0:
            self._ban("give_up", address.id, str(refusal), ban_s)
        else:
            self._book.request(self.runtime, "mark_attempt", address.id, address)

    def _dial_seeds(self, texts: Sequence[str]) -> None:
        """In this order until one connects; names are looked up at each use."""
        if not texts:
            return

        def settled(answer: Future[Any]) -> None:
            try:
                outcome = answer.get(timeout=0)
            except (ActorDeadError, WireError) as error:
                self._lines.say(
                    log.warning, "seed skipped", texts[0], {}, seed=shown(texts[0]), cause=str(error)
                )
                outcome = Refusal(RefusalReason.UNREACHABLE, str(error))
            if isinstance(outcome, Refusal) and outcome.speaks_otherwise:
                self._seed_visits.let_be(id_in(texts[0]))
            if isinstance(outcome, Refusal) and outcome.reason is not RefusalReason.DUPLICATE_ID:
                if len(texts) == 1:
                    self._lines.say(log.info, "no seed could be reached", "", {})
                self._dial_seeds(texts[1:])

        self._seed_visits.begin(id_in(texts[0]))
        self.switch.ask(DialPeer(texts[0]), block=False).then(settled)

    # --- callers -------------------------------------------------------------------------------------------------------

    def handle(self, message: Any) -> Any:
        if isinstance(message, CallerAsks):
            self._once_recalled(partial(self._on_caller, message, self.runtime.defer()))
        if isinstance(message, CallerLeft):
            self._on_caller_left(message)
        if isinstance(message, BansChanged):
            self._shut_out.update(message)
        return None

    def _on_caller(self, caller: CallerAsks, reply: Reply) -> None:
        """As add_peer, the request and remove_peer of an inbound peer of a seed, all at once."""
        refusal = self._shut_out.refusal(caller.id)
        if refusal is not None:
            reply.set(refusal)
            return
        self._count_received(message_type_label(PexRequest), len(REQUEST))
        self._arrive(caller.id, caller.listen_addr)
        before = self._calls.get(caller.id)
        if before is not None:
            self._end_call(before).reply.set(
                self._refuse_caller(before.caller, StopPeer("called once more over another connection"))
            )
        group = _group_of(caller.remote_ip)
        outcome = self._exchange.receive_call(caller.id, group=group)
        if isinstance(outcome, StopPeer):
            reply.set(self._refuse_caller(caller, outcome))
        elif outcome.turn is not None:
            self._note("p2p_pex_requests_total", "early")
            self._hold(caller, outcome, reply, outcome.turn, outcome.after)
        else:
            self._visit_back(caller.id, caller.listen_addr, caller.remote_ip)  # who comes early was visited
            self._draw(outcome.bias, partial(self._answer_or_hold, caller, outcome, reply))

    def _hold(self, caller: CallerAsks, answer: Answer, reply: Reply, turn: Turn, seconds: float) -> None:
        """Have a caller wait."""

        def go_on() -> None:
            self._end_call(call)
            if self._exchange.has_come(turn):
                self._draw(answer.bias, partial(self._answer_caller, caller, reply))
            else:
                reply.set(self._refuse_caller(caller, StopPeer("called once more over another connection")))

        call = _Call(caller, turn, reply, self.runtime.call_later(seconds, go_on))
        self._calls[caller.id] = call

    def _end_call(self, call: _Call) -> _Call:
        call.timer.cancel()
        del self._calls[call.caller.id]
        return call

    def _on_caller_left(self, message: CallerLeft) -> None:
        """Who waited hung up: his turn is over, and takes nobody's place."""
        call = self._calls.get(message.id)
        if call is not None and call.caller.connection == message.connection:
            self._exchange.leave(self._end_call(call).turn)

    def _answer_or_hold(self, caller: CallerAsks, answer: Answer, reply: Reply, message: bytes) -> None:
        """Answer, or if there is nobody to tell of have him wait for others.

        Of two that come at once the second is told of the first. If the first came back right away and were told of the
        second, they would dial each other at the same moment, and CometBFT's nodes would both hang up.
        """
        if not _names_nobody_but(caller.id, message):
            self._answer_caller(caller, reply, message)
            return
        turn = self._exchange.hold(caller.id, group=_group_of(caller.remote_ip))
        if turn is None:
            reply.set(self._refuse_caller(caller, StopPeer("too many wait for their turn")))
        else:
            self._hold(caller, answer, reply, turn, ALONE_S)

    def _answer_caller(self, caller: CallerAsks, reply: Reply, message: bytes) -> None:
        self._note("p2p_pex_requests_total", "answered")
        self._count_sent(message_type_label(PexAddrs), len(message))
        reply.set(message)

    def _refuse_caller(self, caller: CallerAsks, outcome: StopPeer) -> Refusal:
        self._note("p2p_pex_requests_total", outcome.reason)
        if outcome.ban_s > 0 and caller.id not in self._wanted:
            self._ban("ban", caller.id, outcome.reason, outcome.ban_s)
        return Refusal(RefusalReason.TOO_OFTEN, outcome.reason)

    # --- seed mode -------------------------------------------------------------------------------------------------------

    def _crawl(self) -> None:
        """Reference 8, seed mode: visit whose turn it is, let go of who stays too long."""
        assert self._crawler is not None
        self.runtime.call_later(CRAWL_PERIOD_S, self._crawl)
        self._book.request(self.runtime, "reinstate_bad_peers")
        self._book.request(self.runtime, "feeler", then=self._try)
        if self._improvements.verified_answers:
            self._book.request(self.runtime, "due", VISITS_PER_ROUND, then=self._visit_all)
        else:
            self._book.request(self.runtime, "selection", then=self._visit_all)
        now = time.time()
        peers = self.peers
        stays = [
            Stay(NodeID(peer_id), now - peer.info.since, persistent=peer.is_persistent)
            for peer_id, peer in peers.items()
        ]
        for peer_id in self._crawler.overstayed(stays):
            peers[peer_id].flush_stop()
        self._crawler.forget_old()

    def _visit_all(self, addresses: Sequence[NetAddress]) -> None:
        """Visit those that were not visited lately, one after the other: 250 dials at once would be a burst."""
        assert self._crawler is not None
        due = self._crawler.due(address for address in addresses if address.id not in self.peers)
        for place, address in enumerate(due):
            self.runtime.call_later(place * VISIT_SPREAD_S / VISITS_PER_ROUND, self._visit, address)

    def _visit_back(self, peer_id: NodeID, listen_addr: str, remote_ip: str) -> None:
        """Who came is likely to answer: see at once, so that others can be told of him.

        Only where he came from: nobody shall have us knock on others' doors.
        """
        address = self_reported(peer_id, listen_addr)
        if address is None or str(address.host) != remote_ip or not self._visits_back.allow(""):
            return

        def visit(due: NetAddress | None) -> None:
            if due is not None and self._crawler is not None and str(due.host) == remote_ip:
                for each in self._crawler.due((due,)):
                    self._visit(each)

        self.runtime.call_later(
            VISIT_BACK_AFTER_S, partial(self._book.request, self.runtime, "due_address", peer_id, then=visit)
        )

    def _visit(self, address: NetAddress) -> None:
        if address.id in self.peers:
            return
        verdict = self._manager.may_dial(address, persistent=address.id in self._persistent)
        if verdict is Verdict.DIAL:
            self._dial(address)
        elif verdict is Verdict.GIVE_UP:
            self._ban("give_up", address.id, "too many failed dials", BAN_S)


def _outcomes(added: Added) -> dict[str, int]:
    """What became of how many addresses."""
    outcomes = {
        "added": added.added,
        "seen again": added.seen_again,
        "left alone": added.left_alone,
        "displaced": added.displaced,
        **added.refused,
    }
    return {outcome: count for outcome, count in outcomes.items() if count}


def _outcome(answer: Future[Any]) -> PeerInfo | Tried | Refusal | None:
    """How a dial ended; None when the switch was restarted meanwhile."""
    try:
        return answer.get(timeout=0)  # type: ignore[no-any-return]  # answers are Any
    except (ActorDeadError, WireError):
        return None


def _names_nobody_but(peer_id: NodeID, message: bytes) -> bool:
    """Whether an answer has no address but that of who asked."""
    if len(message) > ONE_ADDRESS_BYTES:
        return False
    answer = decode_pex(message)
    return isinstance(answer, PexAddrs) and all(address.id == peer_id for address in answer.addresses)


def _group_of(ip: str) -> str | None:
    """The group of a remote address whose requests are counted together; None for those that are only local."""
    address = parse_ip(ip)
    return group_of(address, strict=True) if is_routable(address) else None


def _source(peer: Peer) -> NetAddress:
    """In whose name the book keeps what a peer told.

    Many report the address that they listen on, 0.0.0.0: all of them would be one group of sources.
    """
    reported = self_reported(peer.id, peer.node_info.listen_addr)
    if reported is None or reported.host.is_unspecified:
        return NetAddress.parse(f"{peer.id}@{peer.socket_address}")
    return reported
