"""Where entries lie: which bucket they get, who makes room, what the store and the lists beside are told."""

from __future__ import annotations

import pytest

from peerage.actors.discovery.book import entries as module
from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.changes import TouchedIDs
from peerage.actors.discovery.book.entries import Entries
from peerage.actors.discovery.book.known_address import Entry, Kind
from peerage.wire.net_address import NetAddress
from tests.actors.discovery.nodes import SMALL, address, entries, entry, node_id

ONE_EACH = BookShape(new_buckets=1, new_bucket_size=2, old_buckets=1, old_bucket_size=1)


class Index:
    """A list beside the buckets that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def note(self, noted: Entry) -> None:
        self.told.append(("note", int(noted.address.id, 16)))

    def leave(self, left: Entry) -> None:
        self.told.append(("leave", int(left.address.id, 16)))


def put(into: Entries, number: int, at: int = 0) -> Entry:
    put_in = entry(number, at)
    into.put(put_in, into.new_bucket(put_in))
    return put_in


def ids(of: Entries) -> set[int]:
    return {int(each.address.id, 16) for each in of}


def test_a_full_new_bucket_lets_its_oldest_go() -> None:
    """It leaves the book, the lists hear of it, and it is counted as displaced."""
    index, touched = Index(), TouchedIDs()
    known = entries(ONE_EACH, touched, [index])
    for number in (1, 2, 3):
        put(known, number, at=number)
    assert ids(known) == {2, 3}
    assert index.told == [("leave", 1)]
    assert known.displaced == 1
    assert set(touched.drain()) == {node_id(1), node_id(2), node_id(3)}


def test_an_entry_that_lies_in_another_bucket_stays_in_the_book() -> None:
    """Only the last place counts."""
    known = entries(BookShape(new_buckets=2, new_bucket_size=1))
    first = entry(1)
    known.put(first, 0)
    known.put(first, 1)
    known.put(entry(2, at=1), 0)
    assert first.buckets == (1,)
    assert (ids(known), known.displaced) == ({1, 2}, 0)


def test_a_promoted_entry_changes_places_with_the_oldest_of_a_full_bucket() -> None:
    """CometBFT loses that one."""
    known = entries(ONE_EACH)
    first, second = put(known, 1), put(known, 2, at=1)
    known.promote(first)
    known.promote(second)
    assert (first.kind, second.kind) == (Kind.NEW, Kind.OLD)
    assert ids(known) == {1, 2}


def test_a_named_loser_goes_if_it_is_still_there() -> None:
    """The one that was tested, and not the oldest."""
    shape = BookShape(new_buckets=1, new_bucket_size=3, old_buckets=1, old_bucket_size=2)
    known = entries(shape)
    first, second, third = put(known, 1), put(known, 2, at=1), put(known, 3, at=2)
    known.promote(first)
    known.promote(second)
    known.promote(third, second)
    assert [each.kind for each in (first, second, third)] == [Kind.OLD, Kind.NEW, Kind.OLD]


def test_an_old_entry_is_demoted_only_where_there_is_room() -> None:
    """Nobody has to go for one of another network."""
    known = entries(ONE_EACH)
    old = put(known, 1)
    known.promote(old)
    put(known, 2)
    put(known, 3)
    known.demote_if_room(old)
    assert old.kind is Kind.OLD
    known.drop(next(each for each in known if each.kind is Kind.NEW))
    known.demote_if_room(old)
    assert old.known().kind is Kind.NEW


def test_an_entry_that_moves_lies_where_its_new_address_belongs() -> None:
    """The store hears of it."""
    touched = TouchedIDs()
    known = entries(BookShape(), touched)
    moving = put(known, 1)
    touched.drain()
    elsewhere = address(1, "200.1.2.3")
    known.move(moving, elsewhere)
    assert moving.address == elsewhere
    assert moving.buckets == (known.new_bucket(moving),)
    assert touched.drain() == (node_id(1),)


def test_an_entry_that_moves_to_a_full_bucket_keeps_its_own() -> None:
    """Nobody has to go for it."""
    known = entries(BookShape(new_buckets=64, new_bucket_size=1))
    moving, elsewhere = put(known, 1), address(1, "200.1.2.3")
    full = Entry(elsewhere, moving.source, 0)
    blocker = entry(2)
    known.put(blocker, known.new_bucket(full))
    before = moving.buckets
    known.move(moving, elsewhere)
    assert moving.buckets == before


def test_rows_of_a_store_are_put_back_into_their_buckets() -> None:
    """They are written again only when their buckets are impossible; the lists hear of all."""
    index, touched = Index(), TouchedIDs()
    known, before = entries(SMALL, touched, [index]), entries(SMALL)
    row = put(before, 1).known()
    impossible = entry(2).known()
    for each in (row, impossible):
        known.restore(each, stored=True)
    assert known.get(node_id(1)) is not None
    assert touched.drain() == (node_id(2),)
    assert index.told == [("note", 1), ("note", 2)]


def test_rows_of_another_book_are_taken_in_as_long_as_there_is_room() -> None:
    """One more than a bucket's size, as CometBFT fills its own; an old one goes among the new if need be."""
    known = entries(ONE_EACH)
    rows = [Entry.of(entry(number).known(), Kind.OLD).known() for number in range(1, 7)]
    assert [known.take_in(row) for row in rows] == [True] * 5 + [False]
    assert (len(known.old), len(known.new)) == (2, 3)


def test_who_comes_back_is_new_and_has_its_history() -> None:
    """After a ban."""
    known = entries(SMALL)
    left = put(known, 1)
    known.promote(left)
    left.last_success = 5
    row = left.known()
    known.drop(left)
    known.come_back(row)
    back = known.get(node_id(1))
    assert back is not None
    assert (back.kind, back.last_success) == (Kind.NEW, 5)


def test_addresses_of_one_source_share_one_object() -> None:
    """A book of 100,000 addresses would hold 100,000 sources otherwise."""
    known = entries()
    (_, first), (_, second) = (known.bucket_told_by(address(number), address(9)) for number in (1, 2))
    assert first is second


def test_whoever_tells_its_own_address_is_no_source_to_remember(monkeypatch: pytest.MonkeyPatch) -> None:
    """Crowds of callers would push out those that told many. The bucket is that of any equal source."""
    monkeypatch.setattr(module, "KNOWN_SOURCES", 1)
    known, own, equal = entries(BookShape()), address(1), address(1)
    _, shared = known.bucket_told_by(address(2), address(9))
    number, source = known.bucket_told_by(own, own)
    assert source is own
    assert known.bucket_told_by(address(3), address(9))[1] is shared
    assert known.bucket_told_by(own, equal)[0] == number


def test_an_unknown_source_is_no_group() -> None:
    """0.0.0.0 stands for it in half of all published entries; they are spread as if told by themselves."""
    known = entries(BookShape())
    nobody = NetAddress(node_id(9), "0.0.0.0", 0)
    assert known.new_bucket(entry(1, source=nobody)) == known.new_bucket(entry(1))
