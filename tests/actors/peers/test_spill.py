"""actors/peers/spill.py: a queue on disk, bounded, with nothing in memory for what waits."""

import subprocess
import sys
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.peers.spill import SpillQueue


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
