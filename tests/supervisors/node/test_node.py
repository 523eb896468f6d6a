"""A node's life: one at a time in a home, again after its end, and a clear answer when it does not run."""

from __future__ import annotations

import asyncio
import inspect
import math
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from peerage import (
    HomeInUseError,
    ListenError,
    Node,
    NodeFailedError,
    NodeNotRunningError,
    UnknownReactorError,
)
from peerage.actors.runtime import THREAD, ProcessActor, System
from peerage.supervisors.node import preconditions
from peerage.supervisors.node.tree import NodeTree
from peerage.supervisors.spec import ChildSpec, Start
from peerage.wire.channel import ChannelDescriptor
from tests.forked import in_a_fork
from tests.nodes import HIGH, EchoReactor, StartNode, node_config, node_processes, wait_until
from tests.waiting import PATIENCE_S

ID = "00" * 20
STRANGER = f"{ID}@127.0.0.1:1"

# every public name of a node that only a running one can answer
ASKED: dict[str, Callable[[Node], Any]] = {
    "add_persistent_peers": lambda node: node.add_persistent_peers([STRANGER]),
    "add_private_peer_ids": lambda node: node.add_private_peer_ids([ID]),
    "add_unconditional_peer_ids": lambda node: node.add_unconditional_peer_ids([ID]),
    "address": lambda node: node.address,
    "addresses": lambda node: node.addresses,
    "ban": lambda node: node.ban(ID),
    "broadcast": lambda node: node.broadcast(HIGH, b"hello"),
    "dial": lambda node: node.dial(STRANGER, persistent=True),
    "dial_peers_async": lambda node: node.dial_peers_async([STRANGER]),
    "disconnect": lambda node: node.disconnect(ID),
    "metrics_addresses": lambda node: node.metrics_addresses(),
    "peers": lambda node: node.peers(),
    "reactor": lambda node: node.reactor("ECHO"),
    "reconfigure": lambda node: node.reconfigure(node.config),
    "remove_persistent_peers": lambda node: node.remove_persistent_peers([ID]),
    "rpc_addresses": lambda node: node.rpc_addresses(),
    "unban": lambda node: node.unban(ID),
    "upgrade_reactor": lambda node: node.upgrade_reactor("ECHO"),
}
# those of them that wait for an answer are awaited under a name that ends in _async; CometBFT's is both
AWAITED: dict[str, Callable[[Node], Coroutine[Any, Any, Any]]] = {
    "add_persistent_peers_async": lambda node: node.add_persistent_peers_async([STRANGER]),
    "add_private_peer_ids_async": lambda node: node.add_private_peer_ids_async([ID]),
    "add_unconditional_peer_ids_async": lambda node: node.add_unconditional_peer_ids_async([ID]),
    "ban_async": lambda node: node.ban_async(ID),
    "dial_async": lambda node: node.dial_async(STRANGER, persistent=True),
    "disconnect_async": lambda node: node.disconnect_async(ID),
    "metrics_addresses_async": lambda node: node.metrics_addresses_async(),
    "peers_async": lambda node: node.peers_async(),
    "reconfigure_async": lambda node: node.reconfigure_async(node.config),
    "remove_persistent_peers_async": lambda node: node.remove_persistent_peers_async([ID]),
    "rpc_addresses_async": lambda node: node.rpc_addresses_async(),
    "unban_async": lambda node: node.unban_async(ID),
    "upgrade_reactor_async": lambda node: node.upgrade_reactor_async("ECHO"),
}


def _run(ask: Callable[[Node], Coroutine[Any, Any, Any]]) -> Callable[[Node], Any]:
    return lambda node: asyncio.run(ask(node))


