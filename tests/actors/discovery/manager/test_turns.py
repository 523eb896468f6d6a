"""Who waits for an answer."""

from __future__ import annotations

from peerage.actors.discovery.manager.turns import Turns


def test_an_id_waits_once_and_its_newest_turn_is_the_one() -> None:
    """An earlier one that comes or ends is none any more."""
    turns = Turns()
    first, second = turns.take("a"), turns.take("a")
    assert first is not None
    assert second is not None
    assert len(turns) == 1
    assert not turns.end(first)
    assert turns.end(second)
    assert not turns.end(second)
    assert len(turns) == 0


def test_there_is_room_for_so_many_in_all() -> None:
    """One that ends makes room, and taking another turn needs none."""
    turns = Turns(most=2)
    first = turns.take("a")
    assert turns.take("b") is not None
    assert turns.take("c") is None
    assert turns.take("b") is not None
    assert first is not None
    turns.end(first)
    assert turns.take("c") is not None


def test_there_is_room_for_so_many_of_a_group() -> None:
    """Those without a group are not counted."""
    turns = Turns(most_of_group=1)
    first = turns.take("a", "1.2")
    assert turns.take("b", "1.2") is None
    assert turns.take("b", "1.3") is not None
    assert turns.take("c") is not None
    assert turns.take("d") is not None
    assert first is not None
    turns.end(first)
    assert turns.take("e", "1.2") is not None
