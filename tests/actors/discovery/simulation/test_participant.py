"""Connections between those who take part, and an attacker's nodes."""

from __future__ import annotations

from collections.abc import Sequence

from peerage.actors.discovery.book.selection import MAX_SELECTION
from peerage.actors.discovery.simulation.participant import HostileNode, Participant
from peerage.wire.net_address import NetAddress
from tests.actors.discovery.simulation.little_world import DELAY_S, LittleWorld


class Recorder(Participant):
    """Writes down what happens to it."""

    def __init__(self, world: LittleWorld, number: int) -> None:
        super().__init__(world, world.place(number), distance=0.0)
        self.happened: list[object] = []

    def has_room(self) -> bool:
        return True

    def joined(self, peer: Participant, *, is_outbound: bool) -> None:
        self.happened.append(("joined", peer.id, is_outbound))

    def parted(self, peer: Participant, *, hung_up: bool) -> None:
        self.happened.append(("parted", peer.id, hung_up))

    def requested(self, peer: Participant) -> None:
        self.happened.append(("requested", peer.id))

    def told(self, peer: Participant, addresses: Sequence[NetAddress]) -> None:
        self.happened.append(("told", peer.id, len(addresses)))


def test_a_connection_has_two_ends_and_the_one_that_was_dialled_hears_of_it_first() -> None:
    """It is outbound for one and inbound for the other."""
    world = LittleWorld()
    one, other = Recorder(world, 1), Recorder(world, 2)
    one.connect(other)
    assert (list(one.outbound), list(other.inbound)) == ([other.id], [one.id])
    assert one.is_peer(other.id)
    assert other.is_peer(one.id)
    assert other.happened == [("joined", one.id, False)]
    assert one.happened == [("joined", other.id, True)]


def test_both_ends_hear_of_the_end_and_whose_wish_it_was() -> None:
    """Once. For an error it is nobody's wish."""
    world = LittleWorld()
    for for_error in (False, True):
        one, other = Recorder(world, 1), Recorder(world, 2)
        one.connect(other)
        for _ in range(2):
            other.disconnect(one, for_error=for_error)
        assert one.happened[1:] == [("parted", other.id, True)]
        assert other.happened[1:] == [("parted", one.id, for_error)]
        assert not one.is_peer(other.id)


def test_addresses_reach_whoever_is_still_connected() -> None:
    """And the connection may end behind them."""
    world = LittleWorld()
    one, other = Recorder(world, 1), Recorder(world, 2)
    one.deliver(other, [one.address])
    one.connect(other)
    one.deliver(other, [one.address], then_disconnect=True)
    assert [event for event in other.happened if event[0] == "told"] == [("told", one.id, 1)]  # type: ignore[index]  # a tuple
    assert not one.is_peer(other.id)


def test_a_hostile_node_lets_everybody_in_and_tells_its_own_kind() -> None:
    """As many as an answer holds, as far as there are so many; it asks nobody and misses nobody."""
    world = LittleWorld()
    for kind in (3, 1000):
        band = [world.place(100 + number) for number in range(kind)]
        hostile, victim = HostileNode(world, band[0], band), Recorder(world, 1)
        assert hostile.has_room()
        hostile.requested(victim)  # no peer: not answered
        victim.connect(hostile)
        hostile.requested(victim)
        hostile.told(victim, band)
        world.pass_by(DELAY_S)
        hostile.disconnect(victim)
        assert victim.happened[1:] == [
            ("told", hostile.id, min(kind, MAX_SELECTION)),
            ("parted", hostile.id, True),
        ]
