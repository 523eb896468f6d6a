"""What a program reads of its node, item by item: with `for` in a thread, with `async for` in asyncio."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

from peerage.actors.runtime import Timeout
from peerage.supervisors.node.lane import Lane

__all__ = ["Subscription"]

T = TypeVar("T")

# A loop in which something is always there would give no other task a turn.
TURN_EVERY = 64


class Subscription(Generic[T]):
    """It begins when it is made, ends when the node does, and is over once it is closed, or nobody has it any more.

        for event in node.events(): …
        async for event in node.events(): …
        with node.events() as events: …        # closed behind it, whoever still holds it

    Several may read one: each item goes to one of them. Iterating ends with what was there at the node's end. In a forked
    child it is over at once.
    """

    def __init__(self, lane: Lane[T]) -> None:
        self._lane = lane
        self._taken = 0
        self._pid = os.getpid()

    @property
    def missed(self) -> int:
        """How many items were lost so far, because the program was too slow."""
        return self._lane.missed

    def get(self, timeout: float | None = None) -> T:
        """Return the next item, waiting up to so many seconds. Raises: EOFError, the node has ended; Timeout."""
        self._check_process()
        try:
            return self._lane.take(timeout)
        except TimeoutError:
            raise Timeout(f"{timeout} seconds") from None

    async def get_async(self) -> T:
        """As `get`, awaited. Raises: EOFError."""
        self._check_process()
        self._taken += 1
        if self._taken % TURN_EVERY == 0:
            await asyncio.sleep(0)
        return await self._lane.take_async()

    def close(self) -> None:
        """End it: it holds nothing and nobody any more."""
        self._lane.close()

    def __repr__(self) -> str:
        state = "over" if self._lane.is_closed else f"{len(self._lane)} waiting"
        return f"<Subscription: {state}, {self.missed} missed>"

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        try:
            return self.get()
        except EOFError:
            raise StopIteration from None

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.get_async()
        except EOFError:
            raise StopAsyncIteration from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self._lane.close()

    def _check_process(self) -> None:
        """The thread that would feed it lives in the parent."""
        if self._pid != os.getpid():
            raise EOFError
