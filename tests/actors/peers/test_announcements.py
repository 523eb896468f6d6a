"""actors/peers/announcements.py: who hears what of a connection."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peerage.actors.messages import (
    AddPeer,
    Admission,
    ConnectionEnded,
    ConnectionFacts,
    Credits,
    InitPeer,
    PeerInfo,
    PeerStarted,
    RemovePeer,
    SeedRequestDropped,
)
from peerage.actors.names import NodeNames
from peerage.actors.peers.addressees import Addressees
from peerage.actors.peers.announcements import Announcements
from peerage.actors.peers.switch_news import SwitchNews
from peerage.actors.runtime import ActorRef, Frames
from peerage.actors.transfer import RECEIVE
from peerage.wire.keys import NodeKey
from peerage.wire.node_info import NodeInfo
from tests.actors.peers.fake_loop import FakeLoop
from tests.actors.peers.recorded_refs import Told, recorded

NAMES = NodeNames("n/", ("ONE", "TWO"), 1)
ONE, TWO, SWITCH, HOST = "n/reactor-ONE", "n/reactor-TWO", "n/switch", "n/peers-0"
KEY = NodeKey.generate()
FACTS = ConnectionFacts("c-1", HOST, "192.0.2.1", 26656, is_outbound=False)
INFO = PeerInfo.of(
    FACTS,
    KEY.node_id,
    NodeInfo(id=KEY.node_id, listen_addr="tcp://192.0.2.1:26656", network="test", moniker="m"),
    ActorRef.to("n/peer"),
    Admission(is_persistent=False, is_unconditional=False),
)


@pytest.fixture
def told() -> Iterator[Told]:
    with recorded() as made:
        yield made


@pytest.fixture
def announcements(loop: FakeLoop) -> Announcements:
    addressees = Addressees(NAMES)
    return Announcements(addressees, "c-1", SwitchNews(addressees.switch, loop.call_later))


@pytest.fixture
def loop() -> FakeLoop:
    return FakeLoop()


def test_a_reactor_hears_of_a_peer_before_it_is_added(announcements: Announcements, told: Told) -> None:
    """With the credits that it begins with."""
    announcements.introduce("ONE", INFO, ((0x50, 3),))
    (first, second) = told
    assert isinstance(first[1], InitPeer)
    assert (first[0], first[1].info.credits) == (ONE, ((0x50, 3),))
    assert second == (ONE, AddPeer("c-1"))


def test_switch_and_host_hear_that_a_peer_runs(
    announcements: Announcements, told: Told, loop: FakeLoop
) -> None:
    """The switch a moment later."""
    announcements.started(INFO)
    announcements.tell_host(INFO)
    assert told == [(HOST, INFO)]
    loop.advance(1.0)
    assert told == [(HOST, INFO), (SWITCH, PeerStarted(INFO))]


def test_messages_go_to_their_reactor_as_frames(announcements: Announcements, told: Told) -> None:
    announcements.hand_over("TWO", [0x50], [b"one"])
    assert told == [(TWO, Frames((RECEIVE, "c-1", [0x50]), [b"one"]))]


def test_each_reactor_hears_of_its_own_credits(announcements: Announcements, told: Told) -> None:
    announcements.grant({"ONE": {0x50: 1}, "TWO": {0x51: 2}})
    assert told == [(ONE, Credits("c-1", {0x50: 1})), (TWO, Credits("c-1", {0x51: 2}))]


def test_every_reactor_hears_of_the_end(announcements: Announcements, told: Told) -> None:
    announcements.removed("it hung up")
    assert told == [(ONE, RemovePeer("c-1", "it hung up")), (TWO, RemovePeer("c-1", "it hung up"))]


def test_a_request_that_nobody_waits_for_is_taken_back(announcements: Announcements, told: Told) -> None:
    announcements.request_dropped("ONE", KEY.node_id)
    assert told == [(ONE, SeedRequestDropped(KEY.node_id, "c-1"))]


def test_the_switch_hears_of_the_end(announcements: Announcements, told: Told, loop: FakeLoop) -> None:
    ended = ConnectionEnded(FACTS, None, "it hung up", is_error=True)
    announcements.ended(ended)
    loop.advance(1.0)
    assert told == [(SWITCH, ended)]
