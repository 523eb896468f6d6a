"""Taking in what another book knew: what lay in a bucket stays there, and nobody has to go for it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.actors.discovery.book.additions import NO_ROOM
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.known_address import Kind, KnownAddress
from peerage.wire.net_address import NetAddress
from tests.actors.discovery.nodes import address, book, node_id

NOBODY = NetAddress("", "0.0.0.0", 26656)
TINY = BookShape(new_bucket_size=1, old_bucket_size=1)


def row(number: int, *buckets: int, kind: Kind = Kind.NEW, source: NetAddress = NOBODY) -> KnownAddress:
    """What a published file has of a node."""
    return KnownAddress(address(number), source, kind, buckets)


def sizes(known: AddrBook, kind: Kind) -> Counter[int]:
    """How many lie in each bucket."""
    return Counter(number for each in known.addresses() if each.kind is kind for number in each.buckets)


def test_a_book_as_full_as_cometbfts_can_be_is_taken_whole() -> None:
    """65 in each bucket, one source for all."""
    rows = [row(n, n % 16) for n in range(16 * 65)]
    rows += [row(n, n % 4, kind=Kind.OLD) for n in range(10_000, 10_000 + 4 * 65)]
    known = book(shape=BookShape(new_buckets=16, old_buckets=4))
    added = known.merge(rows)
    assert (added.added, added.left_alone, added.refused) == (len(rows), 0, {})
    assert {each.id: (each.kind, each.buckets) for each in known.addresses()} == {
        each.id: (each.kind, each.buckets) for each in rows
    }


def test_what_another_key_placed_is_taken_beside_what_is_known() -> None:
    """A second file of one source does not push out the first."""
    known = book()
    known.merge([row(n, n % 29) for n in range(1000)])
    before = {each.id: each for each in known.addresses()}
    added = known.merge([row(n, 29 + n % 29) for n in range(500, 2000)])
    assert (added.added, added.left_alone, added.refused) == (1000, 500, {})
    after = {each.id: each for each in known.addresses()}
    assert {node: after[node] for node in before} == before


def test_whose_bucket_is_full_goes_where_this_key_places_it() -> None:
    """With 0.0.0.0 for a source, as if it had told itself: that is no group of its own."""
    known = book(shape=TINY)
    added = known.merge([row(n, 7) for n in range(40)])
    assert (added.added, added.refused) == (40, {})
    assert sizes(known, Kind.NEW)[7] == 2


def test_an_old_address_without_a_place_among_the_old_becomes_new() -> None:
    """It is known then, and may prove itself again."""
    known = book(shape=TINY)
    added = known.merge([row(n, 3, kind=Kind.OLD) for n in range(60)])
    assert (added.added, added.refused) == (60, {})
    assert known.statistics().new > 0
    assert max(sizes(known, Kind.OLD).values()) <= 2


def test_who_has_no_place_is_refused_and_named() -> None:
    """Some by name, all by number."""
    known = book(shape=BookShape(new_buckets=1, new_bucket_size=1, old_buckets=1, old_bucket_size=1))
    added = known.merge([row(n, 0) for n in range(1, 10)])
    assert (added.added, added.refused) == (2, {NO_ROOM: 7})
    assert added.left_out[NO_ROOM].examples == tuple(str(address(n)) for n in (3, 4, 5))


def test_groups_of_sources_are_limited_for_what_the_network_tells() -> None:
    """A merge fills buckets, and does not widen what one source reaches."""
    known = book(shape=BookShape(new_bucket_size=4))
    known.merge([row(n, n % 256) for n in range(256 * 5)])
    source = address(5)
    for number in range(20_000, 20_500):
        known.add(address(number), source)
    reached = {n for each in known.addresses() if each.source == source for n in each.buckets}
    assert 1 < len(reached) <= 32


def test_private_and_own_addresses_are_refused() -> None:
    """By reason, with their names."""
    known = book()
    known.add_private_ids([node_id(0xA1).upper()])
    known.add_our_id(node_id(0xA2))
    rows = [
        row(0xA1, 1),
        row(0xA2, 2),
        row(0xA3, 3),
        replace(row(0xA4, 4), address=address(0xA4, "10.0.0.1")),
    ]
    added = known.merge(rows)
    assert (added.added, added.refused) == (1, {"private": 1, "self": 1, "not routable": 1})
    assert added.left_out["private"].examples == (str(address(0xA1)),)


published = st.builds(
    lambda number, buckets, kind: row(number, *sorted(buckets), kind=kind),
    st.integers(1, 60),
    st.sets(st.integers(0, 5), max_size=4),
    st.sampled_from(Kind),
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(published, max_size=40), min_size=1, max_size=3),
    st.sampled_from(
        [
            BookShape(),
            TINY,
            BookShape(new_buckets=4, old_buckets=2, new_bucket_size=2, old_bucket_size=1),
        ]
    ),
)
def test_every_merge_adds_up_and_displaces_nobody(files: list[list[KnownAddress]], shape: BookShape) -> None:
    """Read = added + known already + refused; who was there stays as he was; no bucket grows beyond its size and one."""
    known = book(strict=False, shape=shape)
    for rows in files:
        before = {each.id: each for each in known.addresses()}
        added = known.merge(rows)
        assert len(rows) == added.added + added.left_alone + sum(added.refused.values())
        assert sum(each.count for each in added.left_out.values()) == sum(added.refused.values())
        after = {each.id: each for each in known.addresses()}
        assert {node: after.get(node) for node in before} == before
        assert len(after) == len(before) + added.added
    assert all(count <= shape.new_bucket_size + 1 for count in sizes(known, Kind.NEW).values())
    assert all(count <= shape.old_bucket_size + 1 for count in sizes(known, Kind.OLD).values())


@pytest.mark.parametrize("kind", list(Kind))
def test_what_was_merged_is_stored(kind: Kind) -> None:
    """It is among the changes, with its history."""
    known = book()
    known.drain()
    known.merge([replace(row(1, 3, kind=kind), attempts=2, last_attempt=5)])
    (changed,) = known.drain().changed
    assert (changed.kind, changed.buckets, changed.attempts) == (kind, (3,), 2)
