"""Which addresses are dialled. (More of it, with a whole book: test_policies.py and test_addrbook.py.)"""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from peerage.actors.discovery.book.anchors import Anchors
from peerage.actors.discovery.book.bans import BanList
from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.changes import TouchedIDs
from peerage.actors.discovery.book.choosing import DialChooser
from peerage.actors.discovery.book.facts import FactList
from peerage.actors.discovery.book.known_address import VERIFY_AGAIN_AFTER, Entry
from peerage.actors.discovery.book.moves import Moves
from peerage.actors.discovery.book.policies import COMETBFT_RULES, Improvements
from peerage.actors.discovery.book.promotion import Promotion
from peerage.actors.discovery.book.timestamps import MINUTE, SECOND
from peerage.actors.discovery.book.verdicts import Verdicts
from peerage.wire.net_address import NetAddress
from tests.actors.discovery.nodes import START, Clock, address, entries, entry, node_id

NOW = int(START * SECOND)


class Book:
    """Twelve new entries, 1 to 12, each of its own group; and who is chosen of them."""

    def __init__(self, improvements: Improvements | None = None) -> None:
        improvements = improvements or Improvements()
        touched = TouchedIDs()
        self.now = NOW
        self.verdicts, self.moves = Verdicts(touched), Moves(touched, follow=True)
        self.entries = entries(BookShape(), touched, [self.verdicts, self.moves])
        self.bans = BanList(Clock())
        self.promotion = Promotion(self.entries, test_first=True)
        self.anchors = Anchors(FactList(), enabled=True, may_be_dialled=lambda _anchor: True)
        self.reinstated = 0
        self.known = {number: self.put(address(number)) for number in range(1, 13)}
        self.dials = DialChooser(
            self.entries,
            self.bans,
            verdicts=self.verdicts,
            moves=self.moves,
            promotion=self.promotion,
            anchors=self.anchors,
            reinstate=self.reinstate,
            rng=random.Random(1),
            now=lambda: self.now,
            strict=True,
            improvements=improvements,
        )

    def put(self, where: NetAddress) -> Entry:
        known = Entry(where, where, NOW)
        self.entries.put(known, self.entries.new_bucket(known))
        return known

    def reinstate(self) -> None:
        self.reinstated += 1

    def felt(self) -> set[NetAddress | None]:
        return {self.dials.feeler() for _ in range(100)}


def test_the_bias_chooses_between_new_and_old() -> None:
    """There is none of the old yet, and with one of them bias 0 finds it."""
    book = Book()
    assert book.dials.pick(0) in {known.address for known in book.known.values()}
    book.entries.promote(book.known[1])
    assert {book.dials.pick(0) for _ in range(20)} == {address(1)}
    assert address(1) not in {book.dials.pick(200) for _ in range(50)}


def test_nobody_is_picked_from_a_banned_network_or_another_chain() -> None:
    """A pick gives up after a few draws, for all may be like that."""
    book = Book()
    for number in range(1, 12):
        book.verdicts.is_another_network(book.known[number], NOW)
    assert {book.dials.pick(100) for _ in range(50)} <= {address(12), None}
    book.bans.add(str(address(12).host), 60.0, "scans us")
    assert {book.dials.pick(100) for _ in range(50)} == {None}


def test_an_address_that_fails_is_dialled_where_it_is_said_to_have_moved() -> None:
    """Not before: others may have told us wrong."""
    book = Book()
    elsewhere = address(1, "200.1.2.3")
    book.moves.hear(book.known[1], elsewhere, elsewhere)
    assert book.known[1].dialable() == address(1)
    book.verdicts.failed(book.known[1], NOW)
    assert elsewhere in {book.dials.pick(100) for _ in range(200)}


def test_an_offer_begins_with_the_anchors_and_holds_nobody_twice() -> None:
    """They are due once, after a restart."""
    book = Book()
    book.anchors.remember([address(7), address(30)])
    book.anchors.begin()
    first, second = book.dials.offer(100, 6), book.dials.offer(100, 6)
    assert first.candidates[:2] == (address(7), address(30))
    assert len({each.id for each in first.candidates}) == len(first.candidates) == 6
    assert second.candidates[:2] != (address(7), address(30))
    assert (first.needs_more, first.size) == (True, 12)
    assert book.reinstated == 2


@pytest.mark.parametrize("spread", [True, False])
def test_an_offer_holds_one_of_each_group_before_a_second(spread: bool) -> None:
    """Whoever owns one block of addresses gets few slots."""
    book = Book(replace(Improvements(), spread_groups=spread))
    for number in range(100, 130):
        known = entry(number)
        known.address = address(number, f"99.99.0.{number}")
        book.entries.put(known, number)
    offered = book.dials.offer(100, 8).candidates
    crowd = sum(str(each.host).startswith("99.99.") for each in offered)
    assert (crowd <= 1) is spread


def test_a_feeler_tries_contested_places_first_then_moves_then_the_untried() -> None:
    """An old entry that is contested loses its place when nobody tries it."""
    book = Book()
    assert book.felt() <= {known.address for known in book.known.values()}
    elsewhere = [address(number, "200.1.2.3") for number in (1, 2)]
    for known, moved in zip((book.known[1], book.known[2]), elsewhere, strict=True):
        book.moves.hear(known, moved, moved)
    assert [book.dials.feeler() for _ in range(3)] == [*elsewhere, elsewhere[0]]


def test_a_feeler_leaves_out_an_address_whose_time_has_not_come() -> None:
    """One that has failed waits for a minute."""
    book = Book()
    for known in book.known.values():
        book.verdicts.failed(known, NOW)
    assert book.felt() == {None}
    book.now += MINUTE
    assert None not in book.felt()


def test_with_the_switch_off_there_is_no_feeler() -> None:
    """CometBFT has none."""
    assert Book(COMETBFT_RULES).felt() == {None}


def test_a_seed_visits_the_untried_and_looks_again_at_those_that_answered_longest_ago() -> None:
    """Half of the visits are for those."""
    book = Book()
    for number in (1, 2, 3):
        book.verdicts.answered(book.known[number], NOW + number, 0)
    assert {int(each.id, 16) for each in book.dials.due(20)} == set(range(4, 13))
    book.now += VERIFY_AGAIN_AFTER + 10
    assert book.dials.due(4)[:2] == [address(1), address(2)]
    assert len(book.dials.due(20)) == 12


def test_a_visit_goes_where_a_node_is_said_to_have_moved() -> None:
    """If its time has come and it is known."""
    book = Book()
    elsewhere = address(1, "200.1.2.3")
    book.moves.hear(book.known[1], elsewhere, elsewhere)
    assert book.dials.due_address(node_id(1)) == elsewhere
    assert book.dials.due_address(node_id(2).upper()) == address(2)
    assert book.dials.due_address(node_id(99)) is None
    book.verdicts.failed(book.known[2], NOW)
    assert book.dials.due_address(node_id(2)) is None
