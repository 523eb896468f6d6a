"""A world of a few nodes for tests of those who take part in it, and one of them that only writes down what happens."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from peerage.actors.discovery.inbound_eviction import InboundEviction
from peerage.actors.discovery.ip_limits import IPLimits
from peerage.actors.discovery.manager.agenda import Moment
from peerage.actors.discovery.manager.seeds import SeedList
from peerage.actors.discovery.manager.settings import DiscoverySettings
from peerage.actors.discovery.simulation.participant import Participant
from peerage.actors.discovery.simulation.place import Place
from peerage.actors.discovery.simulation.simulated_node import SimulatedNode
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress
from tests.actors.discovery.nodes import START, address

DELAY_S = 0.1


class LittleWorld:
    """Time passes when told to; messages take a tenth of a second, and so do dials."""

    def __init__(self) -> None:
        self.now = START
        self.rng = random.Random(1)
        self.changes = 0  # of outbound peers, of whomever
        self.dials: list[NodeID] = []
        self.by_id: dict[NodeID, Participant] = {}
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    @property
    def moment(self) -> Moment:
        return Moment(self.now, self.now)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self.at(self.now + seconds, action)

    def at(self, when: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (when, next(self._order), action))

    def dial(self, node: Participant, node_id: NodeID, done: Callable[[Participant | None], None]) -> None:
        self.dials.append(node_id)
        target = self.by_id.get(node_id)
        there = target is not None and target.online and target.lets_in(node)
        self.after(DELAY_S, lambda: done(target if there else None))

    def delay(self, _one: Participant, _other: Participant) -> float:
        return DELAY_S

    def outbound_changed(self, _node: Participant) -> None:
        self.changes += 1

    def pass_by(self, seconds: float) -> None:
        end = self.now + seconds
        while self._queue and self._queue[0][0] <= end:
            self.now, _, action = heapq.heappop(self._queue)
            action()
        self.now = end

    def place(self, number: int) -> Place:
        known = address(number)
        return Place(known.id, str(known.host), known.port)

    def node(
        self,
        number: int,
        *,
        seeds: SeedList | None = None,
        cometbft: bool = False,
        eviction: InboundEviction | None = None,
        **settings: Any,
    ) -> SimulatedNode:
        """A node that has not been started."""
        node = SimulatedNode(
            self,
            self.place(number),
            settings=DiscoverySettings(ip_limits=IPLimits(per_ip=None), **settings),
            seeds=seeds or SeedList([]),
            distance=0.0,
            cometbft=cometbft,
            eviction=eviction,
        )
        self.by_id[node.id] = node
        return node

    def started(self, number: int, **options: Any) -> SimulatedNode:
        node = self.node(number, **options)
        node.start()
        return node


class Recorder(Participant):
    """Writes down what happens to it."""

    def __init__(self, world: LittleWorld, number: int) -> None:
        super().__init__(world, world.place(number), distance=0.0)
        self.happened: list[object] = []

    def lets_in(self, newcomer: Participant) -> bool:
        return True

    def joined(self, peer: Participant, *, is_outbound: bool) -> None:
        self.happened.append(("joined", peer.id, is_outbound))

    def parted(self, peer: Participant, *, hung_up: bool) -> None:
        self.happened.append(("parted", peer.id, hung_up))

    def requested(self, peer: Participant) -> None:
        self.happened.append(("requested", peer.id))

    def told(self, peer: Participant, addresses: Sequence[NetAddress]) -> None:
        self.happened.append(("told", peer.id, len(addresses)))
