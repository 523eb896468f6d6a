"""How new addresses become old ones: at once, or when a test has decided it."""

from __future__ import annotations

from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.eviction_tests import SURE_FOR, TEST_WINDOW
from peerage.actors.discovery.book.known_address import Entry, Kind
from peerage.actors.discovery.book.promotion import Promotion
from tests.actors.discovery.nodes import entries, entry

NOW = SURE_FOR + 1000
ONE_OLD_PLACE = BookShape(new_buckets=1, new_bucket_size=9, old_buckets=1, old_bucket_size=1)


class Book:
    """An old entry in the only old place, and a new one that has just been verified."""

    def __init__(self, *, test_first: bool = True) -> None:
        self.entries = entries(ONE_OLD_PLACE)
        self.promotion = Promotion(self.entries, test_first=test_first)
        self.incumbent, self.challenger = self.put(1), self.put(2)
        self.promotion.promote(self.incumbent, NOW)
        self.promotion.promote(self.challenger, NOW)

    def put(self, number: int) -> Entry:
        known = entry(number)
        self.entries.put(known, 0)
        return known

    @property
    def old(self) -> list[Entry]:
        return list(self.entries.old)


def test_there_is_room() -> None:
    """Then a new entry is old at once."""
    book = Book()
    assert book.incumbent.kind is Kind.OLD


def test_without_the_switch_the_oldest_goes() -> None:
    """CometBFT's rule; but it is new again, and not lost."""
    book = Book(test_first=False)
    assert book.old == [book.challenger]
    assert len(book.entries) == 2


def test_an_incumbent_is_named_for_a_test_and_keeps_its_place_until_then() -> None:
    """Whoever feels the network dials it."""
    book = Book()
    assert book.old == [book.incumbent]
    assert list(book.promotion.to_be_tested()) == [book.incumbent]
    book.promotion.settle(NOW + 1)
    assert book.old == [book.incumbent]


def test_an_incumbent_that_answers_stays_and_one_that_does_not_changes_places() -> None:
    """Nobody leaves the book for it."""
    kept, lost = Book(), Book()
    kept.incumbent.answered(NOW + 1, 0)
    lost.incumbent.failed(NOW + 1)
    for book in (kept, lost):
        book.promotion.settle(NOW + 1)
        assert not list(book.promotion.to_be_tested())
        assert len(book.entries) == 2
    assert (kept.old, lost.old) == ([kept.incumbent], [lost.challenger])


def test_an_incumbent_that_nobody_could_try_gives_way_in_the_end() -> None:
    """A newcomer does not wait for ever."""
    book = Book()
    book.promotion.settle(NOW + TEST_WINDOW + 1)
    assert book.old == [book.challenger]


def test_a_challenger_that_has_failed_meanwhile_gets_nothing() -> None:
    """It would have to prove itself again."""
    book = Book()
    book.incumbent.failed(NOW + 1)
    book.challenger.failed(NOW + 1)
    book.promotion.settle(NOW + 1)
    assert book.old == [book.incumbent]
