"""What an actor has called later: see also test_context.py and test_coroutines.py."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from peerage.actors.runtime import ActorRef, Place, ProcessActor, System

LIMIT_S = 10.0


class Spawner(ProcessActor):
    """A plain actor that starts coroutines."""

    def on_receive(self, message: Any) -> Any:
        if message == "spawn":
            reply = self.runtime.defer()

            async def answer() -> None:
                await asyncio.sleep(0)
                reply.set("from a coroutine")

            self.runtime.spawn(answer())
        return None


@pytest.mark.parametrize("times", [1, 2])
def test_a_plain_hook_may_start_a_coroutine(system: System, place: Place, times: int) -> None:
    """It runs when the hook has returned; and so does the next one."""
    ref: ActorRef[Any] = Spawner.options(place=place).start()
    for _ in range(times):
        assert ref.ask("spawn", timeout=LIMIT_S) == "from a coroutine"


class Ticker(ProcessActor):
    """Counts, every few milliseconds, until it has counted to three."""

    def on_start(self) -> None:
        self.count = self.begun = 0
        self.gate = asyncio.Event()

    def tick(self) -> None:
        self.count += 1
        if self.count == 3:
            self.plain.cancel()
            self.plain.cancel()  # of no effect
            self.runtime.call_later(0.01, self.told.set, None)

    async def wait(self) -> None:
        self.begun += 1
        await self.gate.wait()

    def on_receive(self, message: Any) -> Any:
        if message == "three":
            self.told = self.runtime.defer()
            self.slow = self.runtime.call_every(0.001, self.wait)
            self.plain = self.runtime.call_every(0.001, self.tick)
        if message == "begun":
            return self.count, self.begun
        if message == "never":
            self.runtime.call_every(0.0, self.tick)
        return None


def test_a_call_is_repeated_until_it_is_cancelled(system: System, place: Place) -> None:
    """And a coroutine that is still running is not begun a second time."""
    ref: ActorRef[Any] = Ticker.options(place=place).start()
    ref.ask("three", timeout=LIMIT_S)
    assert ref.ask("begun", timeout=LIMIT_S) == (3, 1)


def test_a_period_is_more_than_nothing(system: System) -> None:
    """The loop would do nothing else."""
    with pytest.raises(ValueError, match="more than 0 was expected"):
        Ticker.start().ask("never", timeout=LIMIT_S)
