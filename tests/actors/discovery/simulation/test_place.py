"""Addresses of a simulated network."""

from __future__ import annotations

from peerage.actors.discovery.simulation.place import Place
from peerage.wire.net_address import NetAddress
from tests.actors.discovery.nodes import node_id


def test_a_place_is_an_address_like_any_other() -> None:
    """With the same text, group and judgement, only known in advance."""
    place, address = Place(node_id(7), "1.2.3.4", 26656), NetAddress(node_id(7), "1.2.3.4", 26656)
    assert (str(place), place.dial_string) == (str(address), address.dial_string)
    assert place.group(strict=True) == address.group(strict=True)
    assert place.routable
    assert address.routable
    place.validate()


def test_there_is_one_place_for_each_address() -> None:
    """Being equal is being the same; places can be told apart in sets."""
    one, other = (Place(node_id(7), "1.2.3.4", 26656) for _ in range(2))
    assert one == one  # noqa: PLR0124 - what is tested
    assert one != other
    assert len({one, other}) == 2
