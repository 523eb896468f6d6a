"""The map of a network: its nodes, and which of them know each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from peerage.actors.discovery.survey.visit import Visited
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress
from peerage.wire.node_info import NodeInfo

__all__ = ["Link", "MappedNode", "NetworkMap", "Status", "Told"]


class Status(StrEnum):
    """What is known of a node."""

    ANSWERED = "answered"
    UNREACHABLE = "unreachable"
    """At its address nobody answered, or another node did, or it broke the rules of the handshake."""
    NOT_VISITED = "not visited"


@dataclass(frozen=True, slots=True)
class Told:
    """An address as it was told: this node is said to be at this place (ip:port)."""

    id: NodeID
    place: str


@dataclass(frozen=True, slots=True)
class Link:
    """A node told the address of another: it knows it."""

    teller: NodeID
    told: NodeID
    place: str


@dataclass(frozen=True, slots=True)
class MappedNode:
    """A node of the map.

    Args:
        place: where it answered, or if it did not, where it is said to be; ip:port.
        others: the other places where it is said to be.
        reason: why it did not answer, or did not tell us its addresses; empty if it did.
        info: what it says of itself, if it answered.
        seen: when it was dialled, Unix seconds; None if it was not.
        connect_s, handshake_s: how long TCP took to connect, a round trip, and then the handshake.
        knows: how many others it told of; None if it told nothing.
        known_by: how many told of it.
        is_seed: whether the survey began there.
    """

    id: NodeID
    place: str
    others: tuple[str, ...]
    status: Status
    reason: str
    info: NodeInfo | None
    seen: float | None
    connect_s: float
    handshake_s: float
    knows: int | None
    known_by: int
    is_seed: bool


class NetworkMap:
    """What a survey knows.

    Args:
        found: the nodes that proved their ID, each with the visit that found it.
        told: all addresses that were told, each once.
        links: teller → positions in `told`, each once.
        outcomes: place → the result of dialling it, or the reason why it was not dialled.
        seeds: where it began. networks: only nodes of these were asked for addresses.
        waiting: places not visited yet. left_out: addresses that there was no room for.
    """

    def __init__(
        self,
        *,
        found: Mapping[NodeID, Visited],
        told: Sequence[Told],
        links: Mapping[NodeID, Sequence[int]],
        outcomes: Mapping[str, Visited | str],
        seeds: Sequence[NetAddress] = (),
        networks: Sequence[str] = (),
        waiting: int = 0,
        left_out: int = 0,
    ) -> None:
        self._found = found
        self._told = told
        self._links = links
        self._outcomes = outcomes
        self.seeds = seeds
        self.networks = networks
        self.waiting = waiting
        self.left_out = left_out
        self.nodes: tuple[MappedNode, ...] = tuple(self._map())

    def links(self) -> Iterator[Link]:
        """Which node knows which, each pair once, ordered by both IDs."""
        for teller in sorted(self._links):
            places: dict[NodeID, str] = {}
            for number in self._links[teller]:
                told = self._told[number]
                places.setdefault(told.id, told.place)
            for told_id in sorted(places):
                yield Link(teller, told_id, places[told_id])

    def answered(self) -> list[MappedNode]:
        """The nodes that were found, the best known first."""
        found = [node for node in self.nodes if node.status is Status.ANSWERED]
        return sorted(found, key=lambda node: (-node.known_by, node.id))

    def _map(self) -> Iterator[MappedNode]:
        places: dict[NodeID, list[str]] = {}
        for node_id, first in self._found.items():
            places[node_id] = [first.place]
        for told in self._told:
            of_it = places.setdefault(told.id, [])
            if told.place not in of_it:
                of_it.append(told.place)
        known_by: Counter[NodeID] = Counter()
        knows: dict[NodeID, int] = {}
        for teller, numbers in self._links.items():
            ids = {self._told[number].id for number in numbers}
            knows[teller] = len(ids)
            known_by.update(ids)
        seeds = {seed.id for seed in self.seeds}
        for node_id in sorted(places):
            visited = self._found.get(node_id)
            place, *others = places[node_id]
            status, reason = self._verdict(place, visited)
            dialled = visited or self._outcomes.get(place)
            yield MappedNode(
                id=node_id,
                place=place,
                others=tuple(others),
                status=status,
                reason=reason,
                info=None if visited is None else visited.info,
                seen=dialled.at if isinstance(dialled, Visited) else None,
                connect_s=0.0 if visited is None else visited.connect_s,
                handshake_s=0.0 if visited is None else visited.handshake_s,
                knows=None if visited is None or visited.told is None else knows.get(node_id, 0),
                known_by=known_by[node_id],
                is_seed=node_id in seeds,
            )

    def _verdict(self, place: str, visited: Visited | None) -> tuple[Status, str]:
        if visited is not None:
            return (Status.UNREACHABLE if visited.info is None else Status.ANSWERED), visited.trouble
        outcome = self._outcomes.get(place, "there was no room for it")
        if not isinstance(outcome, Visited):
            return Status.NOT_VISITED, outcome
        if outcome.id is not None:
            return Status.UNREACHABLE, f"somebody else answers there: {outcome.id}"
        return Status.UNREACHABLE, outcome.trouble
