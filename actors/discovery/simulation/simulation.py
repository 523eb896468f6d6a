"""Simulates how the nodes of a whole network find each other: on virtual time, without sockets.

Deterministic: the same scenario gives the same result.
"""

from __future__ import annotations

import gc
import heapq
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from statistics import fmean, pstdev
from typing import ClassVar

from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.policies import COMETBFT_RULES, Improvements
from peerage.actors.discovery.inbound_eviction import InboundEviction
from peerage.actors.discovery.ip_limits import IPLimits
from peerage.actors.discovery.manager.agenda import Moment
from peerage.actors.discovery.manager.exchange import SEED_BIAS
from peerage.actors.discovery.manager.seeds import SeedList
from peerage.actors.discovery.manager.settings import COMETBFT_PACE, DiscoverySettings, Pace
from peerage.actors.discovery.simulation.attack import Attack
from peerage.actors.discovery.simulation.attacker import Attacker
from peerage.actors.discovery.simulation.newcomer import Newcomer
from peerage.actors.discovery.simulation.participant import Participant
from peerage.actors.discovery.simulation.place import Place
from peerage.actors.discovery.simulation.simulated_node import SimulatedNode
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress

DAWN = 1_700_000_000.0  # Unix seconds; every simulation begins then
HOUR_S = 3600.0
DIAL_TIMEOUT_S = 3.0  # CometBFT's default
HANDSHAKE_TRIPS = 3  # there and back: TCP, keys, node info
FAR_S = 0.15  # from the farthest node to the middle of the network
SAMPLE_S = 5.0  # between two points of the curve
CONVERGED = 0.95
SEED_MAX_INBOUND = 1000
SALT_BYTES = 16
SEED_SHAPE = BookShape(new_buckets=1024, old_buckets=256)
VICTIM_RESTART = 0.75  # share of the simulated time; an eclipse attack waits for a restart
JUDGED_ANSWERS = 20  # of each seed, at the end


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is simulated.

    nodes: honest nodes, not counting seeds; they start at random times within `ramp_s`. churn: how often a node goes down
    per hour, for `downtime_s` on average. unreachable: the share of nodes that cannot be dialled though they tell an
    address. dead: how many addresses in the seeds' books belong to no node. attack: what is done to `victims` nodes and to
    the seeds, if anything. evicts: whether a node whose inbound places are taken gives one away for a newcomer. newcomer_s:
    how long before the end a node starts that knows one seed and nothing else; 0: there is none. rotate_peers: as in
    DiscoverySettings.
    """

    nodes: int = 1000
    seeds: int = 3
    hours: float = 1.0
    churn: float = 0.0
    downtime_s: float = 600.0
    unreachable: float = 0.0
    dead: int = 0
    attack: Attack | None = None
    victims: int = 20
    seed: int = 1
    max_outbound: int = 10
    max_inbound: int = 40
    ramp_s: float = 60.0
    cometbft: bool = False
    improvements: Improvements | None = None
    evicts: bool = True
    newcomer_s: float = 0.0
    rotate_peers: float = 0.0

    def compared(self) -> Scenario:
        """The same world with CometBFT's rules."""
        return replace(self, cometbft=True, improvements=None, evicts=False, rotate_peers=0.0)


