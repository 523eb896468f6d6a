"""What each restart keeps: one test per row of the restart table (docs/architecture.md)."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Sequence

import psutil
import pytest
from pykka.messages import ProxyGetAttr, ProxySetAttr

from peerage import ChannelDescriptor, Node, NodeFailedError
from peerage.actors.book_client import BookClient
from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.messages import GetPeerValue
from peerage.actors.runtime import ActorDeadError, ActorRef, Timeout
from peerage.wire.net_address import NetAddress, no_names
from tests.interop.conftest import StartGoPeer
from tests.interop.gopeer import GoPeer
from tests.nodes import (
    HIGH,
    Call,
    SpyReactor,
    StartNode,
    check_grammar,
    node_processes,
    wait_until,
)

OTHER_CHANNEL = 0x60
CAUSES = ("SIGKILL", "exception", "memory")  # a hang: test_hangs.py
MEMORY_LIMIT = 200_000_000
LIMITED = {"probe_interval": 0.05, "memory_limit": MEMORY_LIMIT, "reactor_memory_limit": MEMORY_LIMIT}
CROWD = 4


class OtherSpy(SpyReactor):
    """A second spy, on a channel of its own."""

    channels: Sequence[ChannelDescriptor] = (ChannelDescriptor(id=OTHER_CHANNEL, priority=1),)  # type: ignore[misc]


SPIES = {"SPY": SpyReactor, "OTHER": OtherSpy}


def connections(node: Node) -> dict[str, str]:
    """connection → peer ID, as the switch has it; empty while there is no switch."""
    with contextlib.suppress(ActorDeadError, Timeout):
        return {peer.info.connection: peer.id for peer in node.peers()}
    return {}


def calls(node: Node, reactor: str = "SPY") -> list[Call]:
    """What a spy has seen in its present life; nothing while it has none."""
    with contextlib.suppress(ActorDeadError, Timeout):
        found: list[Call] = node.reactor(reactor).ask("calls", timeout=5.0)
        return found
    return []


def count_of(node: Node, hook: str, reactor: str = "SPY") -> int:
    """How often a hook of a spy was called."""
    return sum(call.hook == hook for call in calls(node, reactor))


def removed(node: Node, reactor: str = "SPY") -> list[str]:
    """The connections that a spy was told are gone."""
    return [call.connection for call in calls(node, reactor) if call.hook == "remove_peer"]


def wait_for_added(node: Node, count: int) -> None:
    """Wait until every spy has had so many add_peer, and the switch has as many connections."""
    wait_until(lambda: all(count_of(node, "add_peer", spy) == count for spy in SPIES))
    wait_until(lambda: len(connections(node)) == count)


def end(node: Node, part: str, cause: str) -> None:
    """End the process of one part of a node by one of the CAUSES, and wait until it has a successor."""
    name, pid = next(iter(node_processes(node, part).items()))
    if cause == "SIGKILL":
        os.kill(pid, signal.SIGKILL)
    elif cause == "exception":
        ActorRef.to(name).tell(ProxyGetAttr(("nothing",)))
    else:
        ActorRef.to(name).tell(ProxySetAttr(("ballast",), b"x" * MEMORY_LIMIT))
    wait_until(lambda: node_processes(node, part).get(name, pid) != pid, what=f"another process {name}")


def start_crowd(node: Node, go_peer: StartGoPeer, count: int = CROWD) -> GoPeer:
    """Have so many peers of one Go process connected, known to both spies; with those that were there before."""
    crowd = go_peer(mode="raw")
    crowd.dial_crowd(node.address, count - len(connections(node)))
    wait_for_added(node, count)
    return crowd


@pytest.mark.parametrize("cause", CAUSES)
def test_killed_switch_drops_no_connection_and_removes_no_peer(
    start_node: StartNode, go_peer: StartGoPeer, cause: str
) -> None:
    """It rebuilds its table from the live peer actors; messages go on, new peers are let in."""
    node = start_node(SPIES, peerage=LIMITED)
    crowd = start_crowd(node, go_peer)
    before = connections(node)
    end(node, "switch", cause)
    wait_until(lambda: connections(node) == before, 5.0)
    crowd.send_numbered("", HIGH, 1, 100)
    wait_until(lambda: count_of(node, "receive") == CROWD)
    crowd.dial_crowd(node.address, 1)
    wait_until(lambda: len(connections(node)) == CROWD + 1)
    assert removed(node) == removed(node, "OTHER") == []
    assert crowd.history("peer_removed") == []


@pytest.mark.parametrize("cause", CAUSES)
def test_killed_reactor_is_introduced_to_every_peer_and_others_see_nothing(
    start_node: StartNode, go_peer: StartGoPeer, cause: str
) -> None:
    """The new one gets init_peer and add_peer for every connected peer; no connection drops."""
    node = start_node(SPIES, peerage=LIMITED)
    crowd = start_crowd(node, go_peer)
    before, other = connections(node), calls(node, "OTHER")
    end(node, "reactor-SPY", cause)
    wait_until(lambda: count_of(node, "add_peer") == CROWD, 5.0)
    crowd.send_numbered("", HIGH, 1, 100)
    wait_until(lambda: count_of(node, "receive") == CROWD)
    assert check_grammar(calls(node)) == dict.fromkeys(before, "added")
    assert connections(node) == before
    assert calls(node, "OTHER") == other
    assert crowd.history("peer_removed") == []


def test_killed_address_book_keeps_what_it_acknowledged_and_callers_wait(
    start_node: StartNode, go_peer: StartGoPeer
) -> None:
    """It ends by every cause while addresses are added: no call fails, and all of them are in the book."""
    node = start_node(SPIES, peerage=LIMITED)
    start_crowd(node, go_peer, 1)
    before = connections(node)
    book = BookClient(node.names.addrbook)
    added: list[NetAddress] = []
    failures: list[BaseException] = []
    done = threading.Event()

    def add() -> None:
        try:
            while not done.wait(
                0.002
            ):  # a book that is full forgets: some hundreds of addresses are not many
                number = len(added)
                text = f"{number:040x}@{20 + (number >> 8)}.{number & 255}.1.1:26656"  # a group for each
                address = NetAddress.parse(text, no_names)
                book.call(AddrBook.add, address, address)
                added.append(address)
        except BaseException as error:
            failures.append(error)

    def grows(by: int) -> None:
        enough = len(added) + by
        wait_until(lambda: len(added) >= enough or failures)

    caller = threading.Thread(target=add)
    caller.start()
    for cause in CAUSES:
        grows(20)
        end(node, "addrbook", cause)
    grows(20)
    done.set()
    caller.join(10.0)
    assert failures == []
    assert [address for address in added if not book.call(AddrBook.has, address.id)] == []
    assert connections(node) == before


def test_killed_peer_host_loses_its_peers_once_each_and_redials_the_persistent(
    start_node: StartNode, go_peer: StartGoPeer
) -> None:
    """Reactors are told of each of its peers once, of no other one; the listener keeps accepting."""
    node = start_node(SPIES)
    friend = go_peer()
    node.dial(friend.address, persistent=True, wait=True)
    friend.wait_for("peer_added", peer=node.node_id)
    crowd = start_crowd(node, go_peer, 1 + CROWD)
    before = {peer.info.connection: peer for peer in node.peers()}
    host = next(peer.info.host for peer in before.values() if peer.id == friend.id)
    lost = {connection for connection, peer in before.items() if peer.info.host == host}
    kept = set(before) - lost
    assert len(kept) >= 2
    os.kill(node_processes(node)[host], signal.SIGKILL)
    crowd.dial_crowd(node.address, 1)  # at once: the other host accepts
    wait_until(lambda: all(set(removed(node, spy)) == lost for spy in SPIES), 5.0)
    wait_until(lambda: friend.id in connections(node).values(), 5.0)
    friend.wait_for("peer_added", peer=node.node_id)
    wait_until(lambda: len(node_processes(node, "peers-")) == 2)
    for spy in SPIES:
        assert sorted(removed(node, spy)) == sorted(lost)
        states = check_grammar(calls(node, spy))
        assert {connection for connection in before if states[connection] == "added"} == kept
    assert kept < set(connections(node))


def test_exception_in_a_peer_actor_stops_that_peer_only(start_node: StartNode, go_peer: StartGoPeer) -> None:
    """The others of its host go on, and the reactors are told why."""
    node = start_node(SPIES)
    crowd = start_crowd(node, go_peer)
    victim, *others = node.peers()
    hosts = node_processes(node)
    victim.info.ref.tell(GetPeerValue([]))  # type: ignore[arg-type]  # a key that cannot be one: it raises
    wait_until(lambda: len(connections(node)) == CROWD - 1)
    crowd.wait_for("peer_removed")
    wait_until(lambda: all(removed(node, spy) == [victim.info.connection] for spy in SPIES))
    for spy in SPIES:
        reason = next(call.reason for call in calls(node, spy) if call.hook == "remove_peer")
        assert "TypeError" in reason
    assert set(connections(node)) == {peer.info.connection for peer in others}
    assert node_processes(node) == hosts


@pytest.mark.parametrize("cause", ["exception", "memory"])
def test_peer_host_that_fails_is_the_end_of_its_peers(
    start_node: StartNode, go_peer: StartGoPeer, cause: str
) -> None:
    """As if it had been killed: they are hung up on and reported removed once each; the next host accepts."""
    node = start_node(SPIES, peerage=LIMITED | {"peer_hosts": 1})
    crowd = start_crowd(node, go_peer)
    before = connections(node)
    end(node, "peers-0", cause)
    wait_until(lambda: all(sorted(removed(node, spy)) == sorted(before) for spy in SPIES))
    wait_until(lambda: len(crowd.history("peer_removed")) == CROWD)
    crowd.dial_crowd(node.address, 1)
    wait_until(lambda: len(connections(node)) == 1)


def test_child_that_ends_too_often_ends_the_node_with_a_clear_reason(start_node: StartNode) -> None:
    """The supervisor gives up as OTP does; nothing of the node is left."""
    node = start_node({}, peerage={"restart_intensity": 1, "restart_period": "60s"})
    processes = [psutil.Process(pid) for pid in node_processes(node).values() if pid != os.getpid()]
    end(node, "switch", "SIGKILL")
    os.kill(node_processes(node, "switch")[node.names.of("switch")], signal.SIGKILL)
    with pytest.raises(NodeFailedError, match=r"switch.*SIGKILL"):
        node.wait(10.0)
    _gone, left = psutil.wait_procs(processes, 5.0)
    assert left == []
