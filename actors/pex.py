"""The PEX reactor: asks for addresses, answers who asks, keeps enough outbound peers (reference 8).

What to do is decided by `peerage.discovery`; this actor asks the switch and the book, and sends.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any

import structlog

from peerage.actors.addrbook import AddressBook, self_reported
from peerage.actors.messages import CountPeers, DialPeer, NumPeers
from peerage.actors.metrics_family import message_type_label
from peerage.actors.peer_handle import Peer
from peerage.actors.reactor import Envelope, Reactor
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.runtime import ActorDeadError, Future, Timeout
from peerage.discovery.crawl import CRAWL_PERIOD_S, Crawler, Stay
from peerage.discovery.peer_manager import BAN_S, PeerManager, Verdict
from peerage.discovery.pex import Answer, Learned, PeerExchange, StopPeer
from peerage.discovery.seeds import SeedList
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.errors import WireError
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress
from peerage.wire.pex import MAX_PEX_BYTES, PEX_CHANNEL, PexAddrs, PexRequest, decode_pex

__all__ = ["ENSURE_PERIOD_S", "PexReactor"]

log = structlog.get_logger("peerage.pex")

ENSURE_PERIOD_S = 30.0  # reference 8
SWITCH_TIMEOUT_S = 5.0
# Refusals of our own that say nothing of the address.
NOT_ITS_FAULT = {
    RefusalReason.DUPLICATE_CONNECTION,
    RefusalReason.DUPLICATE_ID,
    RefusalReason.DUPLICATE_IP,
    RefusalReason.STOPPING,
}


class PexReactor(Reactor):
    """See the module's text."""

    channels = (
        ChannelDescriptor(
            id=PEX_CHANNEL, priority=1, send_queue_capacity=10, recv_message_capacity=MAX_PEX_BYTES
        ),
    )

    def __init__(self) -> None:
        super().__init__()
        p2p = self.node.config.p2p
        self._rng = random.Random()  # noqa: S311 - spreads dials, guards nothing
        self._book = AddressBook(self.node.names.addrbook)
        self._exchange = PeerExchange(clock=time.time, seed_mode=p2p.seed_mode, ensure_period=ENSURE_PERIOD_S)
        self._manager = PeerManager(
            clock=time.time,
            rng=self._rng,
            max_outbound=p2p.max_num_outbound_peers,
            ensure_period=ENSURE_PERIOD_S,
            persistent_max_dial_period=p2p.persistent_peers_max_dial_period,
        )
        self._seeds = SeedList(p2p.seeds)
        self._crawler = Crawler(clock=time.time) if p2p.seed_mode else None
        self._connected_at: dict[str, float] = {}
        self._persistent = {text.rpartition("://")[2].partition("@")[0] for text in p2p.persistent_peers}

    def on_start(self) -> None:
        counted = self._count_peers() or NumPeers(0, 0, 0)
        delay = self._manager.first_round_delay(
            outbound=counted.outbound, inbound=counted.inbound, dialling=counted.dialling
        )
        if self._crawler is None:
            self.runtime.call_later(delay, self._round)
        else:
            if self.node.config.p2p.seeds:  # a seed consults others before it crawls
                self._dial_seeds(self._seeds.order(self._rng))
            self.runtime.call_later(delay, self._crawl)

    # --- peers -----------------------------------------------------------------------------------------------------

    def add_peer(self, peer: Peer) -> None:
        self._connected_at[peer.id] = time.time()
        if peer.is_outbound:
            needs_more = self._crawler is not None or bool(self._book.call("needs_more"))
            if self._exchange.peer_added(peer.id, outbound=True, book_needs_more=needs_more):
                self._send_request(peer)
            return
        self._exchange.peer_added(peer.id, outbound=False, book_needs_more=False)
        address = self_reported(peer.id, peer.node_info.listen_addr)
        if address is not None:
            # As one of one: a refusal is an ordinary outcome here, not an error.
            self._book.call("add_all", (address,), address)

    def remove_peer(self, peer: Peer, reason: str) -> None:
        self._connected_at.pop(peer.id, None)
        self._exchange.peer_removed(peer.id)

    def receive(self, envelope: Envelope) -> None:
        message = decode_pex(envelope.message)
        self._count_received(message_type_label(type(message)), len(envelope.message))
        if isinstance(message, PexRequest):
            self._on_request(envelope.source)
        elif isinstance(message, PexAddrs):
            self._on_addresses(envelope.source, message)

    def _on_request(self, peer: Peer) -> None:
        outcome = self._exchange.receive_request(peer.id, outbound=peer.is_outbound)
        if isinstance(outcome, StopPeer):
            self._stop_peer(peer, outcome)
        elif isinstance(outcome, Answer):
            if outcome.bias is None:
                selection = self._book.call("selection")
            else:
                selection = self._book.call("selection_with_bias", outcome.bias)
            self._send(peer, PexAddrs.of(selection))
            if outcome.then_stop:
                peer.flush_stop()

    def _on_addresses(self, peer: Peer, message: PexAddrs) -> None:
        outcome = self._exchange.receive_addresses(peer.id, message.addresses)
        if isinstance(outcome, StopPeer):
            self._stop_peer(peer, outcome)
            return
        if isinstance(outcome, Learned):
            source = self_reported(peer.id, peer.node_info.listen_addr)
            added = self._book.call("add_all", outcome.addresses, source)
            log.debug("addresses learned", peer=peer.id, changed=added.changed, refused=added.refused)
        if self._crawler is not None and peer.is_outbound and not peer.is_persistent:
            peer.flush_stop()  # a crawl's connection is done once answered
        elif self._seeds.is_seed(peer.id):
            self._ensure_peers(early=True)

    def _stop_peer(self, peer: Peer, outcome: StopPeer) -> None:
        peer.stop(outcome.reason)
        if outcome.ban_s > 0 and not peer.is_persistent and not peer.info.is_unconditional:
            self._ban(peer.id, outcome.reason, outcome.ban_s)

    def _ban(self, peer_id: str, reason: str, seconds: float) -> None:
        if self._book.call("mark_bad", peer_id, seconds, reason):
            log.info("peer banned", peer=peer_id, reason=reason, seconds=seconds)
            # What the peer did, without what it said: a label's values are few.
            self.metrics.buffer.inc("p2p_bans_total", (reason.partition(":")[0],))

    def _send_request(self, peer: Peer) -> None:
        self._send(peer, PexRequest())

    def _send(self, peer: Peer, message: PexRequest | PexAddrs) -> None:
        data = message.encode()
        if peer.send(PEX_CHANNEL, data):
            self._count_sent(message_type_label(type(message)), len(data))

    # --- keeping enough peers ------------------------------------------------------------------------------------------

    def _round(self) -> None:
        self.runtime.call_later(ENSURE_PERIOD_S, self._round)
        self._ensure_peers(early=False)

    def _ensure_peers(self, *, early: bool) -> None:
        counted = self._count_peers()
        if counted is None:
            return
        plan = self._manager.plan(outbound=counted.outbound, dialling=counted.dialling)
        if plan is None:
            return
        offer = self._book.call("offer", plan.bias, plan.picks)
        peers = self.peers
        ips = (
            set() if self.node.config.p2p.allow_duplicate_ip else {peer.remote_ip for peer in peers.values()}
        )
        round_ = self._manager.decide(
            plan,
            offer,
            busy=lambda address: (
                address.id in peers or address.id in counted.dialling_ids or str(address.host) in ips
            ),
            persistent=lambda address: address.id in self._persistent,
            peers=[NodeID(peer_id) for peer_id in peers],
            early=early,
        )
        for address in round_.give_up:
            self._ban(address.id, "too many failed dials", BAN_S)
        for address in round_.dial:
            self._dial(address)
        if round_.ask is not None and round_.ask in peers and self._exchange.ask(round_.ask):
            self._send_request(peers[round_.ask])
        if round_.seeds and self.node.config.p2p.seeds:
            self._dial_seeds(self._seeds.order(self._rng))

    def _count_peers(self) -> NumPeers | None:
        try:
            counted = self.switch.ask(CountPeers(), timeout=SWITCH_TIMEOUT_S)
        except (ActorDeadError, Timeout):
            return None  # the switch is restarting: the next round will do
        assert isinstance(counted, NumPeers)
        return counted

    def _dial(self, address: NetAddress) -> None:
        self.switch.ask(DialPeer(str(address)), block=False).then(
            lambda answer: self._dialled(address, answer)
        )

    def _dialled(self, address: NetAddress, answer: Future[Any]) -> None:
        try:
            outcome = answer.get(timeout=0)
        except (ActorDeadError, WireError):
            return
        peer_id = address.id
        if not isinstance(outcome, Refusal):
            self._manager.dial_succeeded(address)
            self._book.call("mark_good", peer_id)  # its key and NodeInfo were just verified
            return
        if outcome.reason in NOT_ITS_FAULT:
            return
        authentication = outcome.reason in {RefusalReason.AUTH_FAILURE, RefusalReason.SELF}
        ban_s = self._manager.dial_failed(address, authentication=authentication)
        if ban_s > 0:
            self._ban(peer_id, str(outcome), ban_s)
        else:
            self._book.call("mark_attempt", peer_id)

    def _dial_seeds(self, texts: Sequence[str]) -> None:
        """In this order until one connects; names are looked up at each use."""
        if not texts:
            log.info("no seed could be reached")
            return

        def settled(answer: Future[Any]) -> None:
            try:
                outcome = answer.get(timeout=0)
            except (ActorDeadError, WireError) as error:
                log.warning("seed skipped", seed=texts[0], cause=str(error))
                outcome = Refusal(RefusalReason.UNREACHABLE, str(error))
            if isinstance(outcome, Refusal) and outcome.reason is not RefusalReason.DUPLICATE_ID:
                self._dial_seeds(texts[1:])

        self.switch.ask(DialPeer(texts[0]), block=False).then(settled)

    # --- seed mode -------------------------------------------------------------------------------------------------------

    def _crawl(self) -> None:
        """Reference 8, seed mode: visit a selection, let go of who stays too long."""
        assert self._crawler is not None
        self.runtime.call_later(CRAWL_PERIOD_S, self._crawl)
        now = time.time()
        peers = self.peers
        stays = [
            Stay(NodeID(peer_id), now - self._connected_at.get(peer_id, now), persistent=peer.is_persistent)
            for peer_id, peer in peers.items()
        ]
        for peer_id in self._crawler.overstayed(stays):
            peers[peer_id].flush_stop()
        self._crawler.forget_old()
        for address in self._crawler.due(self._book.call("selection")):
            if address.id in peers:
                continue
            verdict = self._manager.may_dial(address, persistent=address.id in self._persistent)
            if verdict is Verdict.DIAL:
                self._dial(address)
            elif verdict is Verdict.GIVE_UP:
                self._ban(address.id, "too many failed dials", BAN_S)
