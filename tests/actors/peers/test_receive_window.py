"""actors/peers/receive_window.py: what a reactor may leave unconsumed, and what happens to the next message."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.peers.receive_window import WINDOW_MESSAGES, ReceiveWindow
from peerage.actors.transfer import Place, each_message
from peerage.wire.channel import ChannelDescriptor, WhenFull
from peerage.wire.packet import MessageRun

WAIT, DROP, SPILL = 0x10, 0x11, 0x12
CHANNELS = {
    WAIT: ChannelDescriptor(id=WAIT),
    DROP: ChannelDescriptor(id=DROP, when_full=WhenFull.DROP_NEWEST),
    SPILL: ChannelDescriptor(id=SPILL, when_full=WhenFull.SPILL),
}


class Reactor:
    """Records what it is handed."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.got: list[tuple[int, bytes]] = []
        self.dropped = 0
        self.unconsumed: list[int] = []

    def hand_over(self, places: Sequence[Place], frames: Sequence[bytes | memoryview]) -> None:
        self.places += places
        for channel_id, message in each_message(places, frames):
            self.got.append((channel_id, bytes(message)))
            self.unconsumed.append(len(message))

    def on_drop(self, _channel_id: int) -> None:
        self.dropped += 1

    def consume_all(self, window: ReceiveWindow) -> None:
        while self.unconsumed:
            window.consumed(self.unconsumed.pop(0), 1)


def window_of(reactor: Reactor, window: int = 10) -> ReceiveWindow:
    return ReceiveWindow(CHANNELS, reactor.hand_over, reactor.on_drop, window=window, spill_limit=1000)


def test_what_fits_the_window_is_handed_over_at_once() -> None:
    """Messages of one turn go as one batch, in order."""
    reactor = Reactor()
    window = window_of(reactor)
    window.add(WAIT, b"one")
    window.add(DROP, b"two")
    window.flush()
    assert reactor.got == [(WAIT, b"one"), (DROP, b"two")]
    assert not window.is_full()


def test_joined_messages_stay_joined_if_there_is_room_for_all() -> None:
    reactor = Reactor()
    window = window_of(reactor)
    window.add(WAIT, b"1")
    window.add_run(MessageRun.of(WAIT, [b"23", b"45"]))
    window.flush()
    assert reactor.places == [WAIT, MessageRun.of(WAIT, [b"23", b"45"])[:2]]
    assert reactor.got == [(WAIT, b"1"), (WAIT, b"23"), (WAIT, b"45")]


@pytest.mark.parametrize(
    ("channel", "later"), [(WAIT, [b"5678", b"90"]), (DROP, []), (SPILL, [b"5678", b"90"])]
)
def test_of_joined_messages_those_beyond_the_window_go_the_way_of_their_channel(
    channel: int, later: list[bytes]
) -> None:
    """One by one, as if they had come alone: the window of ten bytes has room until they are unconsumed."""
    reactor = Reactor()
    window = window_of(reactor)
    window.add_run(MessageRun.of(channel, [b"1234", b"123456", b"5678", b"90"]))
    window.flush()
    assert reactor.got == [(channel, b"1234"), (channel, b"123456")]
    assert (window.is_full(), reactor.dropped) == (channel == WAIT, 2 if channel == DROP else 0)
    reactor.consume_all(window)
    assert reactor.got[2:] == [(channel, message) for message in later]
    window.close()


def test_joined_messages_are_bounded_in_number() -> None:
    """Empty ones cost memory too."""
    reactor = Reactor()
    window = window_of(reactor)
    window.add_run(MessageRun.of(WAIT, [b""] * (WINDOW_MESSAGES + 1)))
    window.flush()
    assert len(reactor.got) == WINDOW_MESSAGES
    assert window.is_full()


def test_a_message_larger_than_the_window_passes_when_nothing_is_unconsumed() -> None:
    """Else it could never be delivered."""
    reactor = Reactor()
    window = window_of(reactor)
    window.add(WAIT, bytes(100))
    window.flush()
    assert len(reactor.got) == 1


