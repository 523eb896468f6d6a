"""SIGTERM of `peerage start`: exit code 0 within 5 s, and every message that was accepted has been sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.started_node import StartedNode, make_home
from tests.interop.burst import CHANNEL, COMMANDS, QUEUE, SIZE
from tests.interop.conftest import StartGoPeer
from tests.nodes import wait_until

STOP_LIMIT_S = 5.0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home made by `peerage init`."""
    made = tmp_path / "home"
    make_home(made)
    return made


@pytest.fixture
def send_rate() -> str:
    """Slow, so that a stop finds much that is still to be sent."""
    return "1000000"


@pytest.fixture
def node(home: Path, send_rate: str) -> Iterator[StartedNode]:
    """A node that may send so fast."""
    with StartedNode(home, p2p__send_rate=send_rate, reactor="BURST=tests.interop.burst:Burst") as running:
        yield running


def test_burst_that_was_accepted_just_before_sigterm_is_sent(
    node: StartedNode, home: Path, go_peer: StartGoPeer
) -> None:
    """A full queue of 2 MB at 1 MB/s: the node takes the two seconds, and then it ends."""
    peer = go_peer()
    peer.dial(node.address)
    peer.send(node.node_id, COMMANDS, b"burst")
    wait_until((home / "burst").exists)
    code, seconds = node.stop()
    assert code == 0
    assert seconds < STOP_LIMIT_S
    accepted = int((home / "accepted").read_text())
    assert accepted >= QUEUE
    tally = peer.tally(node.node_id, CHANNEL)
    assert (tally.received, tally.in_pattern, tally.disorder) == (accepted, accepted, 0)
    assert tally.received_bytes == accepted * SIZE


@pytest.mark.parametrize("send_rate", ["1000000", "0"])
def test_echoes_that_were_accepted_during_sigterm_are_sent(
    node: StartedNode, home: Path, go_peer: StartGoPeer
) -> None:
    """The peer goes on sending at full rate while the node stops: what it does not read harms nothing."""
    peer = go_peer()
    peer.dial(node.address)
    peer.flood(node.node_id, CHANNEL, secs=30.0, size=SIZE)
    assert peer.expect(node.node_id, CHANNEL, QUEUE)
    code, seconds = node.stop()
    assert code == 0
    assert seconds < STOP_LIMIT_S
    peer.wait_for("peer_removed", peer=node.node_id)
    accepted = int((home / "accepted").read_text())
    tally = peer.tally(node.node_id, CHANNEL)
    assert (tally.received, tally.mismatched, tally.disorder) == (accepted, 0, 0)


def test_node_without_peers_stops_in_time(node: StartedNode) -> None:
    """There is nothing to wait for."""
    code, seconds = node.stop()
    assert (code, seconds < STOP_LIMIT_S) == (0, True)
