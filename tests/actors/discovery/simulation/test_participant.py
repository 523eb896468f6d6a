"""Connections between those who take part."""

from __future__ import annotations

from tests.actors.discovery.simulation.little_world import LittleWorld, Recorder


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