ASKED |= {name: _run(ask) for name, ask in AWAITED.items()}
# and those that any one answers: what it is, and how it begins and ends
ALWAYS = {
    "config",
    "events",
    "is_running",
    "messages",
    "names",
    "node_id",
    "on",
    "on_end",
    "run",
    "run_async",
    "start",
    "start_async",
    "stop",
    "stop_async",
    "wait",
    "wait_async",
}
NEVER_WAITS = {
    "address",
    "addresses",
    "broadcast",
    "config",
    "dial_peers_async",
    "events",
    "is_running",
    "messages",
    "names",
    "node_id",
    "on",
    "on_end",
    "reactor",
}


def make(home: Path) -> Node:
    return Node(node_config(home), {"ECHO": EchoReactor}, name="one/")


@pytest.fixture(scope="module")
def unstarted(tmp_path_factory: pytest.TempPathFactory) -> Node:
    return make(tmp_path_factory.mktemp("unstarted"))


@pytest.fixture(scope="module")
def stopped(node_system: System, tmp_path_factory: pytest.TempPathFactory) -> Node:
    with make(tmp_path_factory.mktemp("stopped")) as node:
        pass
    return node


@pytest.fixture(scope="module")
def failed(node_system: System, tmp_path_factory: pytest.TempPathFactory) -> Node:
    """Its switch was killed more often than it may be."""
    config = node_config(tmp_path_factory.mktemp("failed"), peerage={"restart_intensity": 0})
    node = Node(config, {"ECHO": EchoReactor}, name="failed/").start()
    os.kill(node_processes(node)["failed/switch"], signal.SIGKILL)
    with pytest.raises(NodeFailedError):
        node.wait(10.0)
    return node


def test_every_public_name_of_a_node_is_asked_below(unstarted: Node) -> None:
    """Whoever adds one says what it answers while the node does not run."""
    public = {name for name in dir(unstarted) if not name.startswith("_")}
    assert public == set(ASKED) | ALWAYS


def test_whatever_waits_has_a_form_that_is_awaited(unstarted: Node) -> None:
    """By one rule: its name ends in _async. Whoever adds a method says that it never waits, or how it is awaited."""
    public = {name for name in dir(unstarted) if not name.startswith("_")} - NEVER_WAITS
    waiting = {name for name in public if not name.endswith("_async")}
    assert public - waiting == {f"{name}_async" for name in waiting}
    assert all(inspect.iscoroutinefunction(getattr(Node, name)) for name in public - waiting)


@pytest.mark.parametrize("name", ASKED)
def test_a_node_that_does_not_run_says_so(unstarted: Node, stopped: Node, failed: Node, name: str) -> None:
    """One error, whatever is asked, and which of the three it is."""
    for node, why in (
        (unstarted, "has not been started"),
        (stopped, "has been stopped"),
        (failed, "has failed: .*switch"),
    ):
        with pytest.raises(NodeNotRunningError, match=f"node {node.node_id} does not run: it {why}"):
            ASKED[name](node)


def test_a_node_that_does_not_run_says_what_it_is(unstarted: Node, stopped: Node, failed: Node) -> None:
    """Its identity does not hang on its life."""
    for node in (unstarted, stopped, failed):
        node.stop()
        assert not node.is_running
        assert len(node.node_id) == 40
        assert node.names.prefix in {"one/", "failed/"}


def test_a_node_shows_what_has_become_of_it(unstarted: Node, stopped: Node, failed: Node) -> None:
    """With its ID and its network."""
    assert repr(unstarted) == f"<Node {unstarted.node_id} network='test': not started>"
    assert repr(stopped).endswith("network='test': has been stopped>")
    assert "has failed: " in repr(failed)


