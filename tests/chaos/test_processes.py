"""Which process does what while a node is connected: names in `ps`, peers over hosts, encryption in the hosts."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import psutil
import pytest

from peerage import ChannelDescriptor, Node, Reactor
from peerage.actors.runtime import System
from tests.chaos.started_node import FORK_SERVER, StartedNode, make_home
from tests.interop.conftest import StartGoPeer
from tests.nodes import HIGH, SinkReactor, SpyReactor, StartNode, node_processes, wait_until

BULK_MESSAGES = 150
BULK_SIZE = 1 << 20
ATTEMPTS = 3


class OtherReactor(Reactor):
    """A second reactor, on a channel of its own."""

    channels = (ChannelDescriptor(id=0x60, priority=1),)


def test_ps_shows_a_process_for_every_part(tmp_path: Path) -> None:
    """One for the switch, the address book, each reactor and RPC, peer hosts as configured."""
    make_home(tmp_path)
    with StartedNode(tmp_path, peer_hosts="3", moniker="anna") as node:
        parts = ["addrbook", "switch", "reactor-PEX", "reactor-ECHO", "peers-0", "peers-1", "peers-2", "rpc"]
        assert sorted(node.processes().values()) == sorted([*parts, FORK_SERVER])
        titles = {" ".join(psutil.Process(pid).cmdline()).strip() for pid in node.processes()}
        assert {f"peerage[anna]: {part}" for part in (*parts, FORK_SERVER)} == titles
        assert psutil.Process(node.pid).cmdline()[0].startswith("peerage[anna]: root: ")


def test_inbound_peers_are_spread_over_the_hosts(start_node: StartNode, go_peer: StartGoPeer) -> None:
    """Four peers on two hosts are two and two; on a machine that is too busy for the host whose turn it is, not always."""
    node, crowd = start_node(), go_peer(mode="raw")
    spreads: list[list[int]] = []
    while [2, 2] not in spreads and len(spreads) < ATTEMPTS:
        crowd.dial_crowd(node.address, 4)
        peers = wait_until(lambda: len(node.peers()) == 4 and node.peers())
        spreads.append(sorted(Counter(peer.info.host for peer in peers).values()))
        crowd.disconnect()
        wait_until(lambda: node.peers() == [])
    assert [2, 2] in spreads


def test_dialled_peers_are_spread_over_the_hosts(start_node: StartNode, go_peer: StartGoPeer) -> None:
    """Likewise those that we dial."""
    node, crowd = start_node(), go_peer(mode="raw")
    for address in crowd.listen_crowd(4):
        node.dial(address)
    assert sorted(Counter(peer.info.host for peer in node.peers()).values()) == [2, 2]


def test_no_peer_hosts_means_a_process_for_every_peer(start_node: StartNode, go_peer: StartGoPeer) -> None:
    """Its death is its own: reactors are told, the others stay."""
    node = start_node({"SPY": SpyReactor}, peerage={"peer_hosts": 0})
    crowd = go_peer(mode="raw")
    crowd.dial_crowd(node.address, 2)
    peers = wait_until(lambda: len(node.peers()) == 2 and node.peers())
    pids = {host.name: host.pid for host in System.current().hosts()}
    victim, other = peers
    assert pids[victim.info.ref.name] != pids[other.info.ref.name]
    os.kill(pids[victim.info.ref.name], 9)
    wait_until(lambda: [peer.id for peer in node.peers()] == [other.id])
    calls = wait_until(
        lambda: (
            (seen := [call for call in node.reactor("SPY").ask("calls") if call.hook == "remove_peer"])
            and seen
        )
    )
    assert [call.connection for call in calls] == [victim.info.connection]


@pytest.mark.slow
def test_encryption_runs_in_the_peer_hosts(start_node: StartNode, go_peer: StartGoPeer) -> None:
    """While 150 MiB come in over two connections, the hosts use the processor; switch and book hardly do."""
    node = start_node({"SINK": SinkReactor, "OTHER": OtherReactor})
    peers = [go_peer(), go_peer()]
    for peer in peers:
        peer.dial(node.address)
    before = cpu_times(node)
    floods = [peer.flood(node.node_id, HIGH, count=BULK_MESSAGES // 2, size=BULK_SIZE) for peer in peers]
    for flood in floods:
        assert flood.wait().sent == BULK_MESSAGES // 2
    sink = node.reactor("SINK")
    wait_until(lambda: all(sink.ask((peer.id, HIGH)).count == BULK_MESSAGES // 2 for peer in peers), 30.0)
    used = {name: seconds - before[name] for name, seconds in cpu_times(node).items()}
    hosts = [used.pop(name) for name in node_processes(node, "peers-")]
    del used[node.names.of("reactor-SINK")]  # it digests what comes
    assert sum(hosts) > 5 * max(used.values()), (hosts, used)


def cpu_times(node: Node) -> dict[str, float]:
    """Processor seconds of every process of a node; the supervisor runs in the root's."""
    times = {}
    for name, pid in node_processes(node).items():
        if pid != os.getpid():
            used = psutil.Process(pid).cpu_times()
            times[name] = used.user + used.system
    return times
