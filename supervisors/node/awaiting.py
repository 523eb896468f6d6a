"""The life of a node in an asyncio program: starting, stopping and waiting, off the loop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import threading
from abc import abstractmethod
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

from peerage.actors.runtime.processes.sigterm import end_program
from peerage.supervisors.node.asking import AskedNode
from peerage.supervisors.node.errors import NodeFailedError

__all__ = ["AwaitedNode"]

T = TypeVar("T")


class AwaitedNode(AskedNode):
    """The part of `Node` that an asyncio program starts and stops it with.

        async with Node(config) as node:
            await node.dial_async("ID@host:port")

    A start and a stop run in a thread of their own. A task that is cancelled in one waits until it is over: what had
    started is stopped again, and a stop is not left half done.
    """

    async def start_async(self) -> Self:
        """As `start`, awaited. Raises: as `start`; CancelledError, and nothing of the node runs then."""
        end_program()  # SIGTERM, in order: that thread could not see to it
        starting = _in_a_thread(self.start, "node-start")
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._lives.call_off()
            await _over(starting)
            if not starting.exception():
                await _over(_in_a_thread(self.stop, "node-stop"))
            raise
        return self

    async def stop_async(self) -> None:
        """As `stop`, awaited."""
        stopping = _in_a_thread(self.stop, "node-stop")
        try:
            await asyncio.shield(stopping)
        except asyncio.CancelledError:
            await _over(stopping)
            raise

    async def wait_async(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 - as of `wait`
        """As `wait`, awaited."""
        life = self._lives.last()
        if not await life.has_ended(timeout):
            return False
        if life.failure is not None:
            raise NodeFailedError(life.failure)
        return True

    async def __aenter__(self) -> Self:
        return await self.start_async()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._lives.is_elsewhere:  # a forked child has nothing to stop
            await self.stop_async()

    @abstractmethod
    def start(self) -> Self:
        """See `Node`."""

    @abstractmethod
    def stop(self) -> None:
        """See `Node`."""


def _in_a_thread(function: Callable[[], T], name: str) -> asyncio.Future[T]:
    """Have it called in a new thread: those of the loop's executor may all be taken by the program."""
    outcome: concurrent.futures.Future[T] = concurrent.futures.Future()
    outcome.set_running_or_notify_cancel()  # from here on it cannot be cancelled

    def run() -> None:
        try:
            outcome.set_result(function())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=contextvars.copy_context().run, args=(run,), name=name, daemon=True).start()
    return asyncio.wrap_future(outcome)


async def _over(future: asyncio.Future[T]) -> None:
    """Wait until it is over, however often the task is cancelled meanwhile."""
    while not future.done():
        with suppress(asyncio.CancelledError, Exception):
            await asyncio.shield(future)
