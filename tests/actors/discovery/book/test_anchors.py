"""Anchors: which peers are dialled first after a restart."""

from __future__ import annotations

from peerage.actors.discovery.book.anchors import MAX_ANCHORS, Anchors
from peerage.actors.discovery.book.facts import FactKind, FactList
from tests.actors.discovery.nodes import address


def anchors(facts: FactList | None = None, *, enabled: bool = True) -> Anchors:
    """Anchors of which address 3 may not be dialled any more."""
    kept = FactList() if facts is None else facts
    return Anchors(kept, enabled=enabled, may_be_dialled=lambda anchor: anchor != address(3))


def test_the_best_outbound_peers_are_kept_in_their_order() -> None:
    """The latest list counts, and only its first four."""
    kept = anchors()
    kept.remember([address(20), address(21)])
    kept.remember([address(number) for number in (8, 5, 6, 7, 9)])
    assert kept.addresses() == [address(number) for number in (8, 5, 6, 7)][:MAX_ANCHORS]


def test_a_node_without_outbound_peers_keeps_the_last_ones() -> None:
    """Losing all peers is no reason to forget who was good."""
    kept = anchors()
    kept.remember([address(8)])
    kept.remember([])
    assert kept.addresses() == [address(8)]


def test_an_anchor_that_may_not_be_dialled_any_more_is_left_out() -> None:
    """It may have been banned since."""
    kept = anchors()
    kept.remember([address(3), address(4)])
    assert kept.addresses() == [address(4)]


def test_they_are_taken_once_after_a_restart() -> None:
    """What they were before comes back with the facts."""
    facts = FactList()
    anchors(facts).remember([address(4)])
    after = anchors(facts)
    assert after.take_due() == []
    after.begin()
    assert after.take_due() == [address(4)]
    assert after.take_due() == []


def test_with_the_switch_off_none_are_kept() -> None:
    """Nothing is stored either."""
    facts = FactList()
    off = anchors(facts, enabled=False)
    off.remember([address(4)])
    off.begin()
    assert off.addresses() == off.take_due() == []
    assert facts.of(FactKind.ANCHOR) == ()


def test_one_that_is_forgotten_is_no_anchor_any_more() -> None:
    """The others keep their order."""
    kept = anchors()
    kept.remember([address(8), address(5), address(6)])
    kept.forget([address(5).id])
    assert kept.addresses() == [address(8), address(6)]