@dataclass(frozen=True, slots=True)
class Spread:
    """How numbers spread over nodes."""

    mean: float
    deviation: float
    least: int
    median: int
    most: int

    @classmethod
    def of(cls, numbers: Sequence[int]) -> Spread:
        """The spread of these numbers; all zero if there are none."""
        if not numbers:
            return cls(0.0, 0.0, 0, 0, 0)
        ordered = sorted(numbers)
        return cls(fmean(ordered), pstdev(ordered), ordered[0], ordered[len(ordered) // 2], ordered[-1])


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a simulation.

    converged_s: when 95 % of the nodes online first had all their outbound peers; None if never. full: (seconds, share of
    the nodes online that have all outbound peers). in_degree: the number of inbound peers of nodes that can be dialled,
    not counting seeds and hostile peers. book: the number of known addresses. served: of the addresses that seeds would tell
    at the end, the share that answers; None if there are none. dials, dials_succeeded: how many there were.
    hostile_before, hostile: the attacker's share of its victims' outbound slots, before their restart and at the end;
    hostile_inbound_before, hostile_inbound: the same of their inbound slots. None without an attacker.
    newcomer: None without one.
    """

    scenario: Scenario
    converged_s: float | None
    full: tuple[tuple[float, float], ...]
    in_degree: Spread
    in_degrees: tuple[int, ...]
    book: Spread
    served: float | None
    dials: int
    dials_succeeded: int
    hostile_before: float | None
    hostile: float | None
    events: int
    hostile_inbound_before: float | None = None
    hostile_inbound: float | None = None
    newcomer: Newcomer | None = None


def simulate(scenario: Scenario, progress: Callable[[float], None] | None = None) -> Result:
    """Run a scenario.

    Args: progress, called with the share of the time that has passed, about two hundred times.
    """
    return SimulatedNetwork(scenario).run(progress)


class SimulatedNetwork:
    """The nodes, the virtual time, and the queue of what happens later."""

    node_class: ClassVar[type[SimulatedNode]] = SimulatedNode

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.now = DAWN
        self.moment = Moment(DAWN, DAWN)
        self.rng = random.Random(scenario.seed)  # noqa: S311 - a simulation must repeat
        self.nodes: list[SimulatedNode] = []
        self.seeds: list[SimulatedNode] = []
        self.victims: list[SimulatedNode] = []
        self.newcomer: SimulatedNode | None = None
        self._by_id: dict[NodeID, Participant] = {}
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._places: set[tuple[int, int]] = set()
        self._online = 0
        self._full: set[NodeID] = set()
        self._curve: list[tuple[float, float]] = []
        self._dials = self._succeeded = 0
        self._hostile_before: float | None = None
        self._hostile_inbound_before: float | None = None
        self._build()

    # --- called by the nodes ---

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something after a delay."""
        heapq.heappush(self._queue, (self.now + seconds, next(self._order), action))

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do something at this time."""
        heapq.heappush(self._queue, (when, next(self._order), action))

    def delay(self, one: Participant, other: Participant) -> float:
        """How many seconds a message takes from one to the other."""
        return one.distance + other.distance

    def dial(self, node: Participant, node_id: NodeID, done: Callable[[Participant | None], None]) -> None:
        """Dial, and call `done` with the node if it answers and has room, otherwise with None."""
        self._dials += 1
        target = self._by_id.get(node_id)
        if target is None or not target.reachable or not target.online:
            self.after(DIAL_TIMEOUT_S, lambda: done(None))
            return

        def settle() -> None:
            let_in = target.online and target.lets_in(node)
            self._succeeded += let_in
            done(target if let_in else None)

        self.after(2 * HANDSHAKE_TRIPS * self.delay(node, target), settle)

    def outbound_changed(self, node: Participant) -> None:
        """Keep count of the nodes that have all their outbound peers."""
        if not node.is_seed and not node.hostile:
            if len(node.outbound) >= self.scenario.max_outbound:
                self._full.add(node.id)
            else:
                self._full.discard(node.id)

    # --- running ---

    def run(self, progress: Callable[[float], None] | None = None) -> Result:
        """Run the simulation to its end."""
        return self._result(self.advance(DAWN + self.scenario.hours * HOUR_S, progress))

    def advance(self, end: float, progress: Callable[[float], None] | None = None) -> int:
        """Let time pass. Args: end, until when. Returns: how much has happened."""
        collecting = gc.isenabled()
        gc.disable()  # millions of objects and no cycles: looking for cycles takes a fifth of the time
        try:
            return self._advance(end, progress)
        finally:
            if collecting:
                gc.enable()

    def _advance(self, end: float, progress: Callable[[float], None] | None) -> int:
        queue, pop, events = self._queue, heapq.heappop, 0
        tell_at = math.inf if progress is None else DAWN
        while queue and queue[0][0] <= end:
            now, _, action = pop(queue)
            self.now, self.moment = now, Moment(now, now)
            action()
            events += 1
            if now >= tell_at and progress is not None:
                progress((now - DAWN) / (end - DAWN))
                tell_at += 0.005 * (end - DAWN)
        self.now, self.moment = end, Moment(end, end)
        return events

    def _alive(self, address: NetAddress) -> bool:
        node = self._by_id.get(address.id)
        return node is not None and node.reachable and node.online

    # --- building ---

    def _build(self) -> None:
        scenario, rng = self.scenario, self.rng
        rules = COMETBFT_RULES if scenario.cometbft else scenario.improvements or Improvements()

        ordinary = DiscoverySettings(
            max_outbound=scenario.max_outbound,
            max_inbound=scenario.max_inbound,
            ip_limits=IPLimits(per_ip=None),  # every node has an IP of its own: save the check
            improvements=rules,
            rotate_peers=scenario.rotate_peers,
            pace=COMETBFT_PACE if scenario.cometbft else Pace(),
        )
        of_seeds = replace(ordinary, seed_mode=True, max_inbound=SEED_MAX_INBOUND)
        attack = scenario.attack
        places = [self._place() for _ in range(scenario.seeds)]
        taken = round(scenario.seeds * attack.seeds) if attack is not None else 0
        texts = [str(place) for place in places]
        seeds = SeedList(texts)

        def make(
            place: Place, *, seed: bool = False, reachable: bool = True, of: SeedList = seeds
        ) -> SimulatedNode:
            node = self.node_class(
                self,
                place,
                settings=of_seeds if seed else ordinary,
                seeds=SeedList(texts, place.id) if seed else of,
                distance=rng.uniform(0.01, FAR_S),
                reachable=reachable,
                cometbft=scenario.cometbft,
                shape=SEED_SHAPE if seed and not scenario.cometbft else None,
                eviction=InboundEviction(rng.randbytes(SALT_BYTES)) if scenario.evicts else None,
            )
            self._by_id[node.id] = node
            return node

        self.seeds = [make(place, seed=True) for place in places[taken:]]
        hidden = round(scenario.nodes * scenario.unreachable)
        self.nodes = [make(self._place(), reachable=index >= hidden) for index in range(scenario.nodes)]
        self._bury(scenario.dead)
        for seed in self.seeds:
            seed.start()
        head_start = self._attack(attack, places[:taken]) if attack is not None else 0.0
        victims = {victim.id for victim in self.victims}
        for node in self.nodes:
            late = 0.0 if node.id in victims else head_start
            self.after(late + rng.random() * scenario.ramp_s, lambda node=node: self._start(node))  # type: ignore[misc]  # mypy takes no default for a lambda's argument
        self.after(0.0, self._sample)
        if scenario.newcomer_s and self.seeds:
            newcomer = make(self._place(), of=SeedList([str(self.seeds[0].address)]))
            self.newcomer = newcomer
            begin = max(0.0, scenario.hours * HOUR_S - scenario.newcomer_s)
            self.after(begin, newcomer.start)

    def _place(self, group: int | None = None) -> Place:
        """A new address; in a random group unless one is given."""
        rng = self.rng
        while True:
            first, second = divmod(rng.randrange(9 * 256) if group is None else group, 256)
            host = rng.randrange(1, 65_535)
            if ((first << 8) + second, host) not in self._places:
                break
        self._places.add(((first << 8) + second, host))
        return Place(f"{rng.getrandbits(160):040x}", f"{first + 1}.{second}.{host >> 8}.{host & 255}", 26656)

    def _bury(self, dead: int) -> None:
        """Put addresses that belong to no node into the seeds' books."""
        if self.seeds:
            sources = [self._place() for _ in range(64)]
            for _ in range(dead):
                grave = self._place()
                for seed in self.seeds:
                    seed.book.add_all((grave,), self.rng.choice(sources))

    def _start(self, node: SimulatedNode) -> None:
        if node.online:  # somebody else has started it by now
            return
        if not node.is_seed:
            self._online += 1
        node.start()
        self._plan_stop(node)

    def bring_up(self, node: SimulatedNode) -> None:
        """Start a node that is down, with the book of its last life."""
        self._start(node)

    def take_down(self, node: SimulatedNode) -> None:
        """Stop a node, as a crash does: it says nothing to anybody. It stays down until somebody brings it up."""
        if node.online:
            self._online -= not node.is_seed
            node.stop()
            self._full.discard(node.id)

    def _plan_stop(self, node: SimulatedNode) -> None:
        if self.scenario.churn <= 0 or node.is_seed:
            return
        life = node.life

        def stop() -> None:
            if node.online and node.life == life:
                self._stop(node, self.rng.expovariate(1.0 / self.scenario.downtime_s))

        self.after(self.rng.expovariate(self.scenario.churn / HOUR_S), stop)

    def _stop(self, node: SimulatedNode, downtime_s: float) -> None:
        self.take_down(node)
        self.after(downtime_s, lambda: self._start(node))

    # --- the attacker ---

    def _attack(self, attack: Attack, seeds: Sequence[Place]) -> float:
        """Choose the victims and begin. Args: seeds, the hostile ones. Returns: how long the other nodes wait."""
        groups = self.rng.sample(range(10 * 256, 200 * 256), attack.groups)
        places = [self._place(groups[index % len(groups)]) for index in range(attack.addresses)]
        honest = [node.address for node in self.nodes]
        attacker = Attacker(self, attack, places, seeds=seeds, honest=honest, bury=self._place)
        self._by_id.update((node.id, node) for node in (*attacker.nodes, *attacker.seeds))
        open_nodes = [node for node in self.nodes if node.reachable]
        self.victims = self.rng.sample(open_nodes, min(self.scenario.victims, len(open_nodes)))
        for target in (*self.victims, *self.seeds):
            attacker.haunt(target)
        self.after(VICTIM_RESTART * self.scenario.hours * HOUR_S, self._restart_victims)
        return attack.head_start_s

    def _restart_victims(self) -> None:
        self._hostile_before, self._hostile_inbound_before = self._hostile_shares()
        for victim in self.victims:
            if victim.online:
                self._stop(victim, 5.0)

    def _hostile_shares(self) -> tuple[float, float]:
        """What hostile nodes hold of the victims' outbound places, and of their inbound ones."""
        shares = []
        for slots, peers in (
            (sum(each.max_outbound for each in self.victims), [each.outbound for each in self.victims]),
            (sum(each.max_inbound for each in self.victims), [each.inbound for each in self.victims]),
        ):
            won = sum(peer.hostile for of_one in peers for peer in of_one.values())
            shares.append(won / slots if slots else 0.0)
        return shares[0], shares[1]

    # --- the result ---

    def _judge_seeds(self) -> float | None:
        told = [
            address
            for seed in self.seeds
            for _ in range(JUDGED_ANSWERS)
            for address in seed.book.answers.selection_with_bias(SEED_BIAS)
        ]
        return sum(map(self._alive, told)) / len(told) if told else None

    def _sample(self) -> None:
        self.after(SAMPLE_S, self._sample)
        share = len(self._full) / self._online if self._online else 0.0
        self._curve.append((self.now - DAWN, share))

    def _result(self, events: int) -> Result:
        # the network cannot have converged before all nodes have started
        attack = self.scenario.attack
        hostile, hostile_inbound = self._hostile_shares() if attack is not None else (None, None)
        ready = self.scenario.ramp_s + (attack.head_start_s if attack is not None else 0.0)
        converged = next((at for at, share in self._curve if share >= CONVERGED and at >= ready), None)
        degrees = sorted(
            sum(not peer.hostile and not peer.is_seed for peer in node.inbound.values())
            for node in self.nodes
            if node.reachable and node.online
        )
        return Result(
            self.scenario,
            converged,
            tuple(self._curve),
            Spread.of(degrees),
            tuple(degrees),
            Spread.of([len(node.book) for node in self.nodes]),
            self._judge_seeds(),
            self._dials,
            self._succeeded,
            self._hostile_before,
            hostile,
            events,
            self._hostile_inbound_before,
            hostile_inbound,
            None if self.newcomer is None else Newcomer.of(self.newcomer, self.seeds[0].id, self._alive),
        )
