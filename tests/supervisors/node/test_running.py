"""A node for as long as a program lives."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from peerage import Config, Node, NodeRunError
from peerage.actors.runtime import System
from peerage.supervisors.node import preconditions
from tests.nodes import EchoReactor, node_config, node_processes, wait_until

FORMS: dict[str, Callable[[Node], int]] = {
    "run": Node.run,
    "run_async": lambda node: asyncio.run(node.run_async()),
}
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def node(node_system: System, tmp_path: Path) -> Node:
    config = node_config(tmp_path, peerage={"restart_intensity": 0})
    return Node(config, {"ECHO": EchoReactor}, name="run/")


@pytest.fixture
def later() -> Iterator[Callable[[Callable[[], object]], object]]:
    """Does something in another thread, while this one is in the run of the node. What it raises is raised in the end."""
    with ThreadPoolExecutor(1) as pool:
        begun = []
        yield lambda do: begun.append(pool.submit(do))
        for each in begun:
            each.result()


def send(number: int) -> None:
    os.kill(os.getpid(), number)


class Impatient(Node):
    """Gets the signal again, and again, while it stops."""

    number = 0
    _is_interrupted = False

    def stop(self) -> None:
        if not self._is_interrupted:  # the signal's handler stops it, too, while the start has its last words
            self._is_interrupted = True
            for _ in range(2):
                send(self.number)
            self._is_interrupted = False
        super().stop()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly(
    node_system: System,
    tmp_path: Path,
    later: Callable[[Callable[[], object]], None],
    form: str,
    number: int,
) -> None:
    """Also if it comes again, as when somebody is impatient. Afterwards signals mean what they meant before."""
    node = Impatient(node_config(tmp_path), {"ECHO": EchoReactor}, name="run/")
    node.number = number
    before = [signal.getsignal(each) for each in SIGNALS]

    def interrupt() -> None:
        wait_until(lambda: node.is_running, 40.0)
        assert repr(node) == f"<Node {node.node_id} at {node.address[41:]} network='test': running>"
        send(number)

    later(interrupt)
    assert FORMS[form](node) == 0
    assert not node.is_running
    assert [signal.getsignal(each) for each in SIGNALS] == before


@pytest.mark.parametrize("form", FORMS)
def test_a_signal_during_its_start_ends_it_too(
    node: Node, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """It has ended before it was up, or right after."""

    def interrupt(_config: Config) -> None:
        assert repr(node).endswith(": starting>")
        send(signal.SIGTERM)

    monkeypatch.setattr(preconditions, "check_store", interrupt)
    assert FORMS[form](node) == 0
    assert not node.is_running


@pytest.mark.parametrize("form", FORMS)
def test_a_node_that_ends_by_itself_ends_the_program_with_1(
    node: Node, later: Callable[[Callable[[], object]], None], form: str
) -> None:
    """As the command does."""

    def kill() -> None:
        wait_until(lambda: node.is_running, 40.0)
        os.kill(node_processes(node)[node.names.of("switch")], signal.SIGKILL)

    later(kill)
    assert FORMS[form](node) == 1


def test_a_run_that_is_cancelled_stops_the_node(node: Node) -> None:
    """As when it is one task of several."""

    async def main() -> None:
        task = asyncio.ensure_future(node.run_async())
        await asyncio.to_thread(wait_until, lambda: node.is_running, 40.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert not node.is_running


def test_where_no_signal_comes_it_is_refused(node: Node) -> None:
    """With what to do instead; the node has not been started."""

    async def in_a_loop() -> int:
        return node.run()

    with ThreadPoolExecutor(1) as pool:
        for form in FORMS.values():
            with pytest.raises(NodeRunError, match=r"needs the main thread.*; here, use `.*with node"):
                pool.submit(form, node).result()
    with pytest.raises(NodeRunError, match=r"hold up the asyncio loop that runs here; use `await node\.run"):
        asyncio.run(in_a_loop())
    assert repr(node).endswith(": not started>")
    assert threading.current_thread() is threading.main_thread()