@pytest.mark.timeout(60)
def test_a_forked_child_is_told_at_once_that_the_node_is_its_parents(
    node_system: System, tmp_path: Path
) -> None:
    """Whatever is asked; the child may have a node of its own, and the parent's runs on."""
    node = make(tmp_path / "parents")
    calls: list[Callable[[Node], object]] = [*ASKED.values(), Node.start, Node.stop, Node.wait]
    calls.append(lambda node: node.wait(1.0))

    def use() -> tuple[set[str], bool, list[Any]]:
        told = set()
        for call in calls:
            with pytest.raises(NodeNotRunningError) as caught:
                call(node)
            told.add(str(caught.value))
        with Node(node_config(tmp_path / "childs"), name="one/") as own:
            with pytest.raises(NodeNotRunningError):
                node.peers()
            found = list(own.peers())
        System.current().shutdown()
        return told, node.is_running, found

    with node:
        told, is_running, found = in_a_fork(use)
        (text,) = told
        why = f"it runs in process {os.getpid()}, of which this process is a forked child; make a node of its own here"
        assert text.startswith(f"node {node.node_id} does not run: {why}")
        assert (is_running, found) == (False, [])
        assert node.is_running
        assert node.peers() == []


@pytest.mark.timeout(60)
def test_a_forked_child_that_leaves_the_nodes_block_stops_nothing(
    node_system: System, tmp_path: Path
) -> None:
    """It may just as well have been forked there."""
    with make(tmp_path) as node:

        def leave() -> str:
            node.__exit__(None, None, None)
            return "left"

        assert in_a_fork(leave) == "left"
        assert node.peers() == []


@pytest.mark.timeout(60)
def test_a_forked_child_keeps_nothing_from_the_node_that_comes_after(
    node_system: System, tmp_path: Path
) -> None:
    """Neither its port nor its home."""
    with make(tmp_path / "first") as node:
        laddr = f"tcp://{node.address.partition('@')[2]}"
        reads, writes = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(writes)
            os.read(reads, 1)
            os._exit(0)
    try:
        again = Node(node_config(tmp_path / "first", p2p={"laddr": laddr}), name="again/")
        with again:
            assert again.peers() == []
    finally:
        os.close(writes)
        os.close(reads)
        os.waitpid(pid, 0)


def test_waiting_for_the_end(unstarted: Node, stopped: Node, failed: Node) -> None:
    """There is none before the start; afterwards it is told again and again."""
    with pytest.raises(NodeNotRunningError, match="has not been started"):
        unstarted.wait(0)
    for _ in range(2):
        assert stopped.wait(0)
        with pytest.raises(NodeFailedError, match="switch"):
            failed.wait(0)


def test_a_wait_for_no_number_of_seconds_is_refused(unstarted: Node) -> None:
    """NaN would be for ever: no time is later."""
    timeout: Any = "1"
    with pytest.raises(TypeError, match="timeout is '1': a number of seconds was expected"):
        unstarted.wait(timeout)
    with pytest.raises(ValueError, match="timeout is nan"):
        unstarted.wait(math.nan)


def test_a_stopped_node_starts_again(node_system: System, tmp_path: Path) -> None:
    """It runs as at first: asked, waited for, stopped, its end told each time."""
    node, ends = make(tmp_path), threading.Semaphore(0)
    node.on_end(ends.release)
    for _ in range(2):
        with node:
            assert node.start() is node
            assert node.start().is_running
            assert node.peers() == []
            assert not node.wait(0)
        assert ends.acquire(timeout=5.0)
        assert not ends.acquire(blocking=False)
        assert not node.is_running
        assert node.wait(0)


def test_a_failed_node_starts_again(failed: Node) -> None:
    """Nothing of its failure is left, nor of what it held: nobody had to stop it."""
    with failed.start() as node:
        assert node.is_running
        assert node.peers() == []
    assert node.wait(0)


def test_a_node_whose_start_failed_can_be_started(node_system: System, tmp_path: Path) -> None:
    """It holds neither home nor port, and has not been started."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        laddr = f"tcp://127.0.0.1:{other.getsockname()[1]}"
        node = Node(node_config(tmp_path, p2p={"laddr": laddr}), {"ECHO": EchoReactor}, name="again/")
        with pytest.raises(ListenError):
            node.start()
        with pytest.raises(NodeNotRunningError, match="has not been started"):
            node.peers()
    with node:
        assert node.is_running


def test_a_stop_of_a_signals_handler_during_the_start_is_not_forgotten(
    node_system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service manager ends what it has just started: the node must not run on and wait for ever."""
    node = make(tmp_path)
    before = signal.signal(signal.SIGUSR1, lambda *_: node.stop())
    monkeypatch.setattr(preconditions, "check_store", lambda _config: signal.raise_signal(signal.SIGUSR1))
    try:
        assert node.start() is node
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert not node.is_running
    assert node.wait(0)
    monkeypatch.undo()
    with node:
        assert node.is_running


