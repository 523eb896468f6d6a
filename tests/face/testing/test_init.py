"""face/testing/__init__.py: what reactor authors test with, and its page's examples."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from peerage import ChannelDescriptor, Envelope, Reactor
from peerage.actors.messages import MarkGood
from peerage.actors.runtime import PROCESS, THREAD, Place, ProcessActor, System
from peerage.testing import Probe, ReactorHarness, connected_nodes, run_actor, wait_until

CHANNEL = 0x60
PLACES = pytest.mark.parametrize("place", [THREAD, PROCESS])


@pytest.fixture(autouse=True, scope="module")
def system() -> Iterator[None]:
    """Every actor of these tests is gone in the end."""
    yield
    System.current().shutdown()


class Doubling(ProcessActor):
    """Answers twice of what it is asked."""

    def on_receive(self, message: int) -> int:
        return message * 2


@PLACES
def test_an_actor_runs_for_the_length_of_a_with(place: Place) -> None:
    """In a thread or in a process, named as one likes; afterwards it is no more."""
    with run_actor(Doubling, place=place, name="doubling") as ref:
        assert ref.ask(21, timeout=10.0) == 42
        assert ref.name == "doubling"
    assert not ref.is_alive()


def test_a_probe_takes_values_classes_and_predicates() -> None:
    """In the order they came."""
    with Probe() as probe:
        for message in (1, "two", [3]):
            probe.ref.tell(message)
        assert probe.expect(1) == 1
        assert probe.expect(str) == "two"
        assert probe.expect(lambda message: message[0] == 3) == [3]
        probe.expect_nothing(0.01)


def test_a_probe_says_what_came_instead() -> None:
    """Of the wrong one, of none, and of one where none was expected."""
    with Probe() as probe:
        probe.ref.tell("first")
        probe.ref.tell("second")
        probe.expect("first")
        with pytest.raises(AssertionError, match=r"'second' came, 'other' was expected; before: \['first'\]"):
            probe.expect("other")
        with pytest.raises(AssertionError, match="no 'third' within"):
            probe.expect("third", timeout=0.01)
        probe.ref.tell("fourth")
        with pytest.raises(AssertionError, match="'fourth' came, nothing was expected"):
            probe.expect_nothing(10.0)


def test_a_probe_fishes_for_a_message() -> None:
    """What comes before it is passed over; the time is for all of it."""
    with Probe() as probe:
        for number in range(5):
            probe.ref.tell(number)
        assert probe.fish(3) == 3
        with pytest.raises(AssertionError):
            probe.fish(3, timeout=0.01)


def test_a_probe_answers_and_has_the_name_it_is_given() -> None:
    """It stands in for an actor that others know."""
    with Probe("oracle", answer=lambda message: message + 1) as probe:
        assert probe.ref.name == "oracle"
        assert probe.ref.ask(41, timeout=10.0) == 42
        probe.expect(41)


def test_a_probe_outside_its_with_is_no_actor() -> None:
    """A mistake in the test, said at once."""
    with pytest.raises(RuntimeError, match="within its `with`"):
        _ = Probe().ref


class Author(Reactor):
    """Does on command what a reactor may do: each message is the name of one of its methods."""

    channels: ClassVar = (ChannelDescriptor(id=CHANNEL, send_queue_capacity=2),)

    def __init__(self, greeting: bytes = b"hello") -> None:
        super().__init__()
        self._greeting = greeting

    def receive(self, envelope: Envelope) -> None:
        peer = envelope.source
        match envelope.message:
            case b"greet":
                peer.try_send(CHANNEL, self._greeting)
            case b"send five":
                for number in range(5):
                    assert peer.send(CHANNEL, b"%d" % number)
            case b"broadcast":
                self.broadcast(CHANNEL, b"to all")
            case b"flush stop":
                peer.flush_stop()
            case b"good":
                self.mark_peer_as_good(peer)
            case b"remember":
                peer.set("key", 7)
            case b"recall":
                peer.try_send(CHANNEL, b"%d" % peer.get("key"))
            case b"slow":
                time.sleep(0.1)

    def handle(self, message: Any) -> Any:
        return sorted(self.peers)


@PLACES
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
    """More messages than its send queue has places, in order."""
    peer = harness.connect()
    peer.send(CHANNEL, b"send five")
    assert [peer.expect(CHANNEL) for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_broadcast_reaches_the_peers_that_know_the_channel(harness: ReactorHarness[Author]) -> None:
    """As in a node: by the transport."""
    knows, other, ignorant = harness.connect(), harness.connect(), harness.connect(channels=b"\x01")
    knows.send(CHANNEL, b"broadcast")
    for peer in (knows, other):
        peer.expect(CHANNEL, b"to all")
    ignorant.expect_nothing(0.02)


def test_a_graceful_stop_has_no_reason(harness: ReactorHarness[Author]) -> None:
    """The reactor has removed the peer then."""
    peer = harness.connect()
    peer.send(CHANNEL, b"greet", b"flush stop")
    assert not peer.expect_stopped()
    wait_until(lambda: harness.ask("peers") == [])


def test_the_switch_is_a_probe_and_values_are_kept(harness: ReactorHarness[Author]) -> None:
    """What a reactor tells the switch can be expected."""
    peer = harness.connect("ab" * 20)
    peer.send(CHANNEL, b"good", b"remember", b"recall")
    assert harness.switch.fish(MarkGood).id == "ab" * 20
    peer.expect(CHANNEL, b"7")


def test_waiting_until_all_is_handled(harness: ReactorHarness[Author]) -> None:
    """Also when `receive` takes its time."""
    peer = harness.connect()
    began = time.monotonic()
    peer.send(CHANNEL, b"slow")
    peer.wait_until_handled()
    assert time.monotonic() - began >= 0.1


def test_a_fake_peer_says_what_came_instead(harness: ReactorHarness[Author]) -> None:
    """A wrong message, none, one where none was expected, a stop."""
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


def test_nodes_may_have_different_reactors(tmp_path: Path) -> None:
    """One mapping for each; settings by section, homes where they are wanted."""
    silent = type("Silent", (Reactor,), {"channels": Author.channels})
    nodes = connected_nodes(
        2, [{"AUTHOR": Author}, {"SILENT": silent}], home=tmp_path, p2p={"send_rate": 1_000_000}
    )
    with nodes as (anna, bert):
        assert [peer.id for peer in anna.peers()] == [bert.node_id]
        assert wait_until(lambda: anna.reactor("AUTHOR").ask("peers")) == [bert.node_id]
        assert anna.config.p2p.send_rate == 1_000_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["node-0", "node-1"]


def test_as_many_mappings_as_nodes() -> None:
    """Else nobody knows whose they are."""
    with pytest.raises(ValueError, match="reactors for 1 nodes, and 2 nodes"), connected_nodes(2, [{}]):
        pass


def test_nothing_is_left_running() -> None:
    """Threads of actors end with their `with`."""
    before = threading.active_count()
    with ReactorHarness(Author) as harness:
        harness.connect()
    wait_until(lambda: threading.active_count() <= before)
