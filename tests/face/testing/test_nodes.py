"""Whole nodes on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

from peerage import Reactor
from peerage.testing import connected_nodes, wait_until
from tests.face.testing.author import Author


def test_nodes_may_have_different_reactors(tmp_path: Path) -> None:
    """One mapping for each node; settings by section, homes where the test wants them."""
    silent = type("Silent", (Reactor,), {"channels": Author.channels})
    nodes = connected_nodes(
        2, [{"AUTHOR": Author}, {"SILENT": silent}], home=tmp_path, p2p={"send_rate": 1_000_000}
    )
    with nodes as (anna, bert):
        assert [peer.id for peer in anna.peers()] == [bert.node_id]
        assert wait_until(lambda: anna.reactor("AUTHOR").ask("peers")) == [bert.node_id]
        assert anna.config.p2p.send_rate == 1_000_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["node-0", "node-1"]


def test_as_many_mappings_as_nodes() -> None:
    """Otherwise nobody knows to which node they belong."""
    with pytest.raises(ValueError, match="reactors for 1 nodes, and 2 nodes"), connected_nodes(2, [{}]):
        pass
