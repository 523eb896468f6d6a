"""The events of a node for the program that it is embedded in."""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog

from peerage import Node, NodeNotRunningError
from peerage.actors.events.happenings import Connected, Dialled, Happening, Lost, Restarted
from peerage.actors.events.hub import EventHub
from peerage.actors.runtime import System
from tests.forked import in_a_fork
from tests.nodes import EchoReactor, StartNode, node_config, node_processes, wait_until

PATIENCE_S = 20.0


@pytest.mark.parametrize("laddr", ["", "tcp://127.0.0.1:0"])
def test_events_are_read_with_and_without_rpc(
    node_system: System, tmp_path: Path, start_node: StartNode, laddr: str
) -> None:
    """In threads and in tasks; before the start for all that happens, later for what happens then, and up to the end."""
    other = start_node()
    node = Node(node_config(tmp_path / "home", rpc={"laddr": laddr}), {"ECHO": EchoReactor}, name="told/")
    early = node.events()
    with node:
        node.dial(other.address)
        assert isinstance(early.get(PATIENCE_S).what, Dialled)
        event = early.get(PATIENCE_S)
        assert isinstance(event.what, Connected)
        assert (event.what.peer, event.node) == (other.node_id, "tested")
        late = node.events(Lost)

        async def read() -> Happening:
            await node.disconnect_async(other.node_id)
            async for event in late:
                return event.what
            raise AssertionError("the end came first")

        lost = asyncio.run(read())
        assert (lost.peer, early.missed) == (other.node_id, 0)  # type: ignore[union-attr]  # a Lost
    assert [event.what for event in early] == [lost]
    assert list(late) == []


def test_a_listener_stays_over_the_restart_of_the_process_that_keeps_the_events(
    start_node: StartNode,
) -> None:
    """It hears of the restart itself."""
    node = start_node(rpc={"laddr": "tcp://127.0.0.1:0"})
    events = node.events(Restarted)
    os.kill(node_processes(node, "rpc")[node.names.of("rpc")], signal.SIGKILL)
    event = events.get(PATIENCE_S)
    assert isinstance(event.what, Restarted)
    assert event.what.part == node.names.of("rpc")


def test_callbacks_are_called_by_a_thread_of_the_node_and_may_raise(
    node_system: System, tmp_path: Path, start_node: StartNode
) -> None:
    """In each life of the node, until they are ended; another one is called all the same, and may stop the node."""
    other = start_node()
    node = Node(node_config(tmp_path / "home"), {"ECHO": EchoReactor}, name="calling/")
    called: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()

    def fail(_event: Connected) -> None:
        raise RuntimeError("a mistake of the program's")

    def note(event: Connected) -> None:
        called.put((event.peer, threading.current_thread().name))

    node.on(Connected, fail)
    end = node.on(Connected, note)
    with structlog.testing.capture_logs() as lines:
        for _ in range(2):
            with node:
                node.dial(other.address)
                assert called.get(timeout=PATIENCE_S) == (other.node_id, "node-callbacks")
        failures = [line for line in lines if line["event"] == "callback raised"]
    assert [line["kind"] for line in failures] == ["connected"] * 2
    end()
    end()
    node.on(Connected, lambda _event: node.stop())
    with node:
        node.dial(other.address)
        assert node.wait(PATIENCE_S)
    assert called.empty()


def test_callbacks_may_be_added_while_the_node_runs(start_node: StartNode) -> None:
    """They hear what happens from then on."""
    node, other = start_node(), start_node()
    called = threading.Event()
    node.on(Connected, lambda _event: called.set())
    node.dial(other.address)
    assert called.wait(PATIENCE_S)


def test_events_of_the_next_life_are_subscribed_to_between_two(
    node_system: System, tmp_path: Path, start_node: StartNode
) -> None:
    """As before the first one."""
    other = start_node()
    node = Node(node_config(tmp_path / "home"), {"ECHO": EchoReactor}, name="twice/")
    first = node.events()
    with node:
        pass
    second = node.events(Connected)
    closed = node.events()
    closed.close()
    with node:
        node.dial(other.address)
        assert isinstance(second.get(PATIENCE_S).what, Connected)
    assert (list(first), list(second)) == ([], [])


def test_where_no_events_can_be_had_whoever_reads_hears_of_the_end(
    start_node: StartNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours, or of the machine, is logged, and hangs nobody up."""

    def fail(**_options: Any) -> Any:
        raise OSError("no room")

    node = start_node()
    monkeypatch.setattr(EventHub, "options", fail)
    with structlog.testing.capture_logs() as lines:
        assert list(node.events()) == []
        assert list(node.events()) == []
    assert [line["event"] for line in lines] == ["events not read"]


def test_a_forked_child_is_told_whose_node_it_is(start_node: StartNode) -> None:
    """Nothing would ever come there."""
    node = start_node()

    def use() -> list[str]:
        told = []
        for call in (node.events, lambda: node.on(Connected, print)):
            with pytest.raises(NodeNotRunningError) as caught:
                call()
            told.append(str(caught.value))
        return told

    assert all("forked child" in text for text in in_a_fork(use))
    wait_until(lambda: node.is_running)


@pytest.mark.parametrize("kind", [int, "Connected", Happening, Connected.kind], ids=repr)
def test_what_is_no_kind_of_event_is_a_mistake_that_lists_them(kind: Any, tmp_path: Path) -> None:
    """Whoever listened for it would wait for ever."""
    node = Node(node_config(tmp_path / "home"), {})
    for listen in (lambda: node.events(Lost, kind), lambda: node.on(kind, print)):
        with pytest.raises(TypeError, match=r"no kind of event; .*: Banned, Connected, "):
            listen()


async def hear(event: Any) -> None:
    """Of no use: a thread calls it."""


class Listener:
    """As `hear`."""

    async def __call__(self, event: Any) -> None: ...


@pytest.mark.parametrize(
    ("callback", "fault"),
    [
        (None, "cannot be called"),
        (hear, "is a coroutine function"),
        (partial(hear), "is a coroutine function"),
        (Listener(), "is a coroutine function"),
    ],
    ids=["nothing", "function", "partial", "object"],
)
def test_what_nobody_could_call_or_would_await_is_refused(callback: Any, fault: str, tmp_path: Path) -> None:
    """Each event would be lost, and nobody told."""
    node = Node(node_config(tmp_path / "home"), {})
    for listen in (lambda: node.on(Lost, callback), lambda: node.on_end(callback)):
        with pytest.raises(TypeError, match=fault):
            listen()
