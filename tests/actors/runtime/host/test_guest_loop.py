"""An asyncio loop that makes a turn when it is called, and never sleeps."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Iterator

import pytest

from peerage.actors.runtime.host.guest_loop import GuestLoop

LIMIT_S = 10.0


class Guest:
    """A guest loop, and how often it has asked for a turn."""

    def __init__(self) -> None:
        self.wakes = 0
        self.loop = GuestLoop(self._wake)

    def turns(self) -> float | None:
        """Make turns until nothing is left to do at once: on a busy machine the share of one may be over early."""
        while (wanted := self.loop.turn()) == 0:
            pass
        return wanted

    def _wake(self) -> None:
        self.wakes += 1


@pytest.fixture
def guest() -> Iterator[Guest]:
    made = Guest()
    yield made
    made.loop.close()


def test_a_turn_does_what_is_ready_and_does_not_sleep(guest: Guest) -> None:
    """Coroutines go on until all of them wait for something, and the loop says for how long it would have slept."""
    log: list[int] = []

    async def count() -> None:
        for number in range(3):
            log.append(number)
            await asyncio.sleep(0)
        await asyncio.sleep(LIMIT_S)

    task = guest.loop.create_task(count())
    assert guest.wakes == 1
    wanted = guest.turns()
    assert log == [0, 1, 2]
    assert wanted is not None
    assert 0 < wanted <= LIMIT_S
    task.cancel()
    assert guest.turns() is None  # nothing is due
    assert task.cancelled()


def test_work_without_end_leaves_room_for_others(guest: Guest) -> None:
    """A turn takes a share of the host's, and the next one is wanted at once."""

    async def spin() -> None:
        while True:  # noqa: ASYNC110 - it is not to wait for anything
            await asyncio.sleep(0)

    task = guest.loop.create_task(spin())
    assert guest.loop.turn() == 0
    task.cancel()
    guest.turns()


def test_the_descriptor_tells_of_what_others_do(guest: Guest) -> None:
    """A call from another thread, or a socket: the host's epoll wakes for it."""
    waited = guest.loop.create_future()
    guest.turns()

    def readable() -> bool:
        return bool(select.select([guest.loop.fileno()], [], [], 0)[0])

    assert not readable()
    guest.loop.call_soon_threadsafe(waited.set_result, None)
    assert readable()
    guest.turns()
    assert waited.done()
    assert not readable()


def test_what_is_scheduled_between_turns_wakes_the_host_and_what_is_scheduled_in_one_does_not(
    guest: Guest,
) -> None:
    """The turn itself says when the next one is wanted."""

    async def schedule() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(int)
        loop.call_later(LIMIT_S, int)

    task = guest.loop.create_task(schedule())
    guest.wakes = 0
    guest.turns()
    assert task.done()
    assert guest.wakes == 0
    guest.loop.call_later(LIMIT_S, int)
    assert guest.wakes == 1


def test_a_turn_may_be_made_within_that_of_another_loop(guest: Guest) -> None:
    """A coroutine of one actor blocks, and the host lets another actor go on meanwhile."""

    async def other() -> str:
        task = guest.loop.create_task(asyncio.sleep(0, "inner"))
        here = asyncio.get_running_loop(), asyncio.current_task()
        guest.turns()
        assert (asyncio.get_running_loop(), asyncio.current_task()) == here
        return task.result()

    assert asyncio.run(other()) == "inner"


def test_finish_sleeps_as_asyncio_does(guest: Guest) -> None:
    """For the end of an actor."""
    assert guest.loop.finish(asyncio.sleep(0.001, "slept")) == "slept"
    assert guest.turns() is None


def test_what_ends_a_loop_comes_out_of_the_turn(guest: Guest) -> None:
    """SystemExit, which ends the actor."""

    async def leave() -> None:
        raise SystemExit(3)

    task = guest.loop.create_task(leave())
    with pytest.raises(SystemExit):
        guest.turns()
    assert isinstance(task.exception(), SystemExit)
