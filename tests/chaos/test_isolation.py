"""A reactor that misbehaves costs the others nothing (issue's row *Isolation*; design 3 and 4)."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from structlog.testing import capture_logs

from peerage import ChannelDescriptor, Envelope, Reactor, WhenFull
from peerage.actors.runtime import System
from tests.chaos.isolation import WINDOW, EchoOnHigh, run
from tests.interop.conftest import StartGoPeer
from tests.nodes import HIGH, LOW, NodeLog, StartNode, node_processes, wait_until

pytestmark = pytest.mark.interop

STILL_S = 6.0
SLACK = 48 * 1024 * 1024  # buffers, and what a message of 1000 bytes costs Python and ZeroMQ besides
CHANNELS = [{"id": HIGH, "priority": 5}, {"id": LOW, "priority": 1}]


@pytest.mark.slow
@pytest.mark.timeout(150)
@pytest.mark.parametrize(
    ("policy", "busy"),
    [(WhenFull.WAIT, False), (WhenFull.WAIT, True), (WhenFull.DROP_NEWEST, False), (WhenFull.SPILL, False)],
    ids=["wait-asleep", "wait-busy", "drop-asleep", "spill-asleep"],
)
def test_reactor_that_stands_still_costs_nobody_else_anything(
    node_system: System, tmp_path: Path, go_version: str, policy: WhenFull, busy: bool
) -> None:
    """A peer sends to it at full rate meanwhile: the policy holds, pings are answered, the connection is the same one,
    memory is bounded, every round trip to the other reactor has its answer.

    (Figures with a stand-still of 150 s: `python -m tests.chaos.isolation`.)
    """
    outcome = run(tmp_path, policy, secs=STILL_S, busy=busy, version=go_version)
    print(outcome, f"ratio {outcome.ratio:.2f}")
    assert outcome.is_same_connection
    assert outcome.pongs >= 2
    assert outcome.unanswered == 0
    assert outcome.sent == outcome.handled + outcome.dropped
    assert outcome.disorder == 0
    assert (outcome.dropped > 0) == (policy is WhenFull.DROP_NEWEST)
    assert outcome.is_same_stream == (policy is not WhenFull.DROP_NEWEST)
    assert outcome.peer_host_growth < WINDOW + SLACK
    assert outcome.reactor_growth < WINDOW + SLACK


class Raising(Reactor):
    """Raises on every message."""

    channels: ClassVar = (ChannelDescriptor(id=LOW, priority=1),)

    def receive(self, envelope: Envelope) -> None:
        raise ValueError(f"I do not like {len(envelope.message)} bytes")


def test_reactor_that_raises_on_every_message_stops_the_peers_that_sent_them(
    start_node: StartNode, node_log: NodeLog, go_peer: StartGoPeer
) -> None:
    """For error, as the protocol says; the reactor itself goes on, and so do the other peers and the other reactor."""
    node = start_node({"ECHO": EchoOnHigh, "RAISING": Raising})
    rude, polite = go_peer(channels=CHANNELS), go_peer(channels=CHANNELS)
    for peer in (rude, polite):
        peer.dial(node.address)
    wait_until(lambda: len(node.peers()) == 2)
    processes = node_processes(node)
    for round_ in range(1, 4):
        rude.flood(node.node_id, LOW, count=100, size=10)
        rude.wait_for("peer_removed", peer=node.node_id)
        found = polite.ping_pong(node.node_id, HIGH, count=20)
        assert found["answered"] == 20
        wait_until(lambda: [each.id for each in node.peers()] == [polite.id])
        assert len(node_log.records("reactor raised, peer stopped")) == round_  # once for a connection
        rude.dial(node.address)
    assert not polite.history("peer_removed")
    assert node_processes(node) == processes


class Leaking(Reactor):
    """Keeps 100 bytes for each that it receives, and never lets go."""

    channels: ClassVar = (ChannelDescriptor(id=LOW, priority=1),)

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[bytes] = []

    def receive(self, envelope: Envelope) -> None:
        self._kept.append(envelope.message * 100)

    def handle(self, message: Any) -> Any:
        return len(self._kept)


@pytest.fixture
def supervised() -> Iterator[list[MutableMapping[str, Any]]]:
    """What this process logs: its supervisors' reports."""
    with capture_logs() as records:
        yield records


def test_reactor_that_leaks_is_restarted_at_its_memory_limit(
    start_node: StartNode, supervised: list[MutableMapping[str, Any]], go_peer: StartGoPeer
) -> None:
    """peerage.reactor_memory_limit: no connection drops, the other reactor notices nothing."""
    limits = {"probe_interval": 0.05, "reactor_memory_limit": 200_000_000}
    node = start_node({"ECHO": EchoOnHigh, "LEAKING": Leaking}, peerage=limits)
    peer = go_peer(channels=CHANNELS)
    peer.dial(node.address)
    (connection,) = [each.info.connection for each in wait_until(node.peers)]
    peer.flood(node.node_id, LOW, count=3000, size=1000)  # 300 MB in its hands, 3 MB in its window
    found = peer.ping_pong(node.node_id, HIGH, count=50, interval_ms=5.0)
    assert found["answered"] == 50
    wait_until(lambda: [each for each in supervised if each["event"] == "child restarted"])
    (killed,) = [each for each in supervised if each["event"] == "child killed"]
    assert killed["child"] == node.names.of("reactor-LEAKING")
    assert "200000000 allowed" in killed["cause"]
    assert node.reactor("LEAKING").ask("how many") < 3000
    assert [each.info.connection for each in node.peers()] == [connection]
    assert not peer.history("peer_removed")
