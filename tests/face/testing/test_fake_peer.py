"""A peer that the test plays: what it hears can be expected, and what came instead is said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peerage.actors.runtime import System
from peerage.testing import ReactorHarness
from tests.face.testing.author import CHANNEL, Author


@pytest.fixture(autouse=True, scope="module")
def system() -> Iterator[None]:
    """At the end every actor of these tests is gone."""
    yield
    System.current().shutdown()


@pytest.fixture
def harness() -> Iterator[ReactorHarness[Author]]:
    with ReactorHarness(Author) as made:
        yield made


def test_a_fake_peer_says_what_came_instead(harness: ReactorHarness[Author]) -> None:
    """A wrong message, none, one that was not expected, or a stop."""
    peer = harness.connect()
    peer.send(CHANNEL, b"greet")
    with pytest.raises(AssertionError, match=r"b'hello'.* came, a message b'other' on 0x60 was expected"):
        peer.expect(CHANNEL, b"other")
    with pytest.raises(AssertionError, match=r"nothing came within 0.01 s; before: .*b'hello'"):
        peer.expect(CHANNEL, timeout=0.01)
    peer.send(CHANNEL, b"greet")
    with pytest.raises(AssertionError, match="came, nothing was expected"):
        peer.expect_nothing(10.0)
    peer.send(CHANNEL, b"flush stop")
    with pytest.raises(AssertionError, match="_Stopped"):
        peer.expect(CHANNEL)
