"""An answer that many ask for, fetched once for all of them, and again when it has become old."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

__all__ = ["MAX_AGE_S", "Fresh"]

MAX_AGE_S = 0.5

T = TypeVar("T")


class Fresh(Generic[T]):
    """Nothing is fetched while nobody asks. For one loop of asyncio.

    Args: fetch, makes the answer; max_age, seconds that it counts as fresh from the moment it was there.
    """

    def __init__(
        self,
        fetch: Callable[[], Awaitable[T]],
        max_age: float = MAX_AGE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch, self._max_age, self._clock = fetch, max_age, clock
        self._task: asyncio.Task[T] | None = None
        self._until = 0.0

    async def get(self) -> T:
        """The answer; whoever asks while it is on its way shares it. Raises: what `fetch` raises."""
        if self._task is None or (self._task.done() and self._clock() >= self._until):
            self._until = 0.0  # one that fails is not kept
            self._task = asyncio.create_task(self._keep())
        # A client that disconnects must not cancel the answer for the others.
        return await asyncio.shield(self._task)

    async def _keep(self) -> T:
        answer = await self._fetch()
        self._until = self._clock() + self._max_age
        return answer
