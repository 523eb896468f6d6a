"""Many connections at once, or one after the other."""

from __future__ import annotations

import pytest

from peerage.conformance import connections
from tests.face.conformance.model import Kind, ending, is_caught


def test_an_honest_peer_is_served_beside_silent_ones() -> None:
    """By a node with a thread for each; one that hangs up fails."""
    assert list(is_caught(connections.GROUP, "an honest peer beside 8 connections that say nothing")) == []


def test_a_node_with_two_connections_of_one_id_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model knows no other connections than the one it serves."""
    monkeypatch.setattr(connections, "CONTEST_S", 0.2)
    found = ending(Kind.STRICT, connections.GROUP, "a peer's key once more, while it is connected")
    assert found.wrong == "both connections of one ID are served"


def test_a_peer_that_left_comes_back() -> None:
    """With the same key."""
    assert ending(Kind.STRICT, connections.GROUP, "a peer's key once more, when it has left").wrong == ""
