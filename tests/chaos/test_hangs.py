"""The restart table, by a hang: a stopped process of the node is noticed, killed and replaced."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from peerage import ChannelDescriptor, Node
from peerage.actors.book_client import BookClient
from peerage.actors.discovery.book.addrbook import AddrBook
from tests.interop.conftest import StartGoPeer
from tests.nodes import (
    HIGH,
    Call,
    SpyReactor,
    StartNode,
    check_grammar,
    node_processes,
    wait_until,
)

pytestmark = pytest.mark.interop

TIMEOUT_S = 1.0
PROBED = {"probe_interval": 0.2, "probe_timeout": TIMEOUT_S, "peer_hosts": 1}


class Blocker(SpyReactor):
    """A spy on another channel; told "hang", it blocks until it is killed."""

    channels = (ChannelDescriptor(id=0x52, priority=1),)

    def handle(self, message: Any) -> Any:
        if message == "hang":
            threading.Event().wait()
        return super().handle(message)


def hang(node: Node, part: str) -> int:
    """Stop the process of a part of the node. Returns: its PID."""
    (pid,) = node_processes(node, part).values()
    os.kill(pid, signal.SIGSTOP)
    return pid


def replaced(node: Node, part: str, pid: int) -> bool:
    return bool(node_processes(node, part)) and pid not in node_processes(node, part).values()


@pytest.fixture
def node(start_node: StartNode) -> Node:
    """A node whose own actors are probed, with a reactor that is not."""
    return start_node({"SPY": SpyReactor}, peerage=PROBED, p2p={"pex": True})


@pytest.fixture
def supervised() -> Iterator[list[MutableMapping[str, Any]]]:
    """What this process logs: its supervisors' reports."""
    with capture_logs() as records:
        yield records


def reports(records: list[MutableMapping[str, Any]], event: str) -> list[tuple[str, str]]:
    """(child, cause) of every report of this kind."""
    return [(record["child"], record["cause"]) for record in records if record["event"] == event]


@pytest.mark.parametrize("part", ["switch", "addrbook", "reactor-PEX", "peers-0"])
def test_stopped_process_is_killed_after_the_deadline_and_restarted(
    node: Node, supervised: list[MutableMapping[str, Any]], part: str
) -> None:
    """Logged once with its cause; the new process answers."""
    began = time.monotonic()
    pid = hang(node, part)
    wait_until(lambda: replaced(node, part, pid))
    took = time.monotonic() - began
    assert took >= TIMEOUT_S
    name = node.names.of(part)
    report = [(name, f"hung: no answer within {TIMEOUT_S:g} s")]
    wait_until(lambda: reports(supervised, "child restarted") == report)
    assert reports(supervised, "child killed") == report


def test_hung_switch_drops_no_connection_and_knows_its_peers_again(node: Node, go_peer: StartGoPeer) -> None:
    """Row 1 of the restart table: no reactor sees a peer removed; who asks meanwhile is answered by the new one."""
    peer = go_peer()
    peer.dial(node.address)
    before = [each.info.connection for each in wait_until(node.peers)]
    pid = hang(node, "switch")
    node.peers()
    assert replaced(node, "switch", pid)
    wait_until(lambda: [each.info.connection for each in node.peers()] == before)
    calls = node.reactor("SPY").ask("calls")
    assert [call.hook for call in calls] == ["on_start", "init_peer", "add_peer"]
    assert not peer.history("peer_removed")


def test_hung_peer_host_is_reported_removed_once_and_its_persistent_peer_comes_back(
    node: Node, go_peer: StartGoPeer
) -> None:
    """Row 4 of the restart table."""
    peer = go_peer()
    node.dial(peer.address, persistent=True)
    (first,) = wait_until(node.peers)
    spy = node.reactor("SPY")
    wait_until(lambda: len(spy.ask("calls")) == 3)
    pid = hang(node, "peers-0")
    wait_until(lambda: replaced(node, "peers-0", pid))
    wait_until(
        lambda: [each for each in node.peers() if each.info.connection != first.info.connection], timeout=20.0
    )

    def record() -> list[Call]:
        found = spy.ask("calls")
        return found if len(found) >= 6 else []

    calls = wait_until(record)
    states = check_grammar(calls)
    assert sorted(states.values()) == ["added", "removed"]


def test_callers_of_a_hung_address_book_wait_and_none_fails(node: Node) -> None:
    """Row 3 of the restart table: the call that found it stopped is answered by the new one."""
    book = BookClient(node.names.addrbook)
    pid = hang(node, "addrbook")
    assert book.call(AddrBook.statistics).size == 0
    assert replaced(node, "addrbook", pid)


def test_blocked_reactor_is_left_alone_unless_the_operator_gave_a_limit(
    start_node: StartNode, supervised: list[MutableMapping[str, Any]], go_peer: StartGoPeer
) -> None:
    """With reactor_probe_timeout it is killed, and the new one meets the connected peer; without, it may block."""
    reactors = {"SPY": SpyReactor, "BLOCKER": Blocker}
    patient = start_node(reactors, peerage=PROBED)
    strict = start_node(reactors, peerage=PROBED | {"reactor_probe_timeout": TIMEOUT_S})
    channels = [{"id": HIGH, "priority": 5}, {"id": 0x52, "priority": 1}]
    peer = go_peer(channels=channels)
    for node in (patient, strict):
        node.dial(peer.address)
        node.reactor("BLOCKER").tell("hang")
    name = strict.names.of("reactor-BLOCKER")
    wait_until(lambda: reports(supervised, "child restarted"))
    wait_until(lambda: len(strict.reactor("BLOCKER").ask("calls")) == 3)
    assert [call.hook for call in strict.reactor("BLOCKER").ask("calls")] == [
        "on_start",
        "init_peer",
        "add_peer",
    ]
    assert [call.hook for call in strict.reactor("SPY").ask("calls")] == ["on_start", "init_peer", "add_peer"]
    assert [child for child, _ in reports(supervised, "child killed")] == [name]
    patient.reactor("BLOCKER").kill()  # its node's end would wait for it
