"""actors/discovery/simulation/newcomer.py: figures of a node that began with one seed."""

from __future__ import annotations

import random

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.simulation.newcomer import Newcomer
from peerage.wire.net_address import NetAddress

SEED, PEER, *HEARD = (NetAddress(f"{number:040x}", f"10.0.0.{number}", 26656) for number in range(1, 8))


class Node:
    """As a SimulatedNode, as far as it is looked at."""

    def __init__(self) -> None:
        self.book = AddrBook(clock=lambda: 1e9, rng=random.Random(1), strict=False, key="0" * 24)
        self.outbound = {PEER.id: object()}


def test_addresses_are_told_apart_by_who_told_them_and_whether_they_answer() -> None:
    node = Node()
    for address in HEARD[:4]:
        node.book.add(address, SEED)
    node.book.add(HEARD[4], PEER)
    dead = {HEARD[0].id, HEARD[4].id}
    found = Newcomer.of(node, SEED.id, lambda address: address.id not in dead)  # type: ignore[arg-type]  # stands in
    assert found == Newcomer(known=5, alive=3, from_seed=4, from_seed_alive=3, peers=1)
    assert (found.dead, found.from_seed_dead) == (0.4, 0.25)
    assert Newcomer(0, 0, 0, 0, 0).dead is None
    assert Newcomer(0, 0, 0, 0, 0).from_seed_dead is None
