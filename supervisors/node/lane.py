"""What is on its way from a node to one reader in the program: bounded, and fed and emptied by different threads.

A reader may be a thread or a task of asyncio. What happens when it is slow is the lane's choice, made with it:

    HOLD          whoever puts waits; nothing is lost
    DROP_NEWEST   what does not fit is counted in `missed`
    DROP_OLDEST   the oldest make room, and are counted in `missed`
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Generic, TypeVar

__all__ = ["Lane", "Slow"]

T = TypeVar("T")


class Slow(Enum):
    """What happens when there is no room."""

    HOLD = "hold"
    DROP_NEWEST = "drop newest"
    DROP_OLDEST = "drop oldest"


class Lane(Generic[T]):
    """See the module's text.

    Args: most, items; most_bytes, of their sizes together, but one may always be in it.
    Attributes: missed, how many were dropped.
    """

    def __init__(self, slow: Slow, most: int, most_bytes: int | None = None) -> None:
        self._slow, self._most, self._most_bytes = slow, most, most_bytes
        self.missed = 0
        self._items: deque[tuple[T, int]] = deque()
        self._bytes = 0
        self._has_ended = self._is_closed = False
        # Reentrant: the collector of garbage may close a lane in the middle of anything.
        self._changed = threading.Condition(threading.RLock())
        self._wakers: list[Callable[[], None]] = []

    @property
    def is_closed(self) -> bool:
        """Whether nobody reads it any more."""
        return self._is_closed

    def __len__(self) -> int:
        return len(self._items)

    # --- those who put -----------------------------------------------------------------------------------------------

    def put(self, item: T, size: int = 0) -> None:
        """Put one at the end, or deal with it as the lane does where there is no room. Args: size, bytes."""
        with self._changed:
            while not self._has_room(size):
                if self._slow is Slow.HOLD:
                    self._changed.wait()
                elif self._slow is Slow.DROP_NEWEST:
                    self.missed += 1
                    return
                else:
                    self._bytes -= self._items.popleft()[1]
                    self.missed += 1
            if self._has_ended or self._is_closed:
                return
            self._items.append((item, size))
            self._bytes += size
            self._wake()

    def miss(self, count: int) -> None:
        """Note that so many were lost before they came here."""
        with self._changed:
            self.missed += count

    def end(self) -> None:
        """Nothing more comes: readers get what is in it, and then hear so. Whoever waits to put waits no more."""
        with self._changed:
            self._has_ended = True
            self._wake()

    def _has_room(self, size: int) -> bool:
        if self._has_ended or self._is_closed or not self._items:
            return True
        fits = self._most_bytes is None or self._bytes + size <= self._most_bytes
        return fits and len(self._items) < self._most

    # --- those who read ----------------------------------------------------------------------------------------------

    def take(self, timeout: float | None = None) -> T:
        """Take the first one, waiting for it.

        Raises: EOFError, nothing more comes; TimeoutError, after so many seconds.
        """
        until = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while not self._items:
                self._check_end()
                left = None if until is None else until - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError
                self._changed.wait(left)
            return self._pop()

    async def take_async(self) -> T:
        """As `take`, awaited. Raises: EOFError."""
        loop = asyncio.get_running_loop()
        while True:
            with self._changed:
                if self._items:
                    return self._pop()
                self._check_end()
                waiter: asyncio.Future[None] = loop.create_future()

                def wake(waiter: asyncio.Future[None] = waiter) -> None:
                    with contextlib.suppress(RuntimeError):  # that loop has been closed
                        loop.call_soon_threadsafe(_set, waiter)

                self._wakers.append(wake)
            try:
                await waiter
            finally:
                with self._changed, contextlib.suppress(ValueError):
                    self._wakers.remove(wake)

    def close(self) -> None:
        """Nobody reads it any more: what is in it is forgotten, and whoever waits to put goes on."""
        with self._changed:
            self._is_closed = True
            self._items.clear()
            self._bytes = 0
            self._wake()

    def _pop(self) -> T:
        item, size = self._items.popleft()
        self._bytes -= size
        self._changed.notify_all()
        return item

    def _check_end(self) -> None:
        if self._has_ended or self._is_closed:
            raise EOFError("nothing more comes")

    def _wake(self) -> None:
        self._changed.notify_all()
        wakers, self._wakers = self._wakers, []
        for wake in wakers:
            wake()


def _set(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
