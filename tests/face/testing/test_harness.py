"""A reactor alone, with peers that are the test's."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from peerage.actors.messages import MarkGood
from peerage.actors.runtime import PROCESS, THREAD, Place, System
from peerage.testing import ReactorHarness, wait_until
from tests.face.testing.author import CHANNEL, Author


@pytest.fixture(autouse=True, scope="module")
def system() -> Iterator[None]:
    """At the end every actor of these tests is gone."""
    yield
    System.current().shutdown()


@pytest.mark.parametrize("place", [THREAD, PROCESS])
def test_constructor_arguments_and_place(place: Place) -> None:
    """The same reactor in a thread or a process."""
    with ReactorHarness(Author, b"hi", place=place) as harness:
        peer = harness.connect()
        peer.send(CHANNEL, b"greet")
        peer.expect(CHANNEL, b"hi")


@pytest.fixture
def harness() -> Iterator[ReactorHarness[Author]]:
    with ReactorHarness(Author) as made:
        yield made


def test_a_reactor_that_waits_for_room_is_served(harness: ReactorHarness[Author]) -> None:
    """It sends more messages than its send queue holds, and they arrive in order."""
    peer = harness.connect()
    peer.send(CHANNEL, b"send five")
    assert [peer.expect(CHANNEL) for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_broadcast_reaches_the_peers_that_know_the_channel(harness: ReactorHarness[Author]) -> None:
    """Through the transport, as in a node."""
    knows, other, ignorant = harness.connect(), harness.connect(), harness.connect(channels=b"\x01")
    knows.send(CHANNEL, b"broadcast")
    for peer in (knows, other):
        peer.expect(CHANNEL, b"to all")
    ignorant.expect_nothing(0.02)


def test_a_graceful_stop_has_no_reason(harness: ReactorHarness[Author]) -> None:
    """By then the reactor has removed the peer."""
    peer = harness.connect()
    peer.send(CHANNEL, b"greet", b"flush stop")
    assert not peer.expect_stopped()
    wait_until(lambda: harness.ask("peers") == [])


def test_the_switch_is_a_probe_and_values_are_kept(harness: ReactorHarness[Author]) -> None:
    """A test can expect what a reactor tells the switch."""
    peer = harness.connect("ab" * 20)
    peer.send(CHANNEL, b"good", b"remember", b"recall")
    assert harness.switch.fish(MarkGood).id == "ab" * 20
    peer.expect(CHANNEL, b"7")


def test_waiting_until_all_is_handled(harness: ReactorHarness[Author]) -> None:
    """Also when `receive` takes its time."""
    peer = harness.connect()
    Author.has_been_slow.clear()
    peer.send(CHANNEL, b"slow")
    peer.wait_until_handled()
    assert Author.has_been_slow.is_set()


def test_nothing_is_left_running() -> None:
    """Actors' threads end with their `with` block; those of the system, which is made with the first of them, do not."""
    if not System.is_running():
        System()
    before = threading.active_count()
    with ReactorHarness(Author) as harness:
        harness.connect()
    wait_until(lambda: threading.active_count() <= before)
