"""actors/rpc/fresh.py: one answer for all who ask at about the same time."""

from __future__ import annotations

import asyncio

import pytest

from peerage.actors.rpc.fresh import Fresh


class Source:
    """Counts how often it was asked; answers when it is let."""

    def __init__(self) -> None:
        self.asked, self.now = 0, 0.0
        self.gate = asyncio.Event()
        self.gate.set()
        self.fresh = Fresh(self.fetch, 0.5, lambda: self.now)

    async def fetch(self) -> int:
        self.asked += 1
        number = self.asked
        await self.gate.wait()
        if number == 3:
            raise ValueError("the third")
        return number


def test_it_is_fetched_once_for_all_and_again_when_it_is_old() -> None:
    """Half a second after it has come."""

    async def main() -> None:
        source = Source()
        assert list(await asyncio.gather(source.fresh.get(), source.fresh.get())) == [1, 1]
        source.now = 0.4
        assert await source.fresh.get() == 1
        source.now = 0.5
        assert await source.fresh.get() == 2

    asyncio.run(main())


def test_a_failure_is_told_to_all_and_not_kept() -> None:
    """Whoever asks next has it tried anew."""

    async def main() -> None:
        source = Source()
        source.asked = 2
        outcomes = await asyncio.gather(source.fresh.get(), source.fresh.get(), return_exceptions=True)
        assert list(map(str, outcomes)) == ["the third", "the third"]
        assert await source.fresh.get() == 4

    asyncio.run(main())


def test_whoever_goes_away_does_not_take_the_answer_with_him() -> None:
    """Others wait for it."""

    async def main() -> None:
        source = Source()
        source.gate.clear()
        first, second = asyncio.create_task(source.fresh.get()), asyncio.create_task(source.fresh.get())
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        source.gate.set()
        assert await second == 1

    asyncio.run(main())
