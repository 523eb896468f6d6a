"""actors/peers/receive_window.py and actors/peers/spill.py: windows and what happens when they are full."""

import subprocess
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.peers.receive_window import ReceiveWindow
from peerage.actors.peers.spill import SpillQueue
from peerage.wire.channel import ChannelDescriptor, WhenFull

WAIT, DROP, SPILL = 0x10, 0x11, 0x12
CHANNELS = {
    WAIT: ChannelDescriptor(id=WAIT),
    DROP: ChannelDescriptor(id=DROP, when_full=WhenFull.DROP_NEWEST),
    SPILL: ChannelDescriptor(id=SPILL, when_full=WhenFull.SPILL),
}


class Reactor:
    """Records what it is handed."""

    def __init__(self) -> None:
        self.got: list[tuple[int, bytes]] = []
        self.dropped = 0
        self.unconsumed: list[int] = []

    def hand_over(self, channel_ids: Sequence[int], messages: Sequence[bytes]) -> None:
        for channel_id, message in zip(channel_ids, messages, strict=True):
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


def test_a_spill_queue_gives_back_what_it_took_and_starts_its_file_over() -> None:
    """First in, first out; the limit counts anew when all has been read."""
    queue = SpillQueue(limit=15)
    assert queue.push(1, b"abcdef")
    assert not queue.push(2, b"ghijkl")
    assert queue.pop() == (1, b"abcdef")
    assert queue.push(2, b"ghijkl")
    assert (queue.pop(), len(queue), queue.size) == ((2, b"ghijkl"), 0, 0)
    with pytest.raises(IndexError):
        queue.pop()
    queue.close()


def test_a_spill_queue_keeps_nothing_in_memory_for_an_empty_message() -> None:
    """A flood of them is bounded by the file: each counts with its header."""
    queue = SpillQueue(limit=1_000_000)
    tracemalloc.start()
    count = 0
    while queue.push(7, b""):
        count += 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 200_000
    assert peak < 300_000
    assert [queue.pop() for _ in range(count)] == [(7, b"")] * count
    queue.close()


@given(
    st.lists(
        st.one_of(
            st.none(),
            st.tuples(st.integers(0, 255), st.binary(max_size=200)),
            st.builds(lambda size: (1, bytes(size)), st.sampled_from([30_000, 65_530, 70_000])),
        ),
        max_size=80,
    )
)
def test_a_spill_queue_is_a_queue(steps: list[tuple[int, bytes] | None]) -> None:
    """As a list would: messages are pushed, None pops one."""
    queue, model = SpillQueue(limit=10_000_000), list[tuple[int, bytes]]()
    for step in steps:
        if step is not None:
            assert queue.push(*step)
            model.append(step)
        elif model:
            assert queue.pop() == model.pop(0)
        assert len(queue) == len(model)
    assert [queue.pop() for _ in model] == model
    queue.close()


def test_messages_larger_than_what_is_read_ahead_come_back_whole() -> None:
    """Between small ones, on either side of 64 KiB."""
    messages = [
        (size % 256, bytes([size % 251]) * size) for size in (1, 65_530, 65_531, 65_536, 2, 300_000, 0, 3)
    ]
    queue = SpillQueue(limit=10_000_000)
    assert all(queue.push(*message) for message in messages)
    assert [queue.pop() for _ in messages] == messages
    queue.close()


def test_a_full_disk_makes_a_spilling_channel_wait() -> None:
    """It costs reading, not the connection. The process's limit on file sizes stands for the disk's end."""
    program = (
        "import resource; from peerage.actors.peers.spill import SpillQueue\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "queue = SpillQueue(10_000_000)\n"
        "pushed = [queue.push(1, bytes([i]) * 30_000) for i in range(8)]\n"
        "assert pushed == [True] * 6 + [False] * 2, pushed\n"  # three written, three kept for the next attempt
        "assert [queue.pop() for _ in range(6)] == [(1, bytes([i]) * 30_000) for i in range(6)]\n"
        "assert queue.push(1, b'more')\n"
        "assert queue.pop() == (1, b'more')\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
