"""What a node that asks for addresses is told. (More of it, with a whole book: test_policies.py.)"""

from __future__ import annotations

import random

from peerage.actors.discovery.book.answers import AnswerChooser
from peerage.actors.discovery.book.bans import BanList
from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.entries import Entries
from peerage.actors.discovery.book.known_address import Entry
from peerage.actors.discovery.book.timestamps import SECOND
from peerage.actors.discovery.book.verified import VerifiedPool
from peerage.wire.pex import PexAddrs, decode_pex
from tests.actors.discovery.nodes import START, Clock, address, entries, entry

NOW = int(START * SECOND)


class Told:
    """Entries 1 to 4 in new buckets, and what is told of them."""

    def __init__(self, *, verified_answers: bool = True) -> None:
        self.entries: Entries = entries(BookShape())
        self.verified, self.bans = VerifiedPool(), BanList(Clock())
        self.chooser = AnswerChooser(
            self.entries,
            self.verified,
            self.bans,
            rng=random.Random(1),
            now=lambda: NOW,
            verified_answers=verified_answers,
        )
        self.known: dict[int, Entry] = {}
        for number in range(1, 5):
            self.known[number] = known = entry(number, at=NOW)
            self.entries.put(known, self.entries.new_bucket(known))

    def verify(self, number: int) -> None:
        self.known[number].answered(NOW, 0)
        self.verified.put(self.known[number])

    def selection(self) -> set[int]:
        return {int(told.id, 16) for told in self.chooser.selection()}

    def biased(self) -> set[int]:
        return {int(told.id, 16) for told in self.chooser.selection_with_bias(30)}


def test_a_failing_address_is_told_only_when_there_are_no_others() -> None:
    """Nobody is helped by it, unless it is all there is; CometBFT's rules tell it anyhow."""
    told, cometbft = Told(), Told(verified_answers=False)
    for each in (told, cometbft):
        each.known[1].failed(NOW)
    assert (told.selection(), told.biased()) == ({2, 3, 4}, {2, 3, 4})
    assert (cometbft.selection(), cometbft.biased()) == ({1, 2, 3, 4}, {1, 2, 3, 4})
    for known in told.known.values():
        known.failed(NOW)
    assert told.selection() == {1, 2, 3, 4}


def test_a_seed_tells_verified_addresses_and_fresh_arrivals() -> None:
    """An arrival has just told its address itself."""
    told = Told()
    told.verify(1)
    assert told.biased() == {1}
    told.chooser.arrived(told.known[2])
    assert told.biased() == {1, 2}


def test_an_arrival_that_failed_or_left_the_book_is_not_told() -> None:
    """It was noted before."""
    told = Told()
    told.verify(1)
    for number in (2, 3):
        told.chooser.arrived(told.known[number])
    told.known[2].failed(NOW)
    told.entries.drop(told.known[3])
    assert told.biased() == {1}


def test_addresses_of_banned_and_of_other_networks_are_not_told() -> None:
    """However good they were."""
    told = Told()
    told.bans.add(f"{address(1).host}/16", 60.0, "scans us")
    told.known[2].is_another_network(NOW)
    assert told.selection() == {3, 4}
    told.verify(1)
    told.verify(3)
    assert told.biased() == {3}


def test_an_answer_is_the_encoded_message() -> None:
    """With a share of new addresses for a seed's, without for others."""
    told = Told()
    told.verify(1)
    answer = decode_pex(told.chooser.message(30))
    assert isinstance(answer, PexAddrs)
    assert len(told.chooser.message()) > len(told.chooser.message(30))
