"""What an operator does to the book by hand, and how two books' histories become one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from peerage.actors.discovery.book.additions import ANOTHER_NETWORK, NO_ROOM
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.curation import united
from peerage.actors.discovery.book.known_address import Kind, KnownAddress, Standing
from peerage.actors.discovery.book.timestamps import MINUTE, SECOND
from peerage.wire.net_address import NetAddress
from tests.actors.discovery.nodes import START, Clock, address, book, known_addresses, node_id

NOW = int(START * SECOND)
HOUR = 60 * MINUTE


def row(number: int, **known: object) -> KnownAddress:
    """What another book knows of a node."""
    return replace(KnownAddress(address(number), address(900)), **known)  # type: ignore[arg-type]


def standing(known: AddrBook, number: int) -> Standing:
    found = known.get(node_id(number))
    assert found is not None
    return found.standing


def test_a_given_address_is_one_that_its_node_told() -> None:
    """What is refused is counted with an example; a known ID at another place is to be tried there."""
    known = book()
    inner = NetAddress(node_id(3), "10.0.0.3", 1)
    done = known.curation.add_given([address(1), address(2), inner])
    assert (done.added, done.left_alone, done.refused) == (2, 0, {"not routable": 1})
    assert done.left_out["not routable"].examples == (str(inner),)
    elsewhere = address(1, "9.9.9.9")
    assert known.curation.add_given([elsewhere]).added == 0
    found = known.get(node_id(1))
    assert found is not None
    assert (found.address, found.moved, found.source) == (address(1), elsewhere, address(1))


def test_who_is_removed_is_no_anchor_any_more() -> None:
    """And is gone for the store, too; an ID that is not known is not among the removed."""
    known = book()
    known.add_all([address(1), address(2)], address(9))
    known.anchors.remember([address(1), address(2)])
    known.drain()
    assert known.curation.remove_all([node_id(1).upper(), node_id(7)]) == (node_id(1),)
    assert known.anchors.addresses() == [address(2)]
    changes = known.drain()
    assert (changes.gone, [fact.numbers for fact in changes.facts]) == ((node_id(1),), [()])
    assert known.curation.remove_all([node_id(1)]) == ()


def test_a_union_adds_and_keeps_the_better_history() -> None:
    """The later success counts, and the tries of whoever tried last; the rest is left alone."""
    known = book()
    known.add_all([address(1), address(2), address(3)], address(9))
    known.mark_good(node_id(2), latency_s=0.5)
    known.drain()
    rows = [
        row(1, kind=Kind.OLD, last_success=NOW - HOUR, last_attempt=NOW - HOUR, latency=7),
        row(2, last_success=NOW - HOUR, last_attempt=NOW - HOUR, attempts=0),
        row(3),
        row(4, kind=Kind.OLD, last_success=NOW - HOUR, last_attempt=NOW - HOUR),
        row(5, incompatible=2),
    ]
    done = known.curation.unite(rows)
    assert (done.added, done.seen_again, done.left_alone) == (1, 1, 2)
    assert done.refused == {ANOTHER_NETWORK: 1}
    first, second = known.get(node_id(1)), known.get(node_id(2))
    assert first is not None
    assert second is not None
    assert (first.kind, first.last_success, first.latency) == (Kind.OLD, NOW - HOUR, 7)
    assert (second.last_success, second.latency) == (NOW, SECOND // 2)
    assert standing(known, 1) is standing(known, 4) is Standing.VERIFIED
    assert {each.id for each in known.drain().changed} == {node_id(1), node_id(4)}
    assert known.curation.unite(rows).changed == 0


def test_a_node_moves_to_where_it_answered_last() -> None:
    """Unless that place is refused here: then nothing that was found there counts."""
    known = book()
    known.add_all([address(1), address(2)], address(9))
    moved = address(1, "9.8.7.6")
    inner = NetAddress(node_id(2), "10.0.0.2", 1)
    told = {"last_success": NOW, "last_attempt": NOW}
    assert known.curation.unite([row(1, address=moved, **told)]).seen_again == 1
    assert known.curation.unite([row(2, address=inner, **told)]).refused == {"not routable": 1}
    assert [found.address for found in known.addresses()] == [moved, address(2)]


def test_nobody_has_to_go_for_a_union() -> None:
    """With one place in each bucket, and one more for those of other books, whoever is there stays, and stays old."""
    known = book(shape=BookShape(new_buckets=1, new_bucket_size=1, old_buckets=1, old_bucket_size=1))
    known.add(address(1), address(1))
    known.mark_good(node_id(1))
    known.add(address(2), address(2))
    proved = {"kind": Kind.OLD, "last_success": NOW, "last_attempt": NOW}
    done = known.curation.unite([row(number, **proved) for number in (2, 3, 4, 5)])
    assert (done.seen_again, done.added, done.refused) == (1, 2, {NO_ROOM: 1})
    kinds = {each.id: each.kind for each in known.addresses()}
    assert (kinds[node_id(1)], kinds[node_id(2)]) == (Kind.OLD, Kind.NEW)
    assert standing(known, 2) is Standing.VERIFIED


def test_a_node_that_answered_the_other_book_since_is_of_our_network() -> None:
    clock = Clock()
    known = book(clock)
    known.add(address(1), address(9))
    known.mark_incompatible(node_id(1))
    known.curation.unite([row(1, last_success=NOW + HOUR, last_attempt=NOW + HOUR)])
    assert standing(known, 1) is Standing.VERIFIED
    assert known.statistics().incompatible == 0


@given(known_addresses(), known_addresses())
def test_a_union_knows_what_the_better_of_both_knew(ours: KnownAddress, theirs: KnownAddress) -> None:
    """No success is lost, and uniting twice is uniting once."""
    theirs = replace(theirs, address=NetAddress(ours.id, theirs.address.host, theirs.address.port))
    best = united(ours, theirs)
    assert best.last_success == max(ours.last_success, theirs.last_success)
    assert best.kind is max(ours.kind, theirs.kind)
    assert (best.buckets, best.source) == (ours.buckets, ours.source)
    assert united(best, theirs) == best
    if theirs.last_success > ours.last_success:
        assert best.address == theirs.address


@pytest.mark.parametrize(("mine", "other", "expected"), [(0, 3, 3), (2, 0, 2), (2, 5, 5)])
def test_the_tries_are_those_of_who_tried_last(mine: int, other: int, expected: int) -> None:
    """An address that was only heard of lately has not been tried."""
    ours = row(1, attempts=mine, last_attempt=NOW)
    theirs = row(1, attempts=other, last_attempt=NOW + HOUR)
    assert united(ours, theirs).attempts == expected