def test_wait_holds_messages_and_asks_to_stop_reading() -> None:
    """Policy wait: nothing is lost, the connection stops until the reactor has caught up."""
    reactor = Reactor()
    window = window_of(reactor)
    for number in range(5):
        window.add(WAIT, bytes([number]) * 6)
    window.flush()
    assert window.is_full()
    assert len(reactor.got) == 2
    reactor.consume_all(window)
    assert not window.is_full()
    assert [message[0] for _, message in reactor.got] == [0, 1, 2, 3, 4]


def test_drop_newest_gives_up_what_does_not_fit_and_counts_it() -> None:
    """Policy drop newest: the connection reads on."""
    reactor = Reactor()
    window = window_of(reactor)
    for number in range(5):
        window.add(DROP, bytes([number]) * 6)
    window.flush()
    assert not window.is_full()
    assert reactor.dropped == 3
    assert [message[0] for _, message in reactor.got] == [0, 1]


def test_spill_keeps_order_and_the_connection_reads_on() -> None:
    """Policy spill: what does not fit waits on disk."""
    reactor = Reactor()
    window = window_of(reactor)
    for number in range(50):
        window.add(SPILL, bytes([number]) * 6)
    window.flush()
    assert not window.is_full()
    reactor.consume_all(window)
    assert [message[0] for _, message in reactor.got] == list(range(50))
    window.close()


def test_spill_falls_back_to_wait_when_its_limit_is_reached() -> None:
    """The file is bounded."""
    reactor = Reactor()
    window = window_of(reactor)
    for number in range(200):
        window.add(SPILL, bytes([number]) * 6)
    window.flush()
    assert window.is_full()
    reactor.consume_all(window)
    assert [message[0] for _, message in reactor.got] == list(range(200))
    window.close()


def test_a_new_reactor_has_an_empty_window() -> None:
    """What the predecessor had not consumed will never be."""
    reactor = Reactor()
    window = window_of(reactor)
    for number in range(3):
        window.add(WAIT, bytes([number]) * 6)
    window.flush()
    window.reset()
    assert not window.is_full()
    assert len(reactor.got) == 3


@given(
    st.lists(st.tuples(st.sampled_from([WAIT, SPILL]), st.binary(max_size=20)), max_size=60),
    st.integers(0, 5),
)
def test_order_per_channel_holds_whatever_is_consumed_when(
    messages: list[tuple[int, bytes]], pace: int
) -> None:
    """Without drops everything arrives, in order per channel."""
    reactor = Reactor()
    window = window_of(reactor)
    for channel_id, data in messages:
        window.add(channel_id, data)
        window.flush()
        for _ in range(min(pace, len(reactor.unconsumed))):
            window.consumed(reactor.unconsumed.pop(0), 1)
    reactor.consume_all(window)
    for channel in (WAIT, SPILL):
        assert [m for c, m in reactor.got if c == channel] == [m for c, m in messages if c == channel]
    window.close()


def test_a_disk_that_takes_nothing_makes_the_connection_wait(tmp_path: Path) -> None:
    """Full, read-only or gone: nothing is lost, and the peer stays."""
    reactor = Reactor()
    window = ReceiveWindow(
        CHANNELS,
        reactor.hand_over,
        reactor.on_drop,
        window=1,
        spill_limit=1000,
        spill_directory=tmp_path / "gone",
    )
    for message in (b"a", b"b", b"c"):
        window.add(SPILL, message)
    assert window.is_full()
    (tmp_path / "gone").mkdir()  # it is back
    window.flush()
    reactor.consume_all(window)
    assert [message for _, message in reactor.got] == [b"a", b"b", b"c"]
    assert not window.is_full()
    window.close()


def test_a_closed_window_keeps_nothing() -> None:
    """What waits for room would never get it."""
    reactor = Reactor()
    window = window_of(reactor)
    window.add(WAIT, bytes(10))
    window.add(WAIT, b"waits")
    assert window.is_full()
    window.close()
    assert not window.is_full()
    window.consumed(10, 1)
    assert len(reactor.got) == 0
