"""The PEX reactor: asks peers for addresses, answers their requests, and keeps enough outbound peers (reference 8).

The decisions are made by `peerage.actors.discovery.manager.discoverer`, which does no input or output. This actor is its
driver: it hands in messages and timers, and passes the effects on to the switch, the address book and the peers. It waits
for none of them, so that it can go on answering requests while one of them is slow or being restarted.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from peerage.actors.addrbook import improvements_of, own_address, self_reported
from peerage.actors.asked_table import AskedTable
from peerage.actors.book_client import BookClient
from peerage.actors.context import NodeContext
from peerage.actors.crowding import ip_limits_of
from peerage.actors.discovery.book.answers import AnswerChooser
from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.actors.discovery.book.bans import BanList
from peerage.actors.discovery.book.calls import Method
from peerage.actors.discovery.book.facts import FactList
from peerage.actors.discovery.manager.agenda import Moment
from peerage.actors.discovery.manager.discoverer import Discoverer
from peerage.actors.discovery.manager.effects import (
    AdmitSeedRequest,
    AnswerSeedRequest,
    AskBook,
    Ban,
    CountPeers,
    Dial,
    DialEffect,
    DialSeed,
    Disconnect,
    Effect,
    Feel,
    GiveUp,
    Heard,
    Judged,
    NoSeedReached,
    Question,
    RefuseSeedRequest,
    Rotate,
    SelectAnswer,
    SendAnswer,
    SendRequest,
    Stop,
    WeighPeers,
)
from peerage.actors.discovery.manager.events import (
    ConnectedPeer,
    DialEnd,
    DialOutcome,
    PeerCounts,
    SeedRequest,
)
from peerage.actors.discovery.manager.seeds import SeedList
from peerage.actors.discovery.manager.settings import DiscoverySettings, Pace
from peerage.actors.log_folding import LineFolding, Repeats
from peerage.actors.loss import LossReason
from peerage.actors.messages import (
    AskForAddresses,
    BansChanged,
    CallersAnswered,
    DialPeer,
    NumPeers,
    PeerInfo,
    SeedRequestDropped,
    StopPeer,
    Tried,
    TryAddress,
)
from peerage.actors.messages import CountPeers as CountPeersQuestion
from peerage.actors.metrics.families import message_type_label
from peerage.actors.reactors.peer_handle import Peer
from peerage.actors.reactors.peer_services import ask_services
from peerage.actors.reactors.pex_channel import PEX_DESCRIPTOR
from peerage.actors.reactors.pex_report import PexReport
from peerage.actors.reactors.reactor import Envelope, Reactor
from peerage.actors.reactors.seed_replies import SeedReplies
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import ActorDeadError, Future, Timer
from peerage.actors.runtime.log import get_logger
from peerage.wire.errors import WireError
from peerage.wire.ip_ranges import parse_ip
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress, id_in
from peerage.wire.pex import PEX_CHANNEL, PexAddrs, PexRequest, decode_pex

__all__ = ["PexReactor"]

log = get_logger("peerage.pex")

PACE = Pace()
KEEP_PERIOD_S = 1.0  # counts of up to this many seconds are lost when this process is killed
REQUEST = PexRequest().encode()
ROTATED = "rotated: another address has its turn"
# Refusals for reasons on our side, which say nothing about the address.
NOT_ITS_FAULT = {
    RefusalReason.BANNED,
    RefusalReason.DUPLICATE_CONNECTION,
    RefusalReason.DUPLICATE_IP,
    RefusalReason.PREFIX_LIMIT,
    RefusalReason.SELF,  # the switch has told the book that this is our own address
    RefusalReason.STOPPING,
}


class PexReactor(Reactor):
    """See the module's text."""

    channels = (PEX_DESCRIPTOR,)

    def __init__(self) -> None:
        super().__init__()
        node = self.node
        self._book = BookClient(node.names.addrbook)
        self._seeds = SeedList(node.config.p2p.seeds, node.node_id)
        asked = self.runtime.fds.get("asked")
        self._discoverer = Discoverer(
            self._now(),
            rng=random.Random(),  # noqa: S311 - spreads dials, guards nothing
            seeds=self._seeds,
            settings=settings_of(node, PACE),
            on_record=None if asked is None else AskedTable(asked).note,
        )
        self._seed_replies = SeedReplies(
            partial(self._count_sent, message_type_label(PexAddrs)), may_stand=asked is not None
        )
        self._report = PexReport(
            LineFolding(self.runtime.call_later),
            Repeats(self.runtime.now),
            self.metrics.buffer.inc if self.metrics.is_on else None,
        )
        self._connected: dict[str, ConnectedPeer] = {}  # by connection
        self._timer: Timer | None = None
        self._timer_at = math.inf
        self._carriers: dict[type[Effect], Callable[[Any], None]] = {
            Dial: self._dial,
            DialSeed: self._dial,
            Feel: self._dial,
            SendRequest: self._send_request,
            SendAnswer: self._send_answer,
            Disconnect: self._disconnect,
            Rotate: lambda effect: rotate(self._peers_by_connection.get(effect.peer.connection)),
            Stop: self._stop_peer,
            Ban: self._ban,
            GiveUp: self._ban,
            AskBook: self._ask_book,
            SelectAnswer: self._select_answer,
            CountPeers: self._count_peers,
            WeighPeers: self._weigh_peers,
            AdmitSeedRequest: self._admit,
            AnswerSeedRequest: self._seed_replies.answer,
            RefuseSeedRequest: self._seed_replies.refuse,
            Judged: self._report.judged,
            Heard: self._report.heard,
            NoSeedReached: self._report.no_seed_reached,
        }

    def on_start(self) -> None:
        if self._seeds.without_us:
            log.info("our own address is among the seeds, and is left out", seed=self.node.node_id)
        self._book.request(self._seed_replies.know_bans, BanList.published)
        self._carry_out(self._discoverer.start(self._now()))
        self.runtime.call_later(KEEP_PERIOD_S, self._keep)

    def on_stop(self) -> None:
        self._book.tell(FactList.keep, self._discoverer.drain())
        self.metrics.send()

    def _keep(self) -> None:
        """Store in the book which nodes asked and which dials failed, so that this survives a kill and a restart."""
        self.runtime.call_later(KEEP_PERIOD_S, self._keep)
        facts = self._discoverer.drain()
        if facts:
            self._book.request(None, FactList.keep, facts)

    # --- what comes in ---------------------------------------------------------------------------------------------

    def add_peer(self, peer: Peer) -> None:
        now = self._now()
        connected = self._connected[peer.info.connection] = connected_peer(peer, now)
        self._carry_out(self._discoverer.peer_added(now, connected))

    def remove_peer(self, peer: Peer, reason: str) -> None:
        connected = self._connected.pop(peer.info.connection, None)
        if connected is not None:
            self._carry_out(self._discoverer.peer_removed(self._now(), connected, hung_up=bool(reason)))

    def receive(self, envelope: Envelope) -> None:
        message, now = decode_pex(envelope.message), self._now()
        self._count_received(message_type_label(type(message)), len(envelope.message))
        peer = self._connected.get(envelope.source.info.connection)
        if peer is None:
            return
        if isinstance(message, PexRequest):
            self._carry_out(self._discoverer.request_received(now, peer))
        elif isinstance(message, PexAddrs):
            self._carry_out(self._discoverer.addresses_received(now, peer, message))

    def handle(self, message: Any) -> Any:
        if isinstance(message, AskForAddresses):
            self._seed_replies.add(message.connection, self.runtime.defer())
            request = seed_request(message.id, message.listen_addr, message.remote_ip, message.connection)
            self._carry_out(self._discoverer.seed_requested(self._now(), request))
        elif isinstance(message, CallersAnswered):
            for _ in message.callers:
                self._count_received(message_type_label(PexRequest), len(REQUEST))
                self._count_sent(message_type_label(PexAddrs), message.size)
            requests = [seed_request(*caller) for caller in message.callers]
            self._carry_out(self._discoverer.seed_requests_answered(self._now(), requests))
        elif isinstance(message, SeedRequestDropped):
            self._seed_replies.drop(message.connection)
            left = self._discoverer.seed_request_left(self._now(), message.id, message.connection)
            self._carry_out(left)
        elif isinstance(message, BansChanged):
            self._seed_replies.bans_changed(message)
        return None

    def _tick(self) -> None:
        self._timer_at = math.inf
        self._carry_out(self._discoverer.tick(self._now()))

    # --- what goes out ---------------------------------------------------------------------------------------------

    def _now(self) -> Moment:
        return Moment(self.runtime.now(), time.time())

    def _carry_out(self, effects: Sequence[Effect]) -> None:
        """Carry out the effects, and set a timer for the discoverer's deadline."""
        for effect in effects:
            self._carriers[type(effect)](effect)
        deadline = self._discoverer.deadline
        if deadline < self._timer_at:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = deadline
            self._timer = self.runtime.call_later(max(0.0, deadline - self.runtime.now()), self._tick)

    def _hand_in(self, question: Question, answer: Any) -> None:
        self._carry_out(self._discoverer.answered(self._now(), question, answer))

    def _ask_book(self, question: AskBook) -> None:
        then = None if question.then is None else partial(self._hand_in, question)
        self._book.request(then, question.method, *question.args)

    def _select_answer(self, question: SelectAnswer) -> None:
        self._book.request(partial(self._hand_in, question), AnswerChooser.message, question.bias)

    def _count_peers(self, question: CountPeers) -> None:
        """Ask the switch. While it is being restarted there is no count."""

        def counted(answer: Future[Any]) -> None:
            try:
                counts: NumPeers = answer.get(timeout=0)
            except ActorDeadError:
                self._hand_in(question, None)
                return
            self._hand_in(
                question, PeerCounts(counts.outbound, counts.inbound, counts.dialling, counts.dialling_ids)
            )

        self.switch.ask(CountPeersQuestion(), block=False).then(counted)

    def _weigh_peers(self, question: WeighPeers) -> None:
        handles = {peer: self._peers_by_connection.get(peer.connection) for peer in question.peers}
        refs = {peer: handle.info.ref for peer, handle in handles.items() if handle is not None}
        ask_services(refs, partial(self._hand_in, question))

    def _dial(self, dial: DialEffect) -> None:
        message: DialPeer | TryAddress
        if isinstance(dial, DialSeed):
            message = DialPeer(dial.seed)
        else:
            message = (TryAddress if isinstance(dial, Feel) else DialPeer)(dial.address)
        self.switch.ask(message, block=False).then(partial(self._dialled, dial))

    def _dialled(self, dial: DialEffect, answer: Future[Any]) -> None:
        try:
            end = dial_end(answer.get(timeout=0))
        except (ActorDeadError, WireError) as error:  # the switch was restarted, or there is no such address
            if isinstance(dial, DialSeed):
                self._report.seed_skipped(dial.seed, error)
            end = DialEnd(DialOutcome.NO_VERDICT)
        self._carry_out(self._discoverer.dial_ended(self._now(), dial, end))

    def _send_request(self, effect: SendRequest) -> None:
        if not self._send(effect.peer, PexRequest, REQUEST):
            self._discoverer.request_not_sent(effect.peer)

    def _send_answer(self, effect: SendAnswer) -> None:
        assert isinstance(effect.told, bytes)
        self._send(effect.peer, PexAddrs, effect.told)
        if effect.then_disconnect:
            self._disconnect(effect)

    def _send(self, to: ConnectedPeer, kind: type, message: bytes) -> bool:
        """Send if there is room: a peer that leaves ten messages unread gets no more."""
        peer = self._peers_by_connection.get(to.connection)
        sent = peer is not None and peer.try_send(PEX_CHANNEL, message)
        if sent:
            self._count_sent(message_type_label(kind), len(message))
        return sent

    def _disconnect(self, effect: Disconnect | SendAnswer) -> None:
        peer = self._peers_by_connection.get(effect.peer.connection)
        if peer is not None and peer.is_running:
            peer.flush_stop()

    def _stop_peer(self, effect: Stop) -> None:
        peer = self._peers_by_connection.get(effect.peer.connection)
        if peer is not None:
            peer.stop(effect.reason)
            if (
                effect.offence is not None
            ):  # after its ban, which is longer than what the points would lead to
                self.runtime.at_end_of_turn(partial(self._faults.charge, peer, effect.offence))

    def _ban(self, effect: Ban | GiveUp) -> None:
        def banned(done: Any) -> None:
            if done:
                self._report.banned(effect)

        how: Method = BadPeers.ban if isinstance(effect, Ban) else BadPeers.give_up
        self._book.request(banned, how, effect.id, effect.seconds, effect.reason)

    def _admit(self, question: AdmitSeedRequest) -> None:
        if self._seed_replies.admits(question.request):
            self._count_received(message_type_label(PexRequest), len(REQUEST))
            self._hand_in(question, None)


