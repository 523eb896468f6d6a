"""A whole network in a test: real nodes' peer exchange on virtual time, with faults, the same again for the same seed.

    net = SimNet(nodes=100, seeds=2, seed=7)
    net.run_until(lambda: all(len(node.outbound) == 10 for node in net.nodes), within=600)
    net.cut(net.nodes[:50], net.nodes[50:])            # and later net.mend()
    net.kill(net.seeds[0])
    net.run(3600)                                      # an hour passes in a second or two

Each node is the `Discoverer`, the address book and the choice of inbound peers that the node of `peerage start` runs. What
is simulated is what is between them: connections, how long messages take, and time. Reactors of your own are not part of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from peerage.actors.discovery.simulation.attack import ATTACKS, Attack
from peerage.actors.discovery.simulation.participant import Participant
from peerage.actors.discovery.simulation.simulated_node import SimulatedNode
from peerage.actors.discovery.simulation.simulation import DAWN, DIAL_TIMEOUT_S, Scenario, SimulatedNetwork
from peerage.wire.keys import NodeID

__all__ = ["SimEvent", "SimNet", "SimNode"]

# A silent connection is noticed at the pong that does not come: after 45 s at least, and up to 60 s later if a ping has just
# been answered. Source: reference 4.
PONG_TIMEOUT_S, PING_INTERVAL_S = 45.0, 60.0
FOREVER_HOURS = 1e6  # the test says how long it is
MOST_EVENTS = 1_000_000  # of the trace; the oldest go


@dataclass(frozen=True, slots=True)
class SimEvent:
    """Something that happened in a simulated network.

    Attributes: at, virtual seconds; what, one of `up`, `down`, `connected`, `parted`, `cut`, `mended`; node, peer, their
        IDs: of a connection first the one that dialled.
    """

    at: float
    what: str
    node: str
    peer: str = ""


class _Node(SimulatedNode):
    """A node that tells its network what happens to it."""

    world: _Network

    def start(self) -> None:
        self.world.note("up", self)
        super().start()

    def stop(self) -> None:
        self.world.note("down", self)
        super().stop()

    def joined(self, peer: Participant, *, is_outbound: bool) -> None:
        if is_outbound or peer.hostile:
            self.world.note("connected", *((self, peer) if is_outbound else (peer, self)))
        super().joined(peer, is_outbound=is_outbound)

    def parted(self, peer: Participant, *, hung_up: bool) -> None:
        # Both ends are told, and it is one event: the end with the smaller ID tells it, unless the other one cannot.
        if peer.hostile or self.id < peer.id:
            self.world.note("parted", self, peer)
        super().parted(peer, hung_up=hung_up)


class _Network(SimulatedNetwork):
    """A network whose links can be cut."""

    node_class: ClassVar[type[SimulatedNode]] = _Node

    def __init__(self, scenario: Scenario) -> None:
        self.trace: deque[SimEvent] = deque(maxlen=MOST_EVENTS)
        self.cuts: set[tuple[NodeID, NodeID]] = set()
        super().__init__(scenario)

    def note(self, what: str, node: Participant, peer: Participant | None = None) -> None:
        self.trace.append(SimEvent(self.now - DAWN, what, node.id, "" if peer is None else peer.id))

    def delay(self, one: Participant, other: Participant) -> float:
        """A message on a link that is cut never arrives."""
        return float("inf") if (one.id, other.id) in self.cuts else super().delay(one, other)

    def dial(self, node: Participant, node_id: NodeID, done: Callable[[Participant | None], None]) -> None:
        if (node.id, node_id) in self.cuts:
            self.after(DIAL_TIMEOUT_S, lambda: done(None))
        else:
            super().dial(node, node_id, done)


class SimNode:
    """A node of a simulated network, as the test sees it. Two are equal if they are the same node.

    Attribute: simulated, what runs it: its book and discoverer are those of a real node, and may change with them.
    """

    def __init__(self, node: SimulatedNode) -> None:
        self.simulated = node

    @property
    def id(self) -> NodeID:
        return self.simulated.id

    @property
    def address(self) -> str:
        """`ID@ip:port`."""
        return str(self.simulated.address)

    @property
    def is_up(self) -> bool:
        return self.simulated.online

    @property
    def outbound(self) -> frozenset[str]:
        """The IDs of peers that it has dialled."""
        return frozenset(self.simulated.outbound)

    @property
    def inbound(self) -> frozenset[str]:
        """The IDs of peers that have dialled it."""
        return frozenset(self.simulated.inbound)

    @property
    def peers(self) -> frozenset[str]:
        """The IDs of all its peers."""
        return self.outbound | self.inbound

    @property
    def hostile(self) -> frozenset[str]:
        """The IDs of peers that are an attacker's."""
        node = self.simulated
        return frozenset(
            peer.id for peer in (*node.outbound.values(), *node.inbound.values()) if peer.hostile
        )

    @property
    def known(self) -> int:
        """How many addresses its book has."""
        return len(self.simulated.book)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SimNode) and other.simulated is self.simulated

    def __hash__(self) -> int:
        return hash(self.simulated.id)

    def __repr__(self) -> str:
        state = f"{len(self.outbound)} outbound, {len(self.inbound)} inbound" if self.is_up else "down"
        return f"<SimNode {self.id[:8]} {state}>"


Some = SimNode | Iterable[SimNode]


