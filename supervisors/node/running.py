"""A node for as long as a program lives: until SIGINT, SIGTERM, or its own end."""

from __future__ import annotations

import asyncio
import signal
import threading
from contextlib import suppress
from typing import Any, Final

from peerage.supervisors.node.errors import NodeRunError
from peerage.supervisors.node.stop_request import StopRequest
from peerage.supervisors.node.subscribing import SubscribedNode

__all__ = ["RunNode"]

CLEAN: Final = 0
FAILED: Final = 1
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class RunNode(SubscribedNode):
    """The part of `Node` that runs it as all of a program.

    if __name__ == "__main__":
        sys.exit(Node(config, reactors).run())
    """

    def run(self) -> int:
        """Start the node, wait until the program is told to end (Ctrl-C, SIGTERM, a closed terminal) or the node has ended,
        and stop it. Signals that come again meanwhile change nothing: a stop is over in seconds.

        Returns: the exit code for the program: 0, or 1 when the node has ended by itself; the log says why.
        Raises: as `start`; NodeRunError, where no signal would come, or an asyncio loop would stand still.
        """
        if threading.current_thread() is not threading.main_thread():
            raise NodeRunError(
                "node.run() needs the main thread, which signals come to; here, use `with node: node.wait()`"
            )
        if asyncio._get_running_loop() is not None:  # noqa: SLF001 - None where none runs, without an exception
            raise NodeRunError(
                "node.run() would hold up the asyncio loop that runs here; use `await node.run_async()`, or "
                "`async with node` and go on"
            )
        with StopRequest() as stop:
            stop.heed_signals()
            self._on_end.append(stop.ask)
            stop.on_signal = (
                self.stop
            )  # which returns at once while the node starts, and `start` does it then
            try:
                self.start()
                stop.on_signal = None
                if self._lives.is_running:
                    stop.wait()
            finally:
                stop.on_signal = None
                self.stop()
                self._on_end.remove(stop.ask)
                stop.give_signals_back()
        return self._exit_code()

    async def run_async(self) -> int:
        """As `run`, awaited. Raises: as `run`; NodeRunError, where the loop is not the main thread's."""
        loop, asked = asyncio.get_running_loop(), asyncio.Event()
        before = {number: signal.getsignal(number) for number in SIGNALS}
        for number in SIGNALS:
            try:
                loop.add_signal_handler(number, asked.set)
            except (RuntimeError, ValueError) as error:
                raise NodeRunError(
                    "node.run_async() needs the main thread's loop, which signals come to; here, use `async with node: "
                    "await node.wait_async()`"
                ) from error
        asking = asyncio.ensure_future(asked.wait())
        try:
            starting = asyncio.ensure_future(self.start_async())
            await _first(starting, asking)
            if not starting.done():
                starting.cancel()
            with suppress(asyncio.CancelledError):
                await starting
            if self._lives.is_running:
                ending = asyncio.ensure_future(self._lives.last().has_ended(None))
                await _first(ending, asking)
                ending.cancel()
        finally:
            await self.stop_async()
            asking.cancel()
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                if handler is not None:  # one that Python has not set cannot be set by it again
                    signal.signal(number, handler)
        return self._exit_code()

    def _exit_code(self) -> int:
        return CLEAN if self._lives.last().failure is None else FAILED


async def _first(*futures: asyncio.Future[Any]) -> None:
    """Wait for one of them; all are cancelled with whoever waits."""
    try:
        await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        for future in futures:
            future.cancel()
        await asyncio.wait(futures)
        raise