class Interrupter(ProcessActor):
    """In a thread: has the main thread interrupted, and is up when that has happened."""

    has_come = threading.Event()

    def __init__(self) -> None:
        super().__init__()
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        self.has_come.wait(PATIENCE_S)


def test_nothing_is_left_of_a_start_that_was_interrupted(
    node_system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while the parts start: the node can be started again, and no part of the first one has its home."""
    node = make(tmp_path)
    children = NodeTree.children

    def interrupted(*arguments: Any) -> list[ChildSpec]:
        addrbook, switch, *others = children(*arguments)
        name = "one/interrupter"
        return [
            addrbook,
            switch,
            ChildSpec(name, Start.of(Interrupter).using(name=name, place=THREAD)),
            *others,
        ]

    def interrupt(number: int, frame: FrameType | None) -> None:
        Interrupter.has_come.set()
        signal.default_int_handler(number, frame)

    monkeypatch.setattr(NodeTree, "children", interrupted)
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            node.start()
    finally:
        signal.signal(signal.SIGINT, before)
    assert Interrupter.has_come.is_set()
    assert not node.is_running
    monkeypatch.undo()
    with node:
        assert node.is_running


START_TOGETHER = """
import sys, threading
from pathlib import Path
from peerage import Node
from tests.forked import in_a_fork
from tests.nodes import node_config
if __name__ == "__main__":
    nodes = [Node(node_config(Path(sys.argv[1], name)), name=name) for name in ("one/", "two/")]
    threads = [threading.Thread(target=node.start) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print([node.is_running for node in nodes])
"""


def test_the_first_nodes_of_a_program_may_be_started_by_several_threads(tmp_path: Path) -> None:
    """They share what the first of them makes."""
    done = subprocess.run(
        [sys.executable, "-c", START_TOGETHER, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "[True, True]\n", done.stderr


def test_two_nodes_in_one_home_are_refused(start_node: StartNode, tmp_path: Path) -> None:
    """Also in one process; the first goes on, and its end makes room."""
    first = start_node(home=tmp_path)
    second = make(tmp_path)
    with pytest.raises(HomeInUseError) as caught:
        second.start()
    assert (caught.value.pid, caught.value.address) == (os.getpid(), first.address)
    assert first.is_running
    first.stop()
    with second:
        assert second.is_running


def test_an_unknown_reactor_is_a_key_error_that_lists_what_there_is(start_node: StartNode) -> None:
    """A typing error is found where it is made, not at the first ask."""
    node = start_node({"ECHO": EchoReactor, "OTHER": Other}, p2p={"pex": True})
    with pytest.raises(KeyError) as caught:
        node.reactor("TYPO")
    assert isinstance(caught.value, UnknownReactorError)
    assert str(caught.value) == "no reactor is named 'TYPO'; there are: 'PEX', 'ECHO', 'OTHER'"


def test_an_ask_in_flight_hears_that_the_node_was_stopped(start_node: StartNode) -> None:
    """Nobody waits for a switch that does not come back."""
    node = start_node()
    pid = node_processes(node)[node.names.of("switch")]
    os.kill(pid, signal.SIGSTOP)
    answers: list[BaseException] = []

    def ask() -> None:
        try:
            node.peers()
        except NodeNotRunningError as error:
            answers.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    node.stop()
    asking.join(10.0)
    wait_until(lambda: answers)
    assert "stopped" in str(answers[0])


class Other(EchoReactor):
    """With a channel of its own."""

    channels = (ChannelDescriptor(id=0x60),)
