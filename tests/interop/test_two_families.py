"""CometBFT's peers at a second listener, of the other IP family."""

from __future__ import annotations

import socket

import pytest

from tests.interop.conftest import StartGoPeer
from tests.nodes import StartNode, wait_until


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_real_peers_hear_the_address_of_their_family(start_node: StartNode, go_peer: StartGoPeer) -> None:
    """One comes in over IPv6, one over IPv4, and one is dialled over IPv6."""
    node = start_node(peerage={"listen_also": "tcp://[::1]:0"})
    of_ipv4, of_ipv6 = node.addresses
    first, second, dialled = go_peer(), go_peer(), go_peer(listen="[::1]:0")
    first.dial(of_ipv6)
    second.dial(of_ipv4)
    node.dial(dialled.address)
    wait_until(lambda: {peer.id for peer in node.peers()} == {first.id, second.id, dialled.id})
    for peer, told in ((first, of_ipv6), (second, of_ipv4), (dialled, of_ipv6)):
        info = peer.wait_for("peer_added")["node_info"]
        assert info["listen_addr"].removeprefix("tcp://") == told.partition("@")[2]
