"""examples/price_feed.py: the median in connected nodes; forgery, replay and what else comes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
import pytest
from nacl.signing import SigningKey

from examples.price_feed import PRICES, GetMedian, PriceFeed, Publish, Quote, SignedQuote
from peerage import Node
from peerage.testing import ReactorHarness, connected_nodes, wait_until
from peerage.testing.nodes import NETWORK

SEEDS = [bytes([number]) * 32 for number in range(1, 5)]
SIGNERS = frozenset(SigningKey(seed).verify_key.encode() for seed in SEEDS[:3])


def signed(
    dollars: float = 10.0,
    *,
    number: int = 1,
    seed: bytes = SEEDS[0],
    network: str = NETWORK,
    at: float = 0.0,
    **other: Any,
) -> SignedQuote:
    """A quote of now, or `at` seconds from now."""
    fields: dict[str, Any] = {
        "symbol": "ATOM",
        "millionths": int(dollars * 1e6),
        "number": number,
        "unix_ms": int((time.time() + at) * 1000),
    }
    quote = Quote(**(fields | other))
    key = SigningKey(seed)
    return SignedQuote(quote, key.verify_key.encode(), key.sign(quote.signed_bytes(network)).signature)


@pytest.fixture
def harness() -> Iterator[ReactorHarness[PriceFeed]]:
    with ReactorHarness(PriceFeed, SIGNERS) as made:
        yield made


def has_median(node: Node, dollars: float) -> bool:
    median: tuple[float, int] | None = node.reactor("PRICES").ask(GetMedian("ATOM"))
    return median == (dollars, 3)


def test_every_node_comes_to_the_same_median() -> None:
    """Three signers and a node that only listens. A second quote of a signer counts instead of the first."""
    reactors = [{"PRICES": (PriceFeed, SIGNERS, seed)} for seed in (*SEEDS[:3], None)]
    with connected_nodes(4, reactors) as nodes:
        for node, dollars in zip(nodes, (9.0, 10.0, 500.0), strict=False):
            node.reactor("PRICES").ask(Publish("ATOM", dollars))
        for node in nodes:
            wait_until(partial(has_median, node, 10.0))
        nodes[0].reactor("PRICES").ask(Publish("ATOM", 11.0))
        for node in nodes:
            wait_until(partial(has_median, node, 11.0))
        with pytest.raises(ValueError, match="we sign no quotes"):
            nodes[3].reactor("PRICES").ask(Publish("ATOM", 1.0))


def forged() -> SignedQuote:
    """The price was changed after it was signed."""
    good = signed()
    return msgspec.structs.replace(good, quote=msgspec.structs.replace(good.quote, millionths=1))


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (forged, "Signature was forged"),
        (lambda: signed(seed=SEEDS[3]), "signer "),
        (lambda: signed(network="another"), "Signature was forged"),
        (lambda: signed(at=60.0), "it comes from the future"),
        (lambda: signed(symbol="FAKE"), "symbol 'FAKE'"),
        (lambda: signed(millionths=0), "Expected `int` >= 1"),
        (lambda: "nonsense", "Expected `array`"),
    ],
    ids=["changed", "unknown signer", "another network", "the future", "a symbol", "no price", "nonsense"],
)
def test_what_no_honest_node_would_pass_on_ends_the_connection(
    harness: ReactorHarness[PriceFeed], make: Any, told: str
) -> None:
    """And counts for nothing."""
    peer = harness.connect()
    peer.send(PRICES, msgspec.msgpack.encode(make()))
    assert told in peer.expect_stopped()
    assert harness.ask(GetMedian("ATOM")) is None


def test_what_is_repeated_or_old_is_ignored_and_not_passed_on(harness: ReactorHarness[PriceFeed]) -> None:
    """A replayed quote does not come back when a newer one is known; the peer stays."""
    peer, other = harness.connect(), harness.connect()
    first, second = signed(10.0, number=1), signed(20.0, number=2)
    for each in (first, second, first, signed(30.0, number=3, at=-61.0)):
        peer.send(PRICES, msgspec.msgpack.encode(each))
    peer.wait_until_handled()
    assert harness.ask(GetMedian("ATOM")) == (20.0, 1)
    for each in (first, second):
        other.expect(PRICES, msgspec.msgpack.encode(each))
    third = signed(40.0, number=4)
    peer.send(PRICES, msgspec.msgpack.encode(third))
    other.expect(PRICES, msgspec.msgpack.encode(third))


def test_a_newcomer_is_told_what_counts(harness: ReactorHarness[PriceFeed]) -> None:
    """So it need not wait for the next quotes."""
    quote = msgspec.msgpack.encode(signed())
    peer = harness.connect()
    peer.send(PRICES, quote)
    peer.wait_until_handled()
    harness.connect().expect(PRICES, quote)
