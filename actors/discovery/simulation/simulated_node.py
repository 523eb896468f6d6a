"""An honest node of a simulated network: the discoverer and address book of a real node, with calls instead of connections.

It does on virtual time what the PEX reactor does with mailboxes and timers: it tells the discoverer what happens, and
carries out the effects. All decisions are those of a real node.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.calls import perform
from peerage.actors.discovery.inbound_eviction import InboundEviction, InboundPeer, Outlook
from peerage.actors.discovery.manager.discoverer import Discoverer
from peerage.actors.discovery.manager.effects import (
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
    Service,
)
from peerage.actors.discovery.manager.seeds import SeedList
from peerage.actors.discovery.manager.settings import DiscoverySettings
from peerage.actors.discovery.simulation.participant import Participant, World
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress, id_in

GOOD_AFTER_S = 600.0
"""CometBFT's consensus marks a peer good after 10,000 useful votes. The simulation does so after ten minutes."""
USE_EVERY_S = 10.0  # how often an honest node has something for a peer that others have not told it yet
OUTLOOK_S = 1.0  # for as long a full node knows who would go next, while its inbound peers stay the same
NOBODY = frozenset[str]()
REACHED = DialEnd(DialOutcome.REACHED)
CONNECTED_BEFORE = DialEnd(DialOutcome.CONNECTED_BEFORE)
FAILED = DialEnd(DialOutcome.FAILED, "dial failed")


