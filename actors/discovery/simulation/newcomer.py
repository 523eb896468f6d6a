"""What one seed is worth to a node that begins with nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from peerage.actors.discovery.simulation.simulated_node import SimulatedNode
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress

__all__ = ["Newcomer"]


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What a node that began with an empty book and one seed has at the end.

    known: addresses in its book. alive: those of them that answer. from_seed: those that the seed told first.
    from_seed_alive: those of them that answer. peers: its outbound ones.
    """

    known: int
    alive: int
    from_seed: int
    from_seed_alive: int
    peers: int

    @property
    def dead(self) -> float | None:
        """The share of addresses that do not answer; None without any."""
        return 1.0 - self.alive / self.known if self.known else None

    @property
    def from_seed_dead(self) -> float | None:
        """The same share of those that the seed told."""
        return 1.0 - self.from_seed_alive / self.from_seed if self.from_seed else None

    @classmethod
    def of(cls, node: SimulatedNode, seed: NodeID, is_alive: Callable[[NetAddress], bool]) -> Newcomer:
        """How that node stands. Args: seed, its own; is_alive, whether somebody answers at an address."""
        rows = list(node.book.addresses())
        told = [row for row in rows if row.source.id == seed]
        return cls(
            len(rows),
            sum(is_alive(row.address) for row in rows),
            len(told),
            sum(is_alive(row.address) for row in told),
            len(node.outbound),
        )
