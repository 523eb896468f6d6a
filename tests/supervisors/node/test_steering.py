"""What a program changes at its node while that runs."""

from __future__ import annotations

import pytest

from peerage.actors.discovery.errors import BanSubjectError
from peerage.supervisors.node.node import DialError, Node
from tests.nodes import StartNode, wait_until


def test_a_program_steers_its_node(start_node: StartNode) -> None:
    """Peers are disconnected, removed and banned; what the configuration says counts at once, where it can."""
    node, other = start_node(p2p={"pex": True}), start_node()
    node.dial(other.address, persistent=True, wait=True)
    assert node.remove_persistent_peers([other.node_id.upper()]) == (other.node_id,)
    assert node.disconnect("127.0.0.1") == (other.node_id,)
    wait_until(lambda: not node.peers(), what="it is gone")
    node.ban(other.node_id, 60.0, "by this test")
    with pytest.raises(DialError, match="by this test"):
        node.dial(other.address)
    assert node.unban(other.node_id)
    assert wait_until(lambda: dials(node, other))
    with pytest.raises(ValueError, match="neither a node ID nor an IP address"):
        node.disconnect("nobody")
    with pytest.raises(ValueError, match="no node ID"):
        node.remove_persistent_peers(["nobody"])
    with pytest.raises(BanSubjectError):
        node.ban("nobody")
    done = node.reconfigure(
        node.config.replace(
            moniker="renamed",
            p2p={"persistent_peers": other.address, "max_num_inbound_peers": 0, "max_num_outbound_peers": 3},
        )
    )
    assert [change.name for change in done.applied] == [
        "p2p.persistent_peers",
        "p2p.max_num_inbound_peers",
        "p2p.max_num_outbound_peers",
    ]
    assert ([change.name for change in done.pending], done.silent) == (["moniker"], ())
    assert [peer.id for peer in node.peers()] == [other.node_id]  # whoever is connected stays


def dials(node: Node, other: Node) -> bool:
    try:
        return node.dial(other.address) is not None
    except DialError:  # the peer hosts hear a moment later
        return False
