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
