"""What a node's two actors of the cluster say to each other."""

from __future__ import annotations

import pickle

from peerage.actors.cluster.messages import ClusterStatus, GetClusterStatus


def test_they_travel() -> None:
    """Between processes."""
    for message in (GetClusterStatus(), ClusterStatus(2, "10.0.0.2", is_kept=True)):
        assert pickle.loads(pickle.dumps(message)) == message


def test_without_a_word_of_it_a_node_is_by_itself() -> None:
    """And visits all."""
    status = ClusterStatus()
    assert (status.nodes, status.visits, status.is_level) == (0, 1, False)
