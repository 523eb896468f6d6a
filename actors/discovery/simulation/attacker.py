"""An attacker's nodes, and what they do to their victims and to the seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from peerage.actors.discovery.book.selection import MAX_SELECTION
from peerage.actors.discovery.simulation.attack import Attack, Tells
from peerage.actors.discovery.simulation.participant import Participant, World
from peerage.wire.net_address import NetAddress

__all__ = ["Attacker", "HostileNode"]

LARGEST_GRAVEYARD = 10_000  # addresses at which nobody is


class Attacker:
    """All hostile nodes of a network.

    Args:
        places: their addresses.
        seeds: addresses of seeds that are hostile.
        honest: the other nodes' addresses.
        bury: makes an address at which there is nobody.
    """

    def __init__(
        self,
        world: World,
        attack: Attack,
        places: Sequence[NetAddress],
        *,
        seeds: Sequence[NetAddress] = (),
        honest: Sequence[NetAddress] = (),
        bury: Callable[[], NetAddress],
    ) -> None:
        self.attack = attack
        self._world = world
        self._places = places
        others: Sequence[NetAddress] = ()
        if attack.tells is Tells.MIXED:
            others = honest
        elif attack.tells is Tells.DEAD:
            others = [bury() for _ in range(min(10 * len(places), LARGEST_GRAVEYARD))]
        self._others = others
        self.nodes = [HostileNode(world, place, self) for place in places]
        self.seeds = [HostileNode(world, place, self, is_seed=True) for place in seeds]

    def answer(self) -> list[NetAddress]:
        """What one of the nodes tells: as many addresses as an answer may hold."""
        sample = self._world.rng.sample
        if not self._others:
            return sample(self._places, min(MAX_SELECTION, len(self._places)))
        half = MAX_SELECTION // 2
        told = sample(self._places, min(half, len(self._places)))
        return told + sample(self._others, min(half, len(self._others)))

    def haunt(self, target: Participant) -> None:
        """Let one node after the other connect, so that the target learns their addresses, and they have its places."""
        attack, world = self.attack, self._world

        def turn() -> None:
            world.after(attack.every_s, turn)
            node = world.rng.choice(self.nodes)
            if target.online and not target.is_peer(node.id) and target.lets_in(node):
                node.connect(target)
                if math.isfinite(attack.stay_s):
                    world.after(attack.stay_s, lambda: leave(node))

        def leave(node: HostileNode) -> None:
            if node.id in target.inbound:
                node.disconnect(target)

        world.after(world.rng.random() * attack.every_s, turn)


class HostileNode(Participant):
    """A node of an attacker: always online, and accepts all connections."""

    hostile = True

    def __init__(
        self, world: World, address: NetAddress, attacker: Attacker, *, is_seed: bool = False
    ) -> None:
        super().__init__(world, address, distance=attacker.attack.distance, is_seed=is_seed)
        self.online = True
        self._attacker = attacker

    @property
    def is_useful(self) -> bool:
        """Whether it passes on what its peers can use."""
        return self._attacker.attack.useful

    def lets_in(self, newcomer: Participant) -> bool:
        """Always."""
        return True

    def joined(self, peer: Participant, *, is_outbound: bool) -> None:
        """Do nothing."""

    def parted(self, peer: Participant, *, hung_up: bool) -> None:
        """Do nothing."""

    def requested(self, peer: Participant) -> None:
        """Answer as the attacker wants it."""
        if self.is_peer(peer.id):
            told = self._attacker.answer()
            self.world.after(self.world.delay(self, peer), lambda: self.deliver(peer, told))

    def told(self, peer: Participant, addresses: Sequence[NetAddress]) -> None:
        """Ignore them: it never asks."""
