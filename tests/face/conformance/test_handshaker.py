"""The handshake from a hostile peer's side."""

from __future__ import annotations

from peerage.conformance.handshaker import Claims
from peerage.wire.keys import node_id_of
from peerage.wire.node_info import NodeInfo, ProtocolVersion
from tests.face.conformance.model import ModelNode


def test_each_step_shows_what_the_node_says() -> None:
    """Its key, its proof and its NodeInfo."""
    with ModelNode() as node, node.visit() as visitor:
        visitor.exchange_keys()
        assert len(visitor.remote_ephemeral) == 32
        visitor.prove()
        assert visitor.their_proof is not None
        assert node_id_of(visitor.their_proof.public_key) == node.key.node_id
        assert visitor.theirs is None
        visitor.introduce()
        assert visitor.has_joined
        assert visitor.theirs == node.info


def test_an_honest_peer_says_what_suits_the_node() -> None:
    """Network, channels and versions are the node's; the address is one that nobody puts into a book."""
    theirs = NodeInfo(
        id="ab" * 20,
        listen_addr="tcp://198.51.100.1:26656",
        network="net",
        version="1.0",
        channels=b"\x20",
        moniker="m",
        protocol_version=ProtocolVersion(p2p=9, block=12, app=3),
    )
    claims = Claims.of(theirs, is_seed=True)
    assert (claims.network, claims.channels, claims.version, claims.is_seed) == ("net", b"\x20", "1.0", True)
    assert claims.protocol_version == theirs.protocol_version
    assert claims.listen_addr == "tcp://0.0.0.0:26656"
