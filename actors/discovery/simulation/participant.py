"""The participants of a simulated network, and the connections between them."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Protocol

from peerage.actors.discovery.manager.agenda import Moment
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress


class World(Protocol):
    """What a participant needs from its network."""

    now: float
    rng: random.Random

    @property
    def moment(self) -> Moment:
        """The same time, as a discoverer takes it."""

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something after a delay."""

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do something at this time."""

    def dial(self, node: Participant, node_id: NodeID, done: Callable[[Participant | None], None]) -> None:
        """Dial, and call `done` with the node if it answers and has room, otherwise with None."""

    def delay(self, one: Participant, other: Participant) -> float:
        """How many seconds a message takes from one to the other."""

    def outbound_changed(self, node: Participant) -> None:
        """The number of a node's outbound peers has changed."""


class Participant(ABC):
    """A node as others see it.

    Args: address, where it says it is; reachable, whether it can be dialled there; distance, seconds to the middle of the
        network.
    """

    hostile = False

    def __init__(
        self,
        world: World,
        address: NetAddress,
        *,
        distance: float,
        reachable: bool = True,
        is_seed: bool = False,
    ) -> None:
        self.world = world
        self.address = address
        self.id: NodeID = address.id
        self.distance = distance
        self.reachable = reachable
        self.is_seed = is_seed
        self.online = False
        self.outbound: dict[NodeID, Participant] = {}
        self.inbound: dict[NodeID, Participant] = {}

    def is_peer(self, node_id: NodeID) -> bool:
        """Whether this node is connected, in either direction."""
        return node_id in self.outbound or node_id in self.inbound

    def connect(self, peer: Participant) -> None:
        """Connect to a node that we dialled."""
        self.outbound[peer.id] = peer
        peer.inbound[self.id] = self
        peer.joined(self, is_outbound=False)
        self.joined(peer, is_outbound=True)

    def disconnect(self, peer: Participant, *, for_error: bool = False) -> None:
        """End a connection. Args: for_error, whether the peer did something that is an error."""
        ours = self.outbound.pop(peer.id, None) is not None
        theirs = peer.outbound.pop(self.id, None) is not None
        self.inbound.pop(peer.id, None)
        peer.inbound.pop(self.id, None)
        if ours or theirs:
            self.parted(peer, hung_up=for_error)
            peer.parted(self, hung_up=True)

    def deliver(
        self, peer: Participant, told: Sequence[NetAddress], *, then_disconnect: bool = False
    ) -> None:
        """Hand addresses to a peer, if it is still connected."""
        if self.is_peer(peer.id):
            peer.told(self, told)
            if then_disconnect:
                self.disconnect(peer)

    @property
    def is_useful(self) -> bool:
        """Whether it passes on what its peers can use: transactions, votes, blocks."""
        return True

    @abstractmethod
    def lets_in(self, newcomer: Participant) -> bool:
        """Whether a node that dials is let in as an inbound peer. Another one may have to go for it, and is gone then."""

    @abstractmethod
    def joined(self, peer: Participant, *, is_outbound: bool) -> None:
        """A node is connected now. Args: is_outbound, whether we dialled."""

    @abstractmethod
    def parted(self, peer: Participant, *, hung_up: bool) -> None:
        """A connection has ended. Args: hung_up, whether the other side ended it."""

    @abstractmethod
    def requested(self, peer: Participant) -> None:
        """A peer asks for addresses."""

    @abstractmethod
    def told(self, peer: Participant, addresses: Sequence[NetAddress]) -> None:
        """A peer tells addresses."""
