"""Work that blocks, off the loop."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future as ThreadFuture
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from peerage.actors.runtime import ActorContext

__all__ = ["Background"]

T = TypeVar("T")


class Background:
    """A few threads beside an actor's loop; results come back to the loop.

    Args: context, of the actor; threads, how many calls may block at once.
    """

    def __init__(self, context: ActorContext, threads: int = 8) -> None:
        self._context = context
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="background")

    def run(self, work: Callable[[], T], then: Callable[[T | Exception], None]) -> None:
        """Call `work` in a thread, then `then` with its result or exception in the actor's loop."""

        def done(future: ThreadFuture[T]) -> None:
            if future.cancelled():
                return
            error = future.exception()
            result: T | Exception = error if isinstance(error, Exception) else future.result()
            self._context.call_threadsafe(then, result)

        self._pool.submit(work).add_done_callback(done)

    def close(self) -> None:
        """Start nothing more; what blocks is left to end by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)
