"""The reactors of a watching node."""

from __future__ import annotations

from pathlib import Path

from peerage import Config, Node
from peerage.watching import CONSENSUS_WATCHER, MEMPOOL_WATCHER, watchers


def test_a_node_takes_them_with_the_channels_of_mempool_and_consensus(tmp_path: Path) -> None:
    """And no others: nobody asks a watcher for blocks or snapshots."""
    found = watchers(2.0)
    assert set(found) == {MEMPOOL_WATCHER, CONSENSUS_WATCHER}
    channels = [channel.id for spec in found.values() for channel in spec[0].channels]
    assert sorted(channels) == [0x20, 0x21, 0x22, 0x23, 0x30]
    Node(Config(home=tmp_path, network="test"), found)  # names and channels fit
