"""What is on its way to a reader: bounded, whatever the reader does."""

from __future__ import annotations

import asyncio
import threading

import pytest

from peerage.supervisors.node.lane import Lane, Slow


def taken(lane: Lane[int]) -> list[int]:
    """All that is there."""
    lane.end()
    found = []
    try:
        while True:
            found.append(lane.take(0))
    except EOFError:
        return found


@pytest.mark.parametrize(
    ("slow", "left", "missed"), [(Slow.DROP_NEWEST, [0, 1, 2], 2), (Slow.DROP_OLDEST, [2, 3, 4], 2)]
)
def test_what_does_not_fit_is_counted(slow: Slow, left: list[int], missed: int) -> None:
    """Which of them is lost is the lane's choice."""
    lane: Lane[int] = Lane(slow, most=3)
    for number in range(5):
        lane.put(number)
    assert (taken(lane), lane.missed) == (left, missed)
    lane.miss(3)
    assert lane.missed == missed + 3


def test_bytes_count_too() -> None:
    """One that is larger than the whole lane may go alone."""
    lane: Lane[int] = Lane(Slow.DROP_NEWEST, most=10, most_bytes=100)
    lane.put(1, 1000)
    lane.put(2, 1)
    assert lane.take(0) == 1
    lane.put(3, 60)
    lane.put(4, 60)
    lane.put(5, 40)
    assert (taken(lane), lane.missed) == ([3, 5], 2)


@pytest.mark.parametrize("how", ["take", "end", "close"])
def test_whoever_waits_for_room_goes_on_when_there_is_some_or_nobody_reads_any_more(how: str) -> None:
    """Nobody is held up by a reader that is gone."""
    lane: Lane[int] = Lane(Slow.HOLD, most=1)
    lane.put(1)
    waiting = threading.Thread(target=lane.put, args=(2,))
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    if how == "take":
        assert lane.take(0) == 1
    elif how == "end":
        lane.end()
    else:
        lane.close()
    waiting.join(5.0)
    assert not waiting.is_alive()
    assert lane.missed == 0
    assert taken(lane) == {"take": [2], "end": [1], "close": []}[how]


def test_a_thread_waits_for_what_comes() -> None:
    """So many seconds, or until nothing comes any more."""
    lane: Lane[int] = Lane(Slow.HOLD, most=1)
    with pytest.raises(TimeoutError):
        lane.take(0.01)
    threading.Timer(0.02, lane.put, (7,)).start()
    assert lane.take(5.0) == 7
    threading.Timer(0.02, lane.end).start()
    with pytest.raises(EOFError):
        lane.take()


def test_a_task_waits_for_what_comes_and_may_give_up() -> None:
    """The loop goes on meanwhile; a task that was cancelled takes nothing along."""
    lane: Lane[int] = Lane(Slow.HOLD, most=1)

    async def main() -> None:
        tired = asyncio.ensure_future(lane.take_async())
        await asyncio.sleep(0)
        tired.cancel()
        with pytest.raises(asyncio.CancelledError):
            await tired
        threading.Timer(0.02, lane.put, (7,)).start()
        assert await asyncio.wait_for(lane.take_async(), 5.0) == 7
        threading.Timer(0.02, lane.end).start()
        with pytest.raises(EOFError):
            await asyncio.wait_for(lane.take_async(), 5.0)

    asyncio.run(main())


def test_a_task_in_a_loop_that_is_gone_hinders_nobody() -> None:
    """It cannot be woken, and need not be."""
    lane: Lane[int] = Lane(Slow.HOLD, most=1)
    loop = asyncio.new_event_loop()
    task = loop.create_task(lane.take_async())
    loop.run_until_complete(asyncio.sleep(0))
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # that is what is wanted here
    loop.close()
    lane.put(1)
    assert lane.take(0) == 1
    assert not lane.is_closed
