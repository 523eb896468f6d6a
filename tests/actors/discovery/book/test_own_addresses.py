"""Our own addresses: our ID anywhere, and our place under any ID."""

from __future__ import annotations

from peerage.actors.discovery.book.own_addresses import OwnAddresses
from tests.actors.discovery.nodes import address, node_id

OURS = address(1)


def test_our_id_is_ours_at_any_place() -> None:
    """Others may tell an address of ours that is wrong; IDs in capitals are the same IDs."""
    own = OwnAddresses()
    own.add_id(node_id(0xA1).upper())
    assert address(0xA1, "9.9.9.9", port=1) in own


def test_our_place_is_ours_under_any_id() -> None:
    """Somebody who says that he is where we are makes us dial ourselves."""
    own = OwnAddresses()
    assert OURS not in own
    own.add(OURS)
    assert OURS in own
    assert address(2, str(OURS.host)) in own
    assert address(1, "9.9.9.9") in own
    assert address(2, str(OURS.host), port=1) not in own
