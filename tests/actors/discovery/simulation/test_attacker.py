"""An attacker's nodes: what they answer, and how they take places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import pytest

from peerage.actors.discovery.book.selection import MAX_SELECTION
from peerage.actors.discovery.simulation.attack import Attack, Tells
from peerage.actors.discovery.simulation.attacker import Attacker
from peerage.actors.discovery.simulation.place import Place
from tests.actors.discovery.simulation.little_world import DELAY_S, LittleWorld, Recorder

ATTACK = Attack("", every_s=1.0, stay_s=3.0)


def attacker(
    world: LittleWorld, attack: Attack, size: int, honest: Sequence[Place] = ()
) -> tuple[Attacker, list[Place]]:
    """An attacker of so many addresses, and the addresses at which nobody is that it has made."""
    numbers, graves = count(5000), list[Place]()

    def bury() -> Place:
        graves.append(world.place(next(numbers)))
        return graves[-1]

    places = [world.place(100 + number) for number in range(size)]
    return Attacker(world, attack, places, honest=honest, bury=bury), graves


def test_a_hostile_node_lets_everybody_in_and_tells_its_own_kind() -> None:
    """As many as an answer holds, as far as there are so many; it asks nobody and misses nobody."""
    world = LittleWorld()
    for size in (3, 1000):
        hostile, victim = attacker(world, ATTACK, size)[0].nodes[0], Recorder(world, 1)
        assert hostile.lets_in(victim)
        hostile.requested(victim)  # no peer: not answered
        victim.connect(hostile)
        hostile.requested(victim)
        hostile.told(victim, [hostile.address])
        world.pass_by(DELAY_S)
        hostile.disconnect(victim)
        assert victim.happened[1:] == [
            ("told", hostile.id, min(size, MAX_SELECTION)),
            ("parted", hostile.id, True),
        ]


def test_other_addresses_are_half_of_an_answer() -> None:
    """Honest ones, or such that nobody is at."""
    world = LittleWorld()
    honest = [world.place(number) for number in range(2000, 2300)]
    mixed, _ = attacker(world, replace(ATTACK, tells=Tells.MIXED), 500, honest)
    half = MAX_SELECTION // 2
    assert len(set(mixed.answer()) & set(honest)) == half
    flooding, graves = attacker(world, replace(ATTACK, tells=Tells.DEAD), 500)
    assert len(graves) == 5000
    assert len(set(flooding.answer()) & set(graves)) == half
    assert len(flooding.answer()) == 2 * half


def test_places_are_taken_for_a_while_or_for_good() -> None:
    """By one node after the other, as far as they are let in."""
    for stay_s, at_most in ((3.0, 4), (math.inf, 10)):
        world = LittleWorld()
        band, _ = attacker(world, replace(ATTACK, stay_s=stay_s), 50)
        victim = world.started(1, max_inbound=10)
        band.haunt(victim)
        world.pass_by(30.0)
        assert 1 <= len(victim.inbound) <= at_most
        assert all(peer.hostile for peer in victim.inbound.values())
    victim.stop()
    world.pass_by(30.0)
    assert not victim.inbound


@pytest.mark.parametrize("useful", [False, True])
def test_it_is_of_use_if_the_attacker_wants_it(useful: bool) -> None:
    band, _ = attacker(LittleWorld(), replace(ATTACK, useful=useful, distance=0.0), 1)
    assert band.nodes[0].is_useful == useful
    assert band.nodes[0].distance == 0.0
