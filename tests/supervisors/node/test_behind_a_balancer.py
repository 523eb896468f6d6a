"""A node behind a load balancer that says for whom each connection is: all of it goes by that IP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from peerage import Node
from peerage.wire.errors import HandshakeError
from tests.bench.blocking_peer import BlockingPeer
from tests.nodes import NodeLog, StartNode, net_info, wait_until
from tests.wire.proxy_headers import V4, V6, v2

BALANCER, PATIENCE_S = "127.7.0.1", 10.0
ONE, OTHER = (f"PROXY TCP4 192.0.2.{number} 198.51.100.1 5000 26656\r\n".encode() for number in (1, 2))


@pytest.fixture(params=[2, 0], ids=["hosts", "processes"])
def node(request: pytest.FixtureRequest, start_node: StartNode) -> Node:
    """With hosts, and with a process for each peer."""
    return start_node(
        p2p={"allow_duplicate_ip": False},
        peerage={"peer_hosts": request.param, "proxy_protocol_from": "127.7.0.0/24"},
    )


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """What is open until the test ends."""
    with ExitStack() as stack:
        yield stack


def come(stack: ExitStack, node: Node, first: bytes, source: str = BALANCER) -> str:
    """A peer that comes in through the balancer. Returns: its ID."""
    return stack.enter_context(BlockingPeer(node.address, PATIENCE_S, source, first=first)).id


def ips(node: Node) -> dict[str, str]:
    return {peer.node_info.id: peer.remote_ip for peer in net_info(node).peers}


def test_peers_have_the_ip_in_the_header(node: Node, stack: ExitStack) -> None:
    """So several come in through one balancer, though each IP may have one peer. Others need no header."""
    expected = {
        come(stack, node, ONE): "192.0.2.1",
        come(stack, node, v2(0x21, 0x11, V4)): "192.0.2.7",
        come(stack, node, v2(0x21, 0x21, V6)): "2001:db8::7",
        come(stack, node, v2(0x20, 0x00, b"")): BALANCER,
        come(stack, node, b"", source="127.8.0.1"): "127.8.0.1",
    }
    wait_until(lambda: ips(node) == expected)


def test_the_ip_in_the_header_has_one_place(node: Node, stack: ExitStack, node_log: NodeLog) -> None:
    """The log names it."""
    first = come(stack, node, ONE)
    wait_until(lambda: first in ips(node))
    with suppress(OSError, HandshakeError):
        come(stack, node, ONE.replace(b"5000", b"5001"))
    record = node_log.wait_for("peer refused", reason="duplicate ip")
    assert record["remote"].startswith("192.0.2.1:")
    assert set(ips(node)) == {first}


def test_bans_are_of_the_ip_in_the_header(node: Node, stack: ExitStack, node_log: NodeLog) -> None:
    """One is sent away, and the other stays."""
    banned, other = come(stack, node, ONE), come(stack, node, OTHER)
    wait_until(lambda: set(ips(node)) == {banned, other})
    node.ban("192.0.2.1", 60.0)
    wait_until(lambda: set(ips(node)) == {other})
    with suppress(OSError, HandshakeError):
        come(stack, node, ONE)
    node_log.wait_for("peer refused", reason="banned")
    assert set(ips(node)) == {other}


def test_a_connection_of_the_balancer_without_a_header_is_refused(node: Node, node_log: NodeLog) -> None:
    """In one line, for a reason of its own."""
    with suppress(OSError, HandshakeError), BlockingPeer(node.address, PATIENCE_S, BALANCER, first=b"\x22"):
        pass
    record = node_log.wait_for("peer refused", reason="proxy header")
    assert record["remote"].startswith(f"{BALANCER}:")
