"""The reactor that sees transactions, alone with peers that the test controls."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import pytest

from peerage.messages import MEMPOOL, mempool
from peerage.testing import ReactorHarness
from peerage.watching import InBlock, MempoolTaken, MempoolWatcher, Take
from peerage.watching import mempool_watcher as module

EVERYTHING = Take(1000, is_last=True)


@pytest.fixture
def harness() -> Iterator[ReactorHarness[MempoolWatcher]]:
    with ReactorHarness(MempoolWatcher) as started:
        yield started


def message(*transactions: bytes) -> bytes:
    return mempool.Message(txs=mempool.Txs(txs=transactions)).SerializeToString()


def everything(harness: ReactorHarness[MempoolWatcher]) -> MempoolTaken:
    taken = harness.ask(EVERYTHING)
    assert isinstance(taken, MempoolTaken)
    return taken


def test_each_transaction_is_told_once_with_who_brought_it_first(
    harness: ReactorHarness[MempoolWatcher],
) -> None:
    """Alone in a message or not; nothing is sent to anybody."""
    anna, bert = harness.connect(), harness.connect()
    anna.send(MEMPOOL.id, message(b"a=1"), message(b"b=2", b"c=3"))
    anna.wait_until_handled()
    bert.send(MEMPOOL.id, message(b"a=1"), message(b"c=3"), message(b"d=4"))
    bert.wait_until_handled()
    taken = everything(harness)
    assert [(seen.hash, seen.first, seen.peers) for seen in taken.transactions] == [
        (sha256(b"a=1").digest(), anna.id, 2),
        (sha256(b"b=2").digest(), anna.id, 1),
        (sha256(b"c=3").digest(), anna.id, 2),
        (sha256(b"d=4").digest(), bert.id, 1),
    ]
    assert (taken.messages, taken.different, taken.missed, taken.waiting) == (5, 4, 0, 0)
    assert everything(harness).transactions == []
    anna.expect_nothing()


def test_a_transaction_may_be_larger_than_a_node_takes_by_default(
    harness: ReactorHarness[MempoolWatcher],
) -> None:
    """The network's nodes may be configured so, and would bring it again after each disconnect."""
    [channel] = MempoolWatcher.channels
    assert channel.recv_message_capacity == 21 * 1024 * 1024 > MEMPOOL.recv_message_capacity
    large = bytes(3 * 1024 * 1024)
    anna, bert = harness.connect(), harness.connect()
    for peer in (anna, bert):
        peer.send(MEMPOOL.id, message(large))
        peer.wait_until_handled()
    [seen] = everything(harness).transactions
    assert (seen.hash, seen.size, seen.peers) == (sha256(large).digest(), len(large), 2)


def test_a_transaction_waits_for_further_peers(harness: ReactorHarness[MempoolWatcher]) -> None:
    """Unless it is asked for everything."""
    anna = harness.connect()
    anna.send(MEMPOOL.id, message(b"a=1"))
    anna.wait_until_handled()
    taken = harness.ask(Take(1000))
    assert (taken.transactions, taken.waiting) == ([], 1)


def test_a_decided_block_says_where_its_transactions_are(harness: ReactorHarness[MempoolWatcher]) -> None:
    """The other watcher tells it."""
    anna = harness.connect()
    anna.send(MEMPOOL.id, message(b"a=1"))
    anna.wait_until_handled()
    harness.ask(InBlock(9, [(sha256(b"a=1").digest(), 3), (sha256(b"z=26").digest(), 4)]))
    assert [(seen.size, seen.first, seen.height) for seen in everything(harness).transactions] == [
        (3, anna.id, 9),
        (4, "", 9),
    ]


@pytest.mark.parametrize("bad", [b"\xff\xff", b"", message()], ids=["garbage", "nothing", "no transactions"])
def test_a_peer_that_sends_no_transactions_is_stopped_and_the_others_go_on(
    harness: ReactorHarness[MempoolWatcher], bad: bytes
) -> None:
    """CometBFT's own peers never do."""
    anna, bert = harness.connect(), harness.connect()
    anna.send(MEMPOOL.id, bad)
    assert "no transactions" in anna.expect_stopped()
    bert.send(MEMPOOL.id, message(b"a=1"))
    bert.wait_until_handled()
    assert len(everything(harness).transactions) == 1


def test_messages_that_are_known_by_their_bytes_are_bounded(
    harness: ReactorHarness[MempoolWatcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And forgotten ones make no transaction new."""
    monkeypatch.setattr(module, "MOST_DIGEST_BYTES", 1000)
    anna = harness.connect()
    messages = [message(b"%04d=" % number + bytes(100)) for number in range(50)]
    for _ in range(2):
        anna.send(MEMPOOL.id, *messages)
        anna.wait_until_handled()
    assert len(everything(harness).transactions) == 50
