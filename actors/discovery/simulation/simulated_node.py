"""A node of a simulated network: the room's classes, with calls in place of connections.

What the PEX reactor does with sockets, this does with events on virtual time; every decision is made by the
same AddrBook, PeerManager, PeerExchange and Crawler as in a real node.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.bans import BAN_S
from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.policies import Improvements
from peerage.actors.discovery.book.selection import MAX_SELECTION
from peerage.actors.discovery.manager.backoff import Verdict
from peerage.actors.discovery.manager.exchange import Answer, Learned, PeerExchange, StopPeer
from peerage.actors.discovery.manager.group_rate import GroupRate
from peerage.actors.discovery.manager.peer_manager import ENSURE_PERIOD_S, Connected, PeerManager
from peerage.actors.discovery.manager.seed_crawl import CRAWL_PERIOD_S, VISITS_PER_ROUND, Crawler
from peerage.actors.discovery.manager.seed_visits import SeedVisits
from peerage.actors.discovery.manager.turns import Turn
from peerage.wire.ip_ranges import group_of, parse_ip
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress

GOOD_AFTER_S = 600.0
"""With CometBFT's rules consensus marks a peer good after 10,000 useful votes: here, after ten minutes."""
ANCHORS_PERIOD = 10  # rounds
VISIT_SPREAD_S = 5.0  # as the PEX reactor: a seed's visits of one round begin within this time
VISIT_BACK_AFTER_S = 1.0  # who came to a seed is visited when his own connection is over
VISITS_BACK_AT_ONCE, VISITS_BACK_PER_S = 20, 8.0


class Place(NetAddress):
    """An address whose group and text are known: a book asks for them millions of times in one simulation.

    There is one object for each address, so being equal is being the same.
    """

    __slots__ = ("_group", "_hash", "_text")

    def __init__(self, id: str, host: str, port: int) -> None:  # noqa: A002 - the field's name
        super().__init__(id, parse_ip(host), port)
        object.__setattr__(self, "_group", group_of(self.host, strict=True))
        object.__setattr__(self, "_text", f"{host}:{port}")
        object.__setattr__(self, "_hash", hash(int(id, 16)))

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return self._hash  # type: ignore[attr-defined,no-any-return]  # set in __init__: the class is frozen

    @property
    def dial_string(self) -> str:
        """ip:port."""
        return self._text  # type: ignore[attr-defined,no-any-return]  # as above

    def group(self, *, strict: bool) -> str:
        """The group, strict or not: only routable addresses are simulated."""
        return self._group  # type: ignore[attr-defined,no-any-return]  # as above

    def validate(self) -> None:
        """It was made valid."""

    @property
    def routable(self) -> bool:
        """It was made routable."""
        return True


