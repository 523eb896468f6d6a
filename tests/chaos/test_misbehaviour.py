"""A node keeps out who breaks rules again and again, whatever is restarted, and lets in who is forgiven (decision 0045)."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from peerage.actors.book_client import BookClient
from peerage.actors.discovery.book.misbehaviour import Misbehaviour
from peerage.actors.peers.handshake import HandshakeRefusedError
from peerage.supervisors.node.node import Node
from peerage.wire.frames import FRAME_SEALED
from peerage.wire.keys import NodeKey
from tests.bench.blocking_peer import BlockingPeer
from tests.nodes import NodeLog, StartNode, wait_until

PATIENCE_S = 60.0
BEFORE_A_BAN = 6  # forged frames of twenty points each, which have decayed a little by the last one


class ForgingPeer(BlockingPeer):
    """Sends a sealed frame that nobody can open."""

    def forge(self) -> None:
        """And wait until the node has hung up."""
        self._sock.settimeout(PATIENCE_S)
        with contextlib.suppress(ConnectionResetError):
            self._sock.sendall(bytes(FRAME_SEALED))
            while self._sock.recv(65536):
                pass


def is_let_in(node: Node, key: NodeKey) -> bool:
    """Whether a handshake with this key succeeds."""
    try:
        with BlockingPeer(node.address, PATIENCE_S, key=key):
            return True
    except (HandshakeRefusedError, OSError):
        return False


@pytest.mark.timeout(180)
def test_who_forges_frames_again_and_again_is_kept_out_until_it_is_forgiven(
    start_node: StartNode, node_log: NodeLog, tmp_path: Path
) -> None:
    """An honest peer at the same address is not."""
    key, honest = NodeKey.generate(), NodeKey.generate()
    node = start_node(home=tmp_path / "kept")
    for _ in range(BEFORE_A_BAN):
        with ForgingPeer(node.address, PATIENCE_S, key=key) as rude:
            rude.forge()
    banned = node_log.wait_for("peer banned", peer=key.node_id)
    assert (banned["reason"], banned["seconds"]) == ("forged frame", 600.0)
    wait_until(lambda: not is_let_in(node, key))
    assert is_let_in(node, honest)
    node.stop()
    node.start()
    assert not is_let_in(node, key)
    assert is_let_in(node, honest)
    book = BookClient(node.names.addrbook)
    assert [each.subject for each in book.call(Misbehaviour.offenders)] == [key.node_id]
    assert book.call(Misbehaviour.forgive, key.node_id)
    wait_until(lambda: is_let_in(node, key))
    assert book.call(Misbehaviour.offenders) == ()
