"""Peers that are given by a name with several addresses, at one of which they are."""

from __future__ import annotations

import socket
from typing import Any

from tests.nodes import StartNode, wait_until

NAME = "two-addresses.invalid"
_system = socket.getaddrinfo


def _getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
    """A name server that knows one more name."""
    if host != NAME:
        return _system(host, port, *args, **options)
    return [_system(ip, port, *args, **options)[0] for ip in ("127.0.0.2", "127.0.0.1")]


# The processes of the nodes are forked from one that has imported this module.
socket.getaddrinfo = _getaddrinfo


def test_a_persistent_peer_is_found_at_the_second_address_of_its_name(start_node: StartNode) -> None:
    """By the first dial: nobody is at the first address, and there is no second dial for a while."""
    there = start_node()
    port = there.address.rpartition(":")[2]
    here = start_node(p2p={"persistent_peers": f"{there.node_id}@{NAME}:{port}"})
    wait_until(lambda: [peer.id for peer in here.peers()] == [there.node_id])
    (peer,) = here.peers()
    assert peer.socket_address == f"127.0.0.1:{port}"