class World(Protocol):
    """What a node needs of its network."""

    now: float
    rng: random.Random

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something later."""

    def dial(
        self, node: SimulatedNode, address: NetAddress, done: Callable[[SimulatedNode | None], None]
    ) -> None:
        """Dial; done with the node that answered and has room, None if there is none."""

    def delay(self, one: SimulatedNode, other: SimulatedNode) -> float:
        """Seconds that a message takes."""

    def outbound_changed(self, node: SimulatedNode) -> None:
        """A node has more or fewer outbound peers than a moment ago."""


class SimulatedNode:
    """One node, honest, as `PexReactor` runs it.

    Args: address, where it says it is; reachable, whether that is true; distance, seconds to the middle of the
        network; seed, whether it runs in seed mode; seeds, whom it asks when it knows nobody.
    """

    hostile = False

    def __init__(
        self,
        world: World,
        address: NetAddress,
        *,
        improvements: Improvements,
        cometbft: bool,
        max_outbound: int,
        max_inbound: int,
        distance: float,
        reachable: bool = True,
        seed: bool = False,
        seeds: Sequence[NetAddress] = (),
        shape: BookShape | None = None,
    ) -> None:
        self.world = world
        self.address = address
        self.id: NodeID = address.id
        self.distance = distance
        self.reachable = reachable
        self.is_seed = seed
        self.online = False
        self.max_outbound = max_outbound
        self.max_inbound = max_inbound
        self.outbound: dict[NodeID, SimulatedNode] = {}
        self.inbound: dict[NodeID, SimulatedNode] = {}
        self.life = 0  # counts starts: what belongs to an earlier one is void
        self.book = AddrBook(
            clock=self._clock,
            rng=world.rng,
            key=f"{world.rng.getrandbits(96):024x}",
            improvements=improvements,
            shape=shape,
            journaled=False,
        )
        self.book.add_our_address(address)
        self._improvements = improvements
        self._cometbft = cometbft
        self._seeds = seeds
        self._since: dict[NodeID, float] = {}
        self._dialling: set[NodeID] = set()
        self._rounds = 0
        self._manager = PeerManager(
            clock=self._clock, rng=world.rng, max_outbound=max_outbound, improvements=improvements
        )
        self._exchange = PeerExchange(clock=self._clock, seed_mode=seed)
        self._crawler = Crawler(clock=self._clock) if seed else None
        self._visits_back = GroupRate(self._clock, burst=VISITS_BACK_AT_ONCE, per_second=VISITS_BACK_PER_S)
        self._seed_visits = SeedVisits(self._clock, period=ENSURE_PERIOD_S)

    def _clock(self) -> float:
        return self.world.now

    # --- life ---

    def start(self) -> None:
        """Come up, with the book that is there."""
        self.life += 1
        self.online = True
        self.book.restore_facts(())  # as after a restart: the anchors are due
        if self._crawler is not None:
            if self._seeds:
                self._dial_seeds()
            self._repeat(self.world.rng.random() * CRAWL_PERIOD_S, CRAWL_PERIOD_S, self._crawl)
        else:
            self._repeat(0.0, ENSURE_PERIOD_S, self._round)

    def stop(self) -> None:
        """Go down without a word."""
        self.online = False
        for peer in (*self.outbound.values(), *self.inbound.values()):
            self.disconnect(peer)
        self._dialling.clear()

    def _repeat(self, delay: float, period: float, action: Callable[[], None]) -> None:
        life = self.life

        def turn() -> None:
            if self.online and self.life == life:
                self.world.after(period, turn)
                action()

        self.world.after(delay, turn)

    # --- peers ---

    def has_room(self) -> bool:
        """Whether an inbound peer is let in."""
        return len(self.inbound) < self.max_inbound

    def is_peer(self, node_id: NodeID) -> bool:
        """Whether somebody is connected, either way."""
        return node_id in self.outbound or node_id in self.inbound

    def connect(self, peer: SimulatedNode) -> None:
        """Be connected with a peer that we dialled."""
        self.outbound[peer.id] = peer
        self._since[peer.id] = self.world.now
        peer.inbound[self.id] = self
        self.world.outbound_changed(self)
        peer.accepted(self)
        needs_more = self._crawler is not None or self.book.needs_more
        if self._exchange.peer_added(peer.id, outbound=True, book_needs_more=needs_more):
            self._send_request(peer)
        if self._cometbft and self._crawler is None:
            life = self.life
            self.world.after(GOOD_AFTER_S, lambda: self._useful(peer, life))

    def accepted(self, peer: SimulatedNode) -> None:
        """A peer dialled us."""
        self._exchange.peer_added(peer.id, outbound=False, book_needs_more=False)
        self.book.add_all((peer.address,), peer.address)

    def disconnect(self, peer: SimulatedNode) -> None:
        """End a connection, at both ends."""
        for one, other in ((self, peer), (peer, self)):
            if one.inbound.pop(other.id, None) is not None:
                one.left(other)
            lost = one.outbound.pop(other.id, None) is not None
            one.forget(other)
            if lost:
                one.world.outbound_changed(one)
                one.hurry()

    def left(self, peer: SimulatedNode) -> None:
        """An inbound peer is gone: a seed sees at once whether it answers, so that others can be told of it."""
        if self._crawler is None or self._cometbft or not self._visits_back.allow(""):
            return

        def visit() -> None:
            assert self._crawler is not None
            due = self.book.due_address(peer.id)
            if due is not None and self.online:
                for each in self._crawler.due((due,)):
                    self._visit(each)

        self.world.after(VISIT_BACK_AFTER_S, visit)

    def forget(self, peer: SimulatedNode) -> None:
        """A peer is gone."""
        self._since.pop(peer.id, None)
        self._exchange.peer_removed(peer.id)

    def _useful(self, peer: SimulatedNode, life: int) -> None:
        """Consensus likes a peer that stayed."""
        since = self._since.get(peer.id)
        if life == self.life and since is not None and self.world.now - since >= GOOD_AFTER_S - 1.0:
            self.book.mark_good(peer.id)

    # --- addresses ---

    def _send_request(self, peer: SimulatedNode) -> None:
        self.world.after(self.world.delay(self, peer), lambda: peer.requested(self))

    def requested(self, peer: SimulatedNode) -> None:
        """A peer asks for addresses."""
        if not self.is_peer(peer.id):
            return
        outcome = self._exchange.receive_request(peer.id, outbound=peer.id in self.outbound)
        if isinstance(outcome, StopPeer):
            self.disconnect(peer)
            if outcome.ban_s > 0:
                self.book.mark_bad(peer.id, outcome.ban_s, outcome.reason)
        elif isinstance(outcome, Answer):
            if outcome.turn is None:
                self._answer(peer, outcome)
            else:
                self.world.after(outcome.after, partial(self._answer_in_turn, peer, outcome, outcome.turn))

    def _answer_in_turn(self, peer: SimulatedNode, answer: Answer, turn: Turn) -> None:
        if self._exchange.has_come(turn):
            self._answer(peer, answer)

    def _answer(self, peer: SimulatedNode, answer: Answer) -> None:
        bias = answer.bias
        told = self.book.selection() if bias is None else self.book.selection_with_bias(bias)
        self.world.after(
            self.world.delay(self, peer), lambda: self._deliver(peer, told, stop=answer.then_stop)
        )

    def _deliver(self, peer: SimulatedNode, told: Sequence[NetAddress], *, stop: bool) -> None:
        if self.is_peer(peer.id):
            peer.told(self, told)
            if stop:
                self.disconnect(peer)

    def told(self, peer: SimulatedNode, addresses: Sequence[NetAddress]) -> None:
        """A peer tells addresses."""
        outcome = self._exchange.receive_net_addresses(peer.id, addresses)
        if isinstance(outcome, StopPeer):
            self.disconnect(peer)
            self.book.mark_bad(peer.id, outcome.ban_s, outcome.reason)
            return
        if isinstance(outcome, Learned):
            added = self.book.add_all(outcome.addresses, peer.address)
            if added.added:
                self._seed_visits.bring_news(peer.id)
        if self._crawler is not None:
            if not self._cometbft and peer.id in self.outbound:
                self.disconnect(peer)  # a crawl's connection is done once answered
        elif peer.is_seed:
            self._ensure_peers(early=True)

    # --- keeping enough peers ---

    def _round(self) -> None:
        self._rounds += 1
        self._ensure_peers(early=False)
        if self._improvements.anchors and self._rounds % ANCHORS_PERIOD == 0:
            since = self._since
            peers = (
                Connected(peer.address, self.world.now - since[peer.id]) for peer in self.outbound.values()
            )
            self.book.set_anchors(self._manager.anchors(peers))

    def _ensure_peers(self, *, early: bool) -> None:
        outbound, dialling = len(self.outbound), len(self._dialling)
        plan = self._manager.plan(outbound=outbound, dialling=dialling)
        if plan is None:
            if not early and self._manager.feeler_due(outbound=outbound, dialling=dialling):
                self._feel()
            return
        done = self._manager.decide(
            plan,
            self.book.offer(plan.bias, plan.picks),
            busy=lambda address: (
                self.is_peer(address.id) or address.id in self._dialling or not self._may_visit(address)
            ),
            persistent=lambda _address: False,
            peers=[*self.outbound, *self.inbound],
            early=early,
            groups={peer.address.group(strict=True) for peer in self.outbound.values()},
        )
        for address in done.give_up:
            self.book.give_up(address.id, BAN_S, "too many failed dials")
        for address in done.dial:
            self._dial(address)
        if done.ask is not None and self._exchange.ask(done.ask):
            self._send_request(self.outbound.get(done.ask) or self.inbound[done.ask])
        if done.seeds:
            self._dial_seeds()

    def _dial(self, address: NetAddress, *, feeler: bool = False) -> None:
        self._dialling.add(address.id)
        if address in self._seeds:
            self._seed_visits.begin(address.id)
        life, began = self.life, self.world.now

        def done(peer: SimulatedNode | None) -> None:
            if self.life != life or not self.online:
                return
            self._dialling.discard(address.id)
            if peer is None:
                ban_s = self._manager.dial_failed(address)
                if ban_s > 0:
                    self.book.give_up(address.id, ban_s, "dial")
                else:
                    self.book.mark_attempt(address.id, address)
                self.hurry()
                return
            self._manager.dial_succeeded(address)
            if not self._cometbft:
                self.book.mark_good(address.id, address, self.world.now - began)
            if not feeler and not self.is_peer(peer.id):
                self.connect(peer)
            self.hurry()

        self.world.dial(self, address, done)

    def hurry(self) -> None:
        """Make an early round, if there is one to be made."""
        if self._crawler is not None or not self.online:
            return
        delay = self._manager.early_round(outbound=len(self.outbound), dialling=len(self._dialling))
        if delay is not None:
            life = self.life

            def early() -> None:
                if self.life == life and self.online:
                    self._ensure_peers(early=True)

            self.world.after(delay, early)

    def _feel(self) -> None:
        address = self.book.feeler()
        if address is not None and not self.is_peer(address.id) and address.id not in self._dialling:
            self._dial(address, feeler=True)

    def _may_visit(self, address: NetAddress) -> bool:
        """Whether this is no seed of ours, or one that was not asked lately."""
        alone = not (self.outbound or self.inbound)
        return (
            self._cometbft
            or address not in self._seeds
            or self._seed_visits.may_begin(address.id, alone=alone)
        )

    def _dial_seeds(self) -> None:
        """In random order until one connects."""
        seeds = self.world.rng.sample(self._seeds, len(self._seeds))
        left = [seed for seed in seeds if seed.id != self.id and self._may_visit(seed)]
        life = self.life

        def step(peer: SimulatedNode | None = None) -> None:
            if self.life != life or not self.online:
                return
            if peer is not None and not self.is_peer(peer.id):
                self.connect(peer)
            elif left:
                seed = left.pop()
                self._seed_visits.begin(seed.id)
                self.world.dial(self, seed, step)

        step()

    # --- seed mode ---

    def _crawl(self) -> None:
        crawler = self._crawler
        assert crawler is not None
        crawler.forget_old()
        verified = self._improvements.verified_answers
        visits = self.book.due(VISITS_PER_ROUND) if verified else self.book.selection()
        for number, address in enumerate(crawler.due(visits)):
            self.world.after(number * VISIT_SPREAD_S / VISITS_PER_ROUND, partial(self._visit, address))
        self._feel()

    def _visit(self, address: NetAddress) -> None:
        if self.is_peer(address.id):
            return
        verdict = self._manager.may_dial(address)
        if verdict is Verdict.DIAL:
            self._dial(address)
        elif verdict is Verdict.GIVE_UP:
            self.book.give_up(address.id, BAN_S, "too many failed dials")


class HostileNode(SimulatedNode):
    """One of an attacker's many: lets everybody in, and tells only its own kind."""

    hostile = True

    def __init__(self, world: World, address: NetAddress, band: Sequence[NetAddress]) -> None:
        # no super().__init__: there may be 10,000 of them, and none needs a book
        self.world = world
        self.address = address
        self.id = address.id
        self.distance = 0.01  # well connected
        self.reachable = self.online = True
        self.is_seed = False
        self.outbound = {}
        self.inbound = {}
        self._band = band

    def has_room(self) -> bool:
        """Always."""
        return True

    def connect(self, peer: SimulatedNode) -> None:
        """Dialled somebody, to be heard of."""
        self.outbound[peer.id] = peer
        peer.inbound[self.id] = self
        peer.accepted(self)

    def accepted(self, peer: SimulatedNode) -> None:
        """Nothing to remember."""

    def left(self, peer: SimulatedNode) -> None:
        """Nobody is missed."""

    def hurry(self) -> None:
        """Nobody is wanted."""

    def forget(self, peer: SimulatedNode) -> None:
        """Nothing to forget."""

    def requested(self, peer: SimulatedNode) -> None:
        """Tell as many of its own kind as an answer may hold."""
        if not self.is_peer(peer.id):
            return
        told = self.world.rng.sample(self._band, min(MAX_SELECTION, len(self._band)))
        self.world.after(self.world.delay(self, peer), lambda: self._deliver(peer, told, stop=False))

    def told(self, peer: SimulatedNode, addresses: Sequence[NetAddress]) -> None:
        """It never asks."""
