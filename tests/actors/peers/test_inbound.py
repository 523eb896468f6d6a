"""actors/peers/inbound.py: a window for each reactor, and a connection that pauses for the one that has no room."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from peerage.actors.peers.inbound import Inbound, WindowLimits
from peerage.actors.transfer import Place, each_message
from peerage.wire.channel import ChannelDescriptor, WhenFull
from peerage.wire.packet import MessageReceived, MessageRun, PingReceived, PongReceived

WAITS, DROPS, OTHER = 0x50, 0x51, 0x52
ONE = (ChannelDescriptor(id=WAITS), ChannelDescriptor(id=DROPS, when_full=WhenFull.DROP_NEWEST))
TWO = (ChannelDescriptor(id=OTHER),)
WINDOW = 10


class Counts:
    """As Traffic."""

    is_on = True

    def __init__(self) -> None:
        self.bytes: dict[int, int] = {}

    def received(self, channel_id: int, size: int) -> None:
        self.bytes[channel_id] = self.bytes.get(channel_id, 0) + size


class Peer:
    """The receiving half, with reactors ONE and TWO, and what it says."""

    def __init__(self) -> None:
        self.batches: dict[str, list[list[tuple[int, bytes]]]] = {"ONE": [], "TWO": []}
        self.traffic = Counts()
        self.drops: list[int] = []
        self.pongs = 0
        self._said_full = [False]
        self.inbound = Inbound(
            WindowLimits(WINDOW, spill_limit=0),
            self.traffic,  # type: ignore[arg-type]  # stands in for Traffic
            count_drops=self.drops.append,
            on_pong=self._on_pong,
            on_change=self._on_change,
        )
        for name, channels in (("ONE", ONE), ("TWO", TWO)):
            self.inbound.add_reactor(name, channels, self._batches_of(name))

    def _batches_of(self, name: str) -> Callable[[Sequence[Place], Sequence[bytes | memoryview]], None]:
        def hand_over(places: Sequence[Place], frames: Sequence[bytes | memoryview]) -> None:
            self.batches[name].append(
                [(channel, bytes(data)) for channel, data in each_message(places, frames)]
            )

        return hand_over

    def _on_pong(self) -> None:
        self.pongs += 1

    def _on_change(self, full: bool) -> None:
        self._said_full.append(full)

    def is_full(self) -> bool:
        return self._said_full[-1]

    def take(self, *messages: tuple[int, bytes]) -> None:
        self.inbound.take([MessageReceived(*message) for message in messages])


@pytest.fixture
def peer() -> Peer:
    return Peer()


def test_each_reactor_gets_its_channels_in_one_batch(peer: Peer) -> None:
    peer.take((WAITS, b"one"), (OTHER, b"two"), (DROPS, b"three"))
    assert peer.batches == {"ONE": [[(WAITS, b"one"), (DROPS, b"three")]], "TWO": [[(OTHER, b"two")]]}
    assert peer.traffic.bytes == {WAITS: 3, OTHER: 3, DROPS: 5}


def test_joined_messages_come_in_the_same_batch(peer: Peer) -> None:
    peer.inbound.take([MessageReceived(DROPS, b"one"), MessageRun.of(WAITS, [b"two", b"three"])])
    assert peer.batches["ONE"] == [[(DROPS, b"one"), (WAITS, b"two"), (WAITS, b"three")]]
    assert peer.traffic.bytes == {DROPS: 3, WAITS: 8}


def test_a_reactor_without_room_stops_the_connection_until_it_has_consumed(peer: Peer) -> None:
    peer.take((WAITS, bytes(WINDOW)), (WAITS, b"more"))
    assert peer.is_full()
    peer.inbound.consumed("ONE", WINDOW, 1)
    assert not peer.is_full()
    assert peer.batches["ONE"] == [[(WAITS, bytes(WINDOW))], [(WAITS, b"more")]]


def test_the_other_reactors_get_what_was_read_already(peer: Peer) -> None:
    """Only the slow one's messages are held."""
    peer.take((WAITS, bytes(WINDOW)), (WAITS, b"more"), (OTHER, b"two"))
    assert peer.batches["TWO"] == [[(OTHER, b"two")]]


def test_a_channel_that_drops_stops_nobody(peer: Peer) -> None:
    peer.take((WAITS, bytes(WINDOW)), (DROPS, b"more"))
    assert not peer.is_full()
    assert peer.drops == [DROPS]


def test_a_restarted_reactor_begins_with_an_empty_window(peer: Peer) -> None:
    """Its predecessor consumes nothing any more."""
    peer.take((WAITS, bytes(WINDOW)), (WAITS, b"more"))
    peer.inbound.restart("ONE")
    assert not peer.is_full()
    assert peer.batches["ONE"][-1] == [(WAITS, b"more")]


def test_pongs_are_told_and_pings_are_the_links_affair(peer: Peer) -> None:
    peer.inbound.take([PingReceived(), PongReceived(), PongReceived()])
    assert peer.pongs == 2
    assert peer.batches == {"ONE": [], "TWO": []}


def test_a_reactor_that_nobody_knows_has_consumed_nothing(peer: Peer) -> None:
    """A late word of one that this node has no more."""
    peer.inbound.consumed("GONE", 1, 1)
    assert not peer.is_full()


def test_a_channel_is_served_when_a_reactor_has_it(peer: Peer) -> None:
    assert peer.inbound.serves(WAITS)
    assert not peer.inbound.serves(0x77)
    peer.inbound.close()
