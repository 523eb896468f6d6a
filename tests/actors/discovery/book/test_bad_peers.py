"""Bans of known nodes: they leave the book, and come back with their history."""

from __future__ import annotations

from peerage.actors.discovery.book.address_rules import AddressRules
from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.actors.discovery.book.bans import Ban, BanList
from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.known_address import Kind
from peerage.actors.discovery.book.own_addresses import OwnAddresses
from peerage.actors.discovery.book.timestamps import nanoseconds
from tests.actors.discovery.nodes import Clock, address, entries, entry, node_id


class Book:
    """Entries 1 and 2, the first of them old; bans, and what keeps them in step."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.bans, self.own = BanList(self.clock), OwnAddresses()
        self.entries = entries(BookShape())
        for number in (1, 2):
            known = entry(number)
            self.entries.put(known, self.entries.new_bucket(known))
        first = self.entries.get(node_id(1))
        assert first is not None
        self.entries.promote(first)
        self.bad = BadPeers(
            self.entries,
            self.bans,
            AddressRules(self.bans, self.own, strict=True),
            now=lambda: nanoseconds(self.clock()),
        )

    def ids(self) -> set[int]:
        return {int(each.address.id, 16) for each in self.entries}


def test_a_banned_node_leaves_the_book_and_comes_back_as_new_when_its_time_is_over() -> None:
    """With what was known of it, and until when it was banned."""
    book = Book()
    assert book.bad.mark_bad(node_id(1), 60.0, "forged")
    assert book.ids() == {2}
    assert book.bad.reinstate() == []
    book.clock.pass_by(60.0)
    assert book.bad.reinstate() == [node_id(1)]
    back = book.entries.get(node_id(1))
    assert back is not None
    assert (back.kind, back.last_ban) == (Kind.NEW, nanoseconds(book.clock()))
    assert not len(book.bans)


def test_marking_an_unknown_node_bans_nobody() -> None:
    """`ban` does that, for IDs, IPs and networks."""
    book = Book()
    assert not book.bad.mark_bad(node_id(3), 60.0, "forged")
    assert not book.bad.give_up(node_id(3), 60.0, "nobody answers")
    assert not len(book.bans)
    assert book.bad.ban(node_id(3), 60.0, "forged").entry is None
    assert book.bad.ban("9.9.0.0/16", 60.0, "scans us").subject == "9.9.0.0/16"
    known = book.bad.ban(node_id(1).upper(), 60.0, "forged").entry
    assert known is not None
    assert known.address == address(1)


def test_a_node_whose_address_was_given_up_may_connect() -> None:
    """Others may have told us wrong."""
    book = Book()
    assert book.bad.give_up(node_id(1), 60.0, "nobody answers")
    assert book.ids() == {2}
    assert book.bans.holds(node_id(1))
    assert book.bans.ban_of(node_id(1)) is None


def test_an_operator_lifts_a_ban_before_its_time() -> None:
    """The node is back at once; nothing happens where there was no ban."""
    book = Book()
    book.bad.mark_bad(node_id(1), 60.0, "forged")
    assert book.bad.lift(node_id(1))
    assert book.ids() == {1, 2}
    assert not book.bad.lift(node_id(1))


def test_a_node_that_turned_out_to_be_ourselves_does_not_come_back() -> None:
    """What is refused now was taken once."""
    book = Book()
    book.bad.mark_bad(node_id(1), 60.0, "forged")
    book.own.add(address(1))
    assert book.bad.lift(node_id(1))
    assert book.ids() == {2}


def test_a_node_that_was_banned_elsewhere_leaves_the_book_and_comes_back_with_its_history() -> None:
    """As one that was banned here, and until the same time."""
    book = Book()
    until = nanoseconds(book.clock() + 60.0)
    assert book.bad.adopt(Ban(node_id(1), "forged", nanoseconds(book.clock()), until))
    assert book.ids() == {2}
    book.clock.pass_by(60.0)
    assert book.bad.reinstate() == [node_id(1)]
    back = book.entries.get(node_id(1))
    assert back is not None
    assert back.last_ban == until
