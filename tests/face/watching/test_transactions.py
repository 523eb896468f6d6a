"""The ledger of transactions: each counts once, with who brought it and when."""

from __future__ import annotations

import math
from hashlib import sha256

from peerage.watching import TransactionLedger

ALL = 1_000_000
TX = b"key=value"


def test_a_transaction_that_several_peers_bring_is_told_once() -> None:
    """With the first of them, their number, and the time from the first to the last."""
    ledger = TransactionLedger(told_after=5.0)
    ledger.bring([TX], "anna", 100.0)
    ledger.bring([TX], "bert", 100.25)
    ledger.bring([TX], "anna", 101.0)
    (seen,) = ledger.take(105.0, ALL)
    assert seen == (sha256(TX).digest(), len(TX), 100.0, "anna", 0.25, 2, 0)
    assert ledger.count == 1


def test_it_is_told_when_nobody_is_likely_to_bring_it_any_more() -> None:
    """And not again when somebody does."""
    ledger = TransactionLedger(told_after=5.0)
    ledger.bring([TX], "anna", 100.0)
    assert ledger.take(104.9, ALL) == []
    assert len(ledger.take(105.0, ALL)) == 1
    ledger.bring([TX], "bert", 106.0)
    assert ledger.take(math.inf, ALL) == []
    assert ledger.count == 1


def test_transactions_are_told_in_the_order_in_which_they_came_and_no_more_than_asked_for() -> None:
    """Whoever gets so many asks again."""
    ledger = TransactionLedger()
    ledger.bring([b"c", b"a", b"b"], "anna", 1.0)
    told = [ledger.take(math.inf, 2), ledger.take(math.inf, 2)]
    assert [[seen.hash for seen in each] for each in told] == [
        [sha256(b"c").digest(), sha256(b"a").digest()],
        [sha256(b"b").digest()],
    ]


def test_a_block_says_where_a_transaction_was_committed() -> None:
    """Of one that no peer brought, it is all that is known."""
    ledger = TransactionLedger()
    ledger.bring([TX], "anna", 1.0)
    other = sha256(b"unseen").digest()
    ledger.commit([(sha256(TX).digest(), len(TX)), (other, 6)], 7, 2.0)
    seen, unseen = ledger.take(math.inf, ALL)
    assert (seen.first, seen.height) == ("anna", 7)
    assert unseen == (other, 6, 2.0, "", 0.0, 0, 7)


def test_a_peer_that_comes_after_the_block_is_the_first_to_bring_it() -> None:
    """The spread is that of peers."""
    ledger = TransactionLedger()
    ledger.commit([(sha256(TX).digest(), len(TX))], 7, 1.0)
    ledger.bring([TX], "anna", 2.0)
    ledger.bring([TX], "bert", 2.5)
    (seen,) = ledger.take(math.inf, ALL)
    assert (seen.first, seen.spread, seen.peers, seen.height) == ("anna", 0.5, 2, 7)


def test_the_block_of_a_transaction_that_was_told_makes_it_no_new_one() -> None:
    """Its line has no height: it came too late."""
    ledger = TransactionLedger()
    ledger.bring([TX], "anna", 1.0)
    ledger.take(math.inf, ALL)
    ledger.commit([(sha256(TX).digest(), len(TX))], 7, 9.0)
    assert ledger.take(math.inf, ALL) == []


def test_a_flood_makes_it_tell_earlier_and_nothing_is_lost_that_is_taken() -> None:
    """What waits is bounded."""
    ledger = TransactionLedger(told_after=5.0, most_open=10)
    told = []
    for number in range(100):
        ledger.bring([b"%d" % number], "anna", 1.0)
        assert len(ledger) <= 11
        told += ledger.take(1.0, ALL)
    told += ledger.take(math.inf, ALL)
    assert (len(told), ledger.missed) == (100, 0)


def test_what_nobody_takes_is_dropped_and_counted() -> None:
    """The oldest first."""
    ledger = TransactionLedger(most_open=10)
    ledger.bring([b"%d" % number for number in range(25)], "anna", 1.0)
    assert (len(ledger), ledger.missed, ledger.count) == (20, 5, 25)
    assert ledger.take(math.inf, ALL)[0].hash == sha256(b"5").digest()


def test_hashes_are_forgotten_at_last() -> None:
    """At least half of those that may be remembered are; then an old one is new again."""
    ledger = TransactionLedger(most_remembered=20)
    ledger.bring([TX], "anna", 1.0)
    for number in range(8):
        ledger.bring([b"%d" % number], "anna", 1.0)
    ledger.take(math.inf, ALL)
    ledger.bring([TX], "anna", 2.0)
    assert ledger.take(math.inf, ALL) == []
    for number in range(8, 40):
        ledger.bring([b"%d" % number], "anna", 3.0)
    ledger.take(math.inf, ALL)
    ledger.bring([TX], "anna", 4.0)
    assert len(ledger.take(math.inf, ALL)) == 1
