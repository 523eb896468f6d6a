"""The life of a node in an asyncio program."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from peerage import HomeInUseError, Node, NodeNotRunningError
from peerage.actors.runtime import System
from peerage.supervisors.node.awaiting import AwaitedNode
from peerage.supervisors.node.life import Lives
from peerage.supervisors.node.requests import Request
from tests.nodes import EchoReactor, node_config

T = TypeVar("T")


class Held(AwaitedNode):
    """A node without parts: its start ends when the test lets it, or when it is called off."""

    def __init__(self) -> None:
        self._lives = Lives("ab" * 20)
        self.calls: list[str] = []
        self.begun, self.goes_on = threading.Event(), threading.Event()
        self.failure: Exception | None = None

    def start(self) -> Held:
        self._lives.start(self._live, lambda: self.calls.append("called off"))
        return self

    def _live(self) -> None:
        self.begun.set()
        self.goes_on.wait(10.0)
        if self.failure:
            raise self.failure
        self.calls.append("started")

    def stop(self) -> None:
        self.begun.set()
        self.goes_on.wait(10.0)
        self.calls.append("stopped")

    def _ask(self, request: Request[T]) -> T:
        raise AssertionError(f"it is asked nothing here: {request}")

    async def _ask_async(self, request: Request[T]) -> T:
        return self._ask(request)


async def _begun(node: Held) -> None:
    await asyncio.get_running_loop().run_in_executor(None, node.begun.wait, 10.0)


async def _cancel_in(node: Held, call: Callable[[], object], times: int = 1) -> None:
    """Cancel a task in the middle of a call, and let the call go on then."""
    task = asyncio.ensure_future(call())  # type: ignore[call-overload]
    await _begun(node)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not task.done()
    node.goes_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_node_is_started_and_stopped_off_the_loop(node_system: System, tmp_path: Path) -> None:
    """`async with` gives it running; afterwards it says so, and its end can be awaited again and again."""
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.001)

    async def main() -> None:
        counting = asyncio.ensure_future(count())
        async with Node(node_config(tmp_path), {"ECHO": EchoReactor}, name="awaited/") as node:
            assert turns > 10  # its start takes longer than that, wherever this runs
            assert await node.peers_async() == []
            assert not await node.wait_async(0.01)
            waiting = asyncio.ensure_future(node.wait_async())
        assert await waiting
        assert await node.wait_async()
        counting.cancel()
        with pytest.raises(NodeNotRunningError, match="has been stopped"):
            await node.peers_async()

    asyncio.run(main())


def test_what_a_start_raises_is_raised_where_it_is_awaited(node_system: System, tmp_path: Path) -> None:
    """Another node has the home."""
    with Node(node_config(tmp_path), name="first/"):
        second = Node(node_config(tmp_path), name="second/")
        with pytest.raises(HomeInUseError):
            asyncio.run(second.start_async())


def test_a_start_that_is_cancelled_leaves_nothing() -> None:
    """It is told to end as soon as it can; the task ends when it has, however often it is cancelled."""
    node = Held()
    asyncio.run(_cancel_in(node, node.start_async, times=3))
    assert node.calls == ["started", "called off", "stopped"]


def test_a_start_that_fails_while_it_is_cancelled_is_cancelled() -> None:
    """There is nothing to stop."""
    node = Held()
    node.failure = OSError("no room")
    asyncio.run(_cancel_in(node, node.start_async))
    assert node.calls == []


def test_a_stop_that_is_cancelled_is_done_all_the_same() -> None:
    """Half a stop would help nobody."""
    node = Held()
    asyncio.run(_cancel_in(node, node.stop_async))
    assert node.calls == ["stopped"]
