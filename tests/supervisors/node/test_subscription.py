"""What a program reads of its node, without a node."""

from __future__ import annotations

import asyncio

import pytest

from peerage.actors.runtime import Timeout
from peerage.supervisors.node.lane import Lane, Slow
from peerage.supervisors.node.subscription import Subscription
from tests.forked import in_a_fork


@pytest.fixture
def lane() -> Lane[int]:
    lane: Lane[int] = Lane(Slow.DROP_OLDEST, most=1000)
    for number in range(300):
        lane.put(number)
    return lane


def test_a_thread_reads_it_to_its_end(lane: Lane[int]) -> None:
    """What was there at the end is read yet."""
    subscription = Subscription(lane)
    lane.end()
    assert list(subscription) == list(range(300))
    with pytest.raises(EOFError):
        subscription.get()


def test_a_task_reads_it_and_others_have_their_turns(lane: Lane[int]) -> None:
    """Also where something is always there."""
    subscription = Subscription(lane)
    lane.end()

    async def main() -> tuple[list[int], int]:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.ensure_future(other())
        found = [item async for item in subscription]
        task.cancel()
        return found, turns

    found, turns = asyncio.run(main())
    assert found == list(range(300))
    assert turns >= 4


def test_one_item_is_waited_for_no_longer_than_wanted(lane: Lane[int]) -> None:
    """With the runtime's word for it."""
    subscription = Subscription(lane)
    assert subscription.get(0) == 0
    for _ in range(299):
        subscription.get()
    with pytest.raises(Timeout):
        subscription.get(0.01)
    assert subscription.missed == 0


def test_it_is_closed_behind_its_block_or_with_its_last_holder(lane: Lane[int]) -> None:
    """A task that was cancelled in the middle of it leaves nothing that somebody would wait for."""
    with Subscription(lane) as subscription:
        assert subscription.get() == 0
    assert lane.is_closed
    other: Lane[int] = Lane(Slow.HOLD, most=1)

    async def read() -> None:
        async for _ in Subscription(other):
            pass

    async def main() -> None:
        task = asyncio.ensure_future(read())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert other.is_closed


def test_in_a_forked_child_it_is_over(lane: Lane[int]) -> None:
    """Nobody would feed it there."""
    subscription = Subscription(lane)
    assert in_a_fork(lambda: list(subscription)) == []
    assert subscription.get() == 0


def test_it_shows_what_waits(lane: Lane[int]) -> None:
    """And what was lost, and whether it is over."""
    subscription = Subscription(lane)
    assert repr(subscription) == "<Subscription: 300 waiting, 0 missed>"
    lane.miss(2)
    subscription.close()
    assert repr(subscription) == "<Subscription: over, 2 missed>"
