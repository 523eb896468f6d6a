"""The driver of the real node: it starts, is dialled, dials, and comes back on the same ports."""

from __future__ import annotations

import pytest

from tests.interop.cometnode import set_key
from tests.interop.conftest import StartCometNode, StartGoPeer


def test_real_node_dials_its_persistent_peer_and_again_after_a_kill(
    go_peer: StartGoPeer, comet_node: StartCometNode
) -> None:
    """The node finds its only peer, shows it in net_info, makes blocks, and comes back after SIGKILL."""
    peer = go_peer(network="chain-x", moniker="friend", pex=True)
    node = comet_node(network="chain-x", persistent_peers=[peer.address])
    seen = node.wait_for_peer(peer.id)
    assert seen["node_info"]["moniker"] == "friend"
    assert seen["is_outbound"]
    added = peer.wait_for("peer_added", peer=node.id)
    assert added["node_info"]["network"] == "chain-x"
    node.kill()
    peer.wait_for("peer_removed", peer=node.id)
    node.start()
    peer.wait_for("peer_added", peer=node.id)
    assert node.wait_for_peer(peer.id)


def test_real_node_is_dialled_and_makes_blocks(go_peer: StartGoPeer, comet_node: StartCometNode) -> None:
    """A peer that dials the node shows in its net_info as inbound; the single validator moves on."""
    node = comet_node(network="chain-x", p2p={"pex": False})
    peer = go_peer(network="chain-x", announce=[0x50, 0x30], channels=[{"id": 0x50, "priority": 1}])
    peer.dial(node.address)
    assert not node.wait_for_peer(peer.id)["is_outbound"]
    node.wait_for_height(1)


def test_config_key_is_set_in_its_own_section_only() -> None:
    """Sections share key names; an unknown key is an error, not an addition."""
    text = 'laddr = "top"\n[rpc]\nladdr = "a"\n[p2p]\nladdr = "b"\n'
    assert set_key(text, "p2p", "laddr", "c") == 'laddr = "top"\n[rpc]\nladdr = "a"\n[p2p]\nladdr = "c"\n'
    with pytest.raises(KeyError):
        set_key(text, "p2p", "lader", "c")