def rotate(peer: Peer | None) -> None:
    """End the connection of a peer, if it is here still, for another address to have its turn."""
    if peer is not None:
        peer.info.ref.tell(StopPeer(ROTATED, is_error=False, loss=LossReason.ROTATED), exempt=True)


def settings_of(node: NodeContext, pace: Pace) -> DiscoverySettings:
    """The settings of peer exchange in a node's configuration."""
    p2p = node.config.p2p
    return DiscoverySettings(
        seed_mode=p2p.seed_mode,
        max_outbound=p2p.max_num_outbound_peers,
        max_inbound=p2p.max_num_inbound_peers,
        persistent_ids=frozenset(map(id_in, p2p.persistent_peers)),
        unconditional_ids=frozenset(p2p.unconditional_peer_ids),
        persistent_max_dial_period=p2p.persistent_peers_max_dial_period,
        ip_limits=ip_limits_of(node.config),
        own_address=own_address(node),
        crawl_group_limit=node.config.peerage.crawl_group_limit,
        rotate_peers=node.config.peerage.rotate_peers,
        improvements=improvements_of(node.config),
        pace=pace,
    )


def connected_peer(peer: Peer, now: Moment) -> ConnectedPeer:
    """A peer, as the discoverer takes it.

    How long it has been connected is worked out now: the system's clock, which `info.since` was read from, may be set later.
    """
    info = peer.info
    port = int(info.socket_address.rpartition(":")[2])
    return ConnectedPeer(
        id=info.id,
        connection=info.connection,
        address=NetAddress(info.id, parse_ip(info.remote_ip), port),
        reported=self_reported(info.id, info.node_info.listen_addr),
        is_outbound=info.is_outbound,
        is_persistent=info.is_persistent,
        is_unconditional=info.is_unconditional,
        since=now.at - max(0.0, now.unix - info.since),
        latency=info.latency,
    )


def seed_request(node_id: NodeID, listen_addr: str, remote_ip: str, connection: str = "") -> SeedRequest:
    """A seed request, as the discoverer takes it."""
    return SeedRequest(
        id=node_id,
        connection=connection,
        address=NetAddress(node_id, parse_ip(remote_ip), 0),
        reported=self_reported(node_id, listen_addr),
    )


def dial_end(outcome: PeerInfo | Tried | Refusal | None) -> DialEnd:
    """What the switch's answer to a dial says about the dialled address."""
    if isinstance(outcome, Tried):
        return DialEnd(DialOutcome.REACHED, latency=outcome.latency)
    if not isinstance(outcome, Refusal):
        return DialEnd(DialOutcome.REACHED)
    if outcome.reason is RefusalReason.DUPLICATE_ID:
        kind = DialOutcome.CONNECTED_BEFORE
    elif outcome.is_ours or outcome.reason in NOT_ITS_FAULT:
        kind = DialOutcome.NO_VERDICT
    elif outcome.speaks_otherwise:
        kind = DialOutcome.INCOMPATIBLE
    else:
        kind = DialOutcome.IMPOSTOR if outcome.impostor else DialOutcome.FAILED
    return DialEnd(kind, str(outcome))
