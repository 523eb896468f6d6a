"""actors/peers/announcements.py: who hears what of a connection."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from peerage.actors.messages import (
    Admission,
    ConnectionEnded,
    ConnectionFacts,
    Credits,
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
    return Announcements(addressees, "c-1", SwitchNews(addressees, loop.call_later))


@pytest.fixture
def loop() -> FakeLoop:
    return FakeLoop()


def test_a_reactor_that_was_restarted_hears_of_a_peer(announcements: Announcements, told: Told) -> None:
    """With the credits that it begins with."""
    announcements.introduce("ONE", INFO, ((0x50, 3),))
    ((name, message),) = told
    assert isinstance(message, PeerStarted)
    assert (name, message.info.credits) == (ONE, ((0x50, 3),))


def test_reactors_switch_and_host_hear_that_a_peer_runs(
    announcements: Announcements, told: Told, loop: FakeLoop
) -> None:
    """The reactors a moment later, and behind them the switch."""
    announcements.started(INFO)
    announcements.tell_host(INFO)
    assert told == [(HOST, INFO)]
    loop.advance(1.0)
    assert told[1:] == [(ONE, PeerStarted(INFO)), (TWO, PeerStarted(INFO)), (SWITCH, PeerStarted(INFO))]


def test_a_reactor_hears_of_a_peer_before_it_hears_anything_from_it(
    announcements: Announcements, told: Told, loop: FakeLoop
) -> None:
    """However soon the peer says something, and once."""
    announcements.started(INFO)
    announcements.hand_over("TWO", [0x50], [b"one"])
    assert told[:2] == [(ONE, PeerStarted(INFO)), (TWO, PeerStarted(INFO))]
    assert told[2:] == [(TWO, Frames((RECEIVE, "c-1", [0x50]), [b"one"]))]
    loop.advance(1.0)
    assert told[3:] == [(SWITCH, PeerStarted(INFO))]


def test_a_dialled_peer_is_told_of_at_once(announcements: Announcements, told: Told) -> None:
    """Somebody may wait for it: when the switch hears, every reactor has."""
    dialled = replace(INFO, is_outbound=True)
    announcements.started(dialled)
    assert told == [(ONE, PeerStarted(dialled)), (TWO, PeerStarted(dialled)), (SWITCH, PeerStarted(dialled))]


def test_messages_go_to_their_reactor_as_frames(announcements: Announcements, told: Told) -> None:
    announcements.hand_over("TWO", [0x50], [b"one"])
    assert told == [(TWO, Frames((RECEIVE, "c-1", [0x50]), [b"one"]))]


def test_each_reactor_hears_of_its_own_credits(announcements: Announcements, told: Told) -> None:
    announcements.grant({"ONE": {0x50: 1}, "TWO": {0x51: 2}})
    assert told == [(ONE, Credits("c-1", {0x50: 1})), (TWO, Credits("c-1", {0x51: 2}))]


def test_every_reactor_hears_of_the_end(announcements: Announcements, told: Told, loop: FakeLoop) -> None:
    """Behind the beginning."""
    announcements.started(INFO)
    announcements.removed("it hung up")
    announcements.ended(ended := ConnectionEnded(FACTS, None, "it hung up", is_error=True))
    loop.advance(1.0)
    end = RemovePeer("c-1", "it hung up")
    assert [message for name, message in told if name == ONE] == [PeerStarted(INFO), end]
    assert [message for name, message in told if name == TWO] == [PeerStarted(INFO), end]
    assert [message for name, message in told if name == SWITCH] == [PeerStarted(INFO), ended]


def test_a_request_that_nobody_waits_for_is_taken_back(announcements: Announcements, told: Told) -> None:
    announcements.request_dropped("ONE", KEY.node_id)
    assert told == [(ONE, SeedRequestDropped(KEY.node_id, "c-1"))]


def test_the_switch_hears_of_the_end(announcements: Announcements, told: Told, loop: FakeLoop) -> None:
    ended = ConnectionEnded(FACTS, None, "it hung up", is_error=True)
    announcements.ended(ended)
    loop.advance(1.0)
    assert told == [(SWITCH, ended)]