class SimNet:
    """Some nodes and seeds, and the time between them. The same arguments and calls give the same network, event by event.

    Args:
        nodes, seeds: how many of each; the nodes start at random times of the first minute, and know the seeds.
        seed: of the random numbers.
        max_outbound, max_inbound: peers of a node.
        unreachable: the share of nodes that nobody can dial.
        attack: what an attacker does to `victims` nodes and the seeds, by its name in `peerage simulate --attack`.
        cometbft: whether the nodes go by CometBFT's rules in place of ours.

    Attributes: nodes, seeds, victims: lists of SimNode.
    """

    def __init__(
        self,
        nodes: int = 20,
        seeds: int = 1,
        *,
        seed: int = 1,
        max_outbound: int = 10,
        max_inbound: int = 40,
        unreachable: float = 0.0,
        attack: str | Attack | None = None,
        victims: int = 5,
        cometbft: bool = False,
    ) -> None:
        scenario = Scenario(
            nodes=nodes,
            seeds=seeds,
            hours=FOREVER_HOURS,
            seed=seed,
            max_outbound=max_outbound,
            max_inbound=max_inbound,
            unreachable=unreachable,
            attack=_attack(attack),
            victims=victims,
        )
        self._net = _Network(scenario.compared() if cometbft else scenario)
        self._handles = {each.id: SimNode(each) for each in (*self._net.nodes, *self._net.seeds)}
        self.nodes = [self._handles[each.id] for each in self._net.nodes]
        self.seeds = [self._handles[each.id] for each in self._net.seeds]
        self.victims = [self._handles[each.id] for each in self._net.victims]

    # --- time --------------------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Virtual seconds since the beginning."""
        return self._net.now - DAWN

    def run(self, seconds: float) -> None:
        """Let virtual time pass."""
        self._net.advance(self._net.now + seconds)

    def run_until(self, condition: Callable[[], Any], within: float, *, step: float = 1.0) -> float:
        """Let time pass until a condition holds, which is looked at every `step` virtual seconds.

        Returns: how many virtual seconds that took. Raises: AssertionError: it does not hold within so many.
        """
        began = self.now
        while not condition():
            if self.now - began >= within:
                raise AssertionError(f"not within {within:g} s of virtual time: {condition}")
            self.run(min(step, began + within - self.now))
        return self.now - began

    def later(self, seconds: float, action: Callable[[], object]) -> None:
        """Do something when that much virtual time has passed: a fault in the middle of a run."""

        def act() -> None:
            action()

        self._net.after(seconds, act)

    # --- faults ------------------------------------------------------------------------------------------------------

    def kill(self, *nodes: SimNode) -> None:
        """Nodes go down without a word, until they are started again. One that is down already is left so."""
        for node in nodes:
            self._net.take_down(node.simulated)

    def start(self, *nodes: SimNode) -> None:
        """Nodes that are down start, with what their books have kept."""
        for node in nodes:
            self._net.bring_up(node.simulated)

    def cut(self, some: Some, others: Some) -> None:
        """Nothing passes between these nodes and those any more, in either direction, and nobody is told.

        Connections between them end when a pong does not come, 45 to 105 seconds later, unless the link is mended first.
        """
        for one in _each(some):
            for other in _each(others):
                if one != other and (one.simulated.id, other.simulated.id) not in self._net.cuts:
                    self._cut(one.simulated, other.simulated)

    def mend(self, some: Some | None = None, others: Some | None = None) -> None:
        """Links between these nodes and those are as before; all links if nothing is given."""
        everybody = list(self._handles.values())
        ours = {each.simulated.id for each in (everybody if some is None else _each(some))}
        theirs = {each.simulated.id for each in (everybody if others is None else _each(others))}
        for one, other in sorted(self._net.cuts):
            if one in ours and other in theirs and (one, other) in self._net.cuts:
                self._net.cuts -= {(one, other), (other, one)}
                self._net.note("mended", self._handles[one].simulated, self._handles[other].simulated)

    # --- what has come of it -----------------------------------------------------------------------------------------

    @property
    def trace(self) -> tuple[SimEvent, ...]:
        """Everything that has happened, the latest million events at most: equal for equal arguments and calls."""
        return tuple(self._net.trace)

    def islands(self) -> list[frozenset[str]]:
        """The IDs of the honest nodes that are up, in groups that are connected with each other; the largest first.

        Seeds are left out: they hang up when they have answered.
        """
        left: set[str] = {each.id for each in self.nodes if each.is_up}
        found = []
        while left:
            island, edge = set[str](), {min(left)}
            while edge:
                island |= edge
                edge = {peer for each in edge for peer in self._handles[NodeID(each)].peers} & left - island
            left -= island
            found.append(frozenset(island))
        return sorted(found, key=lambda island: (-len(island), min(island)))

    def _cut(self, one: SimulatedNode, other: SimulatedNode) -> None:
        net = self._net
        pair = {(one.id, other.id), (other.id, one.id)}
        net.cuts |= pair
        net.note("cut", one, other)
        lives = one.life, other.life

        def notice() -> None:
            if pair <= net.cuts and (one.life, other.life) == lives and one.is_peer(other.id):
                one.disconnect(other)

        if one.is_peer(other.id):
            net.after(PONG_TIMEOUT_S + net.rng.random() * PING_INTERVAL_S, notice)


def _each(some: Some) -> Sequence[SimNode]:
    return [some] if isinstance(some, SimNode) else list(some)


def _attack(attack: str | Attack | None) -> Attack | None:
    if not isinstance(attack, str):
        return attack
    if attack not in ATTACKS:
        raise ValueError(f"attack: {attack!r}; one of {', '.join(ATTACKS)} was expected")
    return ATTACKS[attack]
