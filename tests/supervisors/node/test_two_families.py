"""A node that listens at IPv4 and IPv6 at once, and tells each peer the address of its own family."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from functools import partial

import pytest

from peerage import Node
from tests.nodes import StartNode, net_info, node_processes, wait_until


def port_of_both() -> int:
    """A port that is free at 127.0.0.1 and ::1."""
    with socket.create_server(("127.0.0.1", 0)) as of_ipv4, suppress(OSError):
        port: int = of_ipv4.getsockname()[1]
        with socket.create_server(("::1", port), family=socket.AF_INET6):
            return port
    pytest.skip("this machine has no IPv6")


@pytest.fixture(params=[2, 0], ids=["hosts", "processes"])
def node(request: pytest.FixtureRequest, start_node: StartNode) -> Node:
    """With hosts, and with a process for each peer. Both listeners have one port."""
    port = port_of_both()
    return start_node(
        p2p={"laddr": f"tcp://127.0.0.1:{port}"},
        peerage={"peer_hosts": request.param, "listen_also": f"tcp://[::1]:{port}"},
    )


def told_to(other: Node, node: Node) -> str:
    """The address that one has told the other."""
    (info,) = (peer.node_info for peer in net_info(other).peers if node.address.startswith(peer.node_info.id))
    return info.listen_addr


def test_each_peer_is_told_the_address_of_its_family(node: Node, start_node: StartNode) -> None:
    """Those that dial, and those that are dialled."""
    of_ipv4, of_ipv6 = node.addresses
    node_id, _, place = of_ipv4.partition("@")
    assert node.address == of_ipv4
    assert of_ipv6 == f"{node_id}@[::1]:{place.rpartition(':')[2]}"
    dialling = [start_node(), start_node()]
    for other, address in zip(dialling, node.addresses, strict=True):
        other.dial(address)
    dialled = [start_node(), start_node(p2p={"laddr": "tcp://[::1]:0"})]
    for other in dialled:
        node.dial(other.address)
    wait_until(lambda: len(net_info(node).peers) == 4)
    expected = [f"tcp://{each.partition('@')[2]}" for each in node.addresses]
    assert [told_to(other, node) for other in dialling] == expected
    assert [told_to(other, node) for other in dialled] == expected


def test_a_restart_keeps_both_listeners(node: Node, start_node: StartNode) -> None:
    """Of the switch, and of every peer host."""
    others = [start_node(), start_node()]
    processes = node_processes(node)
    killed = [name for name in processes if "switch" in name or "peers-" in name]
    assert len(killed) >= 2
    for name in killed:
        os.kill(processes[name], signal.SIGKILL)
    for other, address in zip(others, node.addresses, strict=True):
        wait_until(partial(comes_in, other, address))
    wait_until(lambda: len(net_info(node).peers) == 2)


def comes_in(other: Node, address: str) -> bool:
    with suppress(Exception):  # while the hosts are being restarted
        other.dial(address)
    return bool(other.peers())


def test_a_second_listener_of_the_same_family_is_one_more_door(start_node: StartNode) -> None:
    """Nobody is told of it."""
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    node = start_node(peerage={"listen_also": f"127.0.0.1:{port}"})
    assert node.addresses == (node.address,)
    other = start_node()
    other.dial(f"{node.address.partition('@')[0]}@127.0.0.1:{port}")
    wait_until(lambda: len(net_info(node).peers) == 1)
    assert told_to(other, node) == f"tcp://{node.address.partition('@')[2]}"