class SimulatedNode(Participant):
    """One node. As in a real node, what must survive a restart is stored by its book.

    Args:
        seeds: dialled when it knows no other node.
        cometbft: whether consensus marks peers as good, not the handshake.
        shape: of its book.
        eviction: gives inbound places to newcomers when all are taken; None: they are refused, as by CometBFT.
    """

    def __init__(
        self,
        world: World,
        address: NetAddress,
        *,
        settings: DiscoverySettings,
        seeds: SeedList,
        distance: float,
        reachable: bool = True,
        cometbft: bool = False,
        shape: BookShape | None = None,
        eviction: InboundEviction | None = None,
    ) -> None:
        super().__init__(world, address, distance=distance, reachable=reachable, is_seed=settings.seed_mode)
        self.max_outbound = settings.max_outbound
        self.max_inbound = settings.max_inbound
        self.life = 0  # counts starts, so that events of an earlier life can be ignored
        self.book = AddrBook(
            clock=self._clock,
            rng=world.rng,
            key=f"{world.rng.getrandbits(96):024x}",
            improvements=settings.improvements,
            shape=shape,
            journaled=False,
        )
        self.book.add_our_address(address)
        self._settings = settings
        self._seeds = seeds
        self._cometbft = cometbft
        self._eviction = eviction
        self._outlook: Outlook | None = None  # of the present inbound peers
        self._outlook_until = 0.0
        self._discoverer: Discoverer | None = None  # of the present life
        self._connected: dict[NodeID, ConnectedPeer] = {}
        self._dialling: dict[NodeID, float] = {}  # since when
        self._wakes_at = math.inf

    def _clock(self) -> float:
        return self.world.now

    # --- life ---

    def start(self) -> None:
        """Start, with the book of the last life."""
        self.life += 1
        self.online = True
        self.book.anchors.begin()  # as after a restart: the anchors are due
        discoverer = self._discoverer = Discoverer(
            self.world.moment, rng=self.world.rng, seeds=self._seeds, settings=self._settings
        )
        self._carry_out(discoverer, discoverer.start(self.world.moment))

    def stop(self) -> None:
        """Stop, without telling anybody."""
        if self._discoverer is not None:
            self.book.facts.keep(self._discoverer.drain())
        self.online = False
        self._discoverer = None
        self._wakes_at = math.inf
        for peer in (*self.outbound.values(), *self.inbound.values()):
            self.disconnect(peer)
        self._dialling.clear()

    def _wake(self, when: float) -> None:
        discoverer = self._discoverer
        if discoverer is not None and when == self._wakes_at:
            self._wakes_at = math.inf
            self._carry_out(discoverer, discoverer.tick(self.world.moment))

    # --- what comes in ---

    def lets_in(self, newcomer: Participant) -> bool:
        """Whether a node that dials is let in: if there is a place, or somebody's is given to it."""
        if len(self.inbound) < self.max_inbound:
            return True
        if self._eviction is None:
            return False
        now = self.world.now
        if self._outlook is None or now >= self._outlook_until:
            self._outlook = self._eviction.outlook(map(self._inbound_peer, self.inbound.values()))
            self._outlook_until = now + OUTLOOK_S
        victim = self._outlook.victim_for(newcomer.address.group(strict=True))
        if victim is None:
            return False
        self.disconnect(self.inbound[NodeID(victim.id)])
        return True

    def _inbound_peer(self, peer: Participant) -> InboundPeer:
        """What a node knows of one. Honest nodes have something new once in a while, hostile ones whenever they want to."""
        age = self.world.moment.at - self._connected[peer.id].since
        idle = math.inf
        if peer.is_useful:
            idle = 0.0 if peer.hostile else age % USE_EVERY_S
        latency = 2 * self.world.delay(self, peer)
        return InboundPeer(peer.id, peer.address.group(strict=True), age, latency, idle)

    def joined(self, peer: Participant, *, is_outbound: bool) -> None:
        """A node is connected now."""
        discoverer, now = self._discoverer, self.world.now
        if discoverer is None:
            return
        if not is_outbound:
            self._outlook = None
        connected = self._connected[peer.id] = ConnectedPeer(
            id=peer.id,
            connection="",
            address=peer.address,
            reported=peer.address,
            is_outbound=is_outbound,
            since=self.world.moment.at,
            latency=now - self._dialling.pop(peer.id, now) if is_outbound else 0.0,
        )
        if is_outbound:
            self.world.outbound_changed(self)
            if self._cometbft and not self.is_seed:
                self.world.after(GOOD_AFTER_S, partial(self._was_useful, connected))
        self._carry_out(discoverer, discoverer.peer_added(self.world.moment, connected))

    def parted(self, peer: Participant, *, hung_up: bool) -> None:
        """A connection has ended."""
        discoverer, connected = self._discoverer, self._connected.pop(peer.id, None)
        if connected is not None and connected.is_outbound:
            self.world.outbound_changed(self)
        else:
            self._outlook = None
        if discoverer is not None and connected is not None:
            self._carry_out(
                discoverer, discoverer.peer_removed(self.world.moment, connected, hung_up=hung_up)
            )

    def requested(self, peer: Participant) -> None:
        """A peer asks for addresses."""
        discoverer, connected = self._discoverer, self._connected.get(peer.id)
        if discoverer is not None and connected is not None:
            self._carry_out(discoverer, discoverer.request_received(self.world.moment, connected))

    def told(self, peer: Participant, addresses: Sequence[NetAddress]) -> None:
        """A peer tells addresses."""
        discoverer, connected = self._discoverer, self._connected.get(peer.id)
        if discoverer is not None and connected is not None:
            self._carry_out(
                discoverer, discoverer.addresses_received(self.world.moment, connected, addresses)
            )

    def _was_useful(self, connected: ConnectedPeer) -> None:
        """As CometBFT's consensus does: mark a peer good that has stayed connected."""
        if self._connected.get(connected.id) is connected:
            self.book.mark_good(connected.id)

    # --- what goes out ---

    def _carry_out(self, discoverer: Discoverer, effects: Sequence[Effect]) -> None:
        """Carry out the effects, and schedule a tick at the discoverer's deadline."""
        for effect in effects:
            carry_out = self._carriers.get(type(effect))
            if carry_out is not None:
                carry_out(self, discoverer, effect)
        deadline = discoverer.deadline
        if deadline < self._wakes_at and discoverer is self._discoverer:
            self._wakes_at = deadline
            self.world.at(deadline, partial(self._wake, deadline))

    def _dial(self, discoverer: Discoverer, dial: DialEffect) -> None:
        node_id = NodeID(id_in(dial.seed)) if isinstance(dial, DialSeed) else dial.address.id
        began = self._dialling[node_id] = self.world.now

        def done(peer: Participant | None) -> None:
            if discoverer is not self._discoverer:
                return
            if peer is None:
                end = FAILED
            elif isinstance(dial, Feel):
                end = DialEnd(DialOutcome.REACHED, latency=self.world.now - began)
            elif self.is_peer(peer.id):
                end = CONNECTED_BEFORE
            else:
                end = REACHED
                self.connect(peer)
            self._dialling.pop(node_id, None)
            self._carry_out(discoverer, discoverer.dial_ended(self.world.moment, dial, end))

        self.world.dial(self, node_id, done)

    def _send_request(self, discoverer: Discoverer, effect: SendRequest) -> None:
        peer = self._peer(effect.peer)
        if peer is None:
            discoverer.request_not_sent(effect.peer)
        else:
            self.world.after(self.world.delay(self, peer), lambda: peer.requested(self))

    def _send_answer(self, _discoverer: Discoverer, effect: SendAnswer) -> None:
        peer, told = self._peer(effect.peer), effect.told
        if peer is not None and not isinstance(told, bytes):
            deliver = partial(self.deliver, peer, told, then_disconnect=effect.then_disconnect)
            self.world.after(self.world.delay(self, peer), deliver)

    def _weigh_peers(self, discoverer: Discoverer, question: WeighPeers) -> None:
        """Honest nodes are of use to each other, all alike: what they are spared for is how near they are."""
        services = {
            peer: Service(latency=2 * self.world.delay(self, there))
            for peer in question.peers
            if (there := self._peer(peer)) is not None
        }
        self._carry_out(discoverer, discoverer.answered(self.world.moment, question, services))

    def _part(self, _discoverer: Discoverer, effect: Disconnect | Rotate | Stop) -> None:
        peer = self._peer(effect.peer)
        if peer is not None:
            self.disconnect(peer, for_error=isinstance(effect, Stop))

    def _peer(self, connected: ConnectedPeer) -> Participant | None:
        return self.outbound.get(connected.id) or self.inbound.get(connected.id)

    def _bar(self, _discoverer: Discoverer, effect: Ban | GiveUp) -> None:
        if isinstance(effect, GiveUp):
            self.book.bad_peers.give_up(effect.id, effect.seconds, effect.reason)
        else:
            self.book.bad_peers.ban(effect.id, effect.seconds, effect.reason)

    def _ask_book(self, discoverer: Discoverer, question: AskBook) -> None:
        if self._cometbft and question.method is AddrBook.mark_good:
            return  # CometBFT does not mark a peer good for a handshake
        answer = perform(self.book, question.method, *question.args)
        if question.then is not None:
            self._carry_out(discoverer, discoverer.answered(self.world.moment, question, answer))

    def _select_answer(self, discoverer: Discoverer, question: SelectAnswer) -> None:
        bias = question.bias
        answers = self.book.answers
        told = answers.selection() if bias is None else answers.selection_with_bias(bias)
        self._carry_out(discoverer, discoverer.answered(self.world.moment, question, told))

    def _count_peers(self, discoverer: Discoverer, question: CountPeers) -> None:
        dialling = self._dialling
        ids = frozenset(dialling) if dialling else NOBODY
        counts = PeerCounts(len(self.outbound), len(self.inbound), len(dialling), ids)
        self._carry_out(discoverer, discoverer.answered(self.world.moment, question, counts))

    _carriers: ClassVar[Mapping[type, Callable[[SimulatedNode, Discoverer, Any], None]]] = {
        Dial: _dial,
        DialSeed: _dial,
        Feel: _dial,
        SendRequest: _send_request,
        SendAnswer: _send_answer,
        Disconnect: _part,
        Rotate: _part,
        Stop: _part,
        Ban: _bar,
        GiveUp: _bar,
        AskBook: _ask_book,
        SelectAnswer: _select_answer,
        CountPeers: _count_peers,
        WeighPeers: _weigh_peers,
    }
    """All other effects are ignored: they report to an operator, or concern seed requests, which are not simulated."""
