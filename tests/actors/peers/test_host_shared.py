"""actors/peers/host_shared.py: what the peers of a host have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from peerage.actors.context import NodeContext
from peerage.actors.names import NodeNames
from peerage.actors.peers.host_shared import HostShared
from peerage.testing import loopback_config
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeKey
from peerage.wire.node_info import NodeInfo
from tests.actors.peers.budgets import plenty
from tests.actors.peers.fake_loop import FakeLoop

CHANNEL, KEY = 0x50, NodeKey.generate()


class Metrics:
    """As MetricsReporter."""

    def __init__(self) -> None:
        self.buffer = self
        self.is_on = True
        self.counted: list[tuple[Any, ...]] = []
        self.gauges: dict[tuple[str, tuple[str, ...]], Callable[[], float]] = {}

    def gauge(self, name: str, labels: tuple[str, ...], read: Callable[[], float]) -> None:
        self.gauges[name, labels] = read

    def inc(self, *what: Any) -> None:
        self.counted.append(what)

    observe = inc


def shared_of(home: Path, metrics: Metrics, loop: FakeLoop) -> HostShared:
    info = NodeInfo(id=KEY.node_id, listen_addr="tcp://127.0.0.1:1", network="test", moniker="m")
    names = NodeNames("n/", ("ONE",), 1)
    channels = (ChannelDescriptor(id=CHANNEL),)
    context = NodeContext(names, loopback_config(home), KEY.public_key, info, channels, {CHANNEL: "ONE"})
    return HostShared.of(context, metrics, loop, plenty(loop))  # type: ignore[arg-type]  # stands in for MetricsReporter


def test_what_is_fed_reaches_every_peer_of_the_host(tmp_path: Path) -> None:
    """On the channels of the node."""
    loop, woken = FakeLoop(), list[str]()
    shared = shared_of(tmp_path, Metrics(), loop)
    peers = [shared.broadcasts.listen([CHANNEL], lambda: woken.append("peer")) for _ in range(2)]
    shared.feed.add([CHANNEL, 0x99], [b"one", b"on a channel of nobody"], {})
    loop.turn()
    assert woken == ["peer", "peer"]
    assert [len(peer.take(CHANNEL, 9)[0]) for peer in peers] == [1, 1]


def test_dropped_messages_are_counted_by_channel(tmp_path: Path) -> None:
    """None is no count."""
    metrics = Metrics()
    shared = shared_of(tmp_path, metrics, FakeLoop())
    shared.count_drops(CHANNEL)
    shared.count_drops(CHANNEL, 0)
    shared.count_drops(CHANNEL, 5)
    assert [count for _name, _labels, count in metrics.counted] == [1, 5]


def test_what_is_held_in_memory_is_a_gauge_by_kind(tmp_path: Path) -> None:
    """Also what is being broadcast, which is kept for all peers together."""
    metrics = Metrics()
    shared = shared_of(tmp_path, metrics, FakeLoop())
    account = shared.budget.open(lambda _held_up: None, lambda _reason: None)
    account.holds(unfinished=1, unsent=20)
    account.waits(300)
    shared.broadcasts.listen([CHANNEL], lambda: None)
    shared.broadcasts.add(CHANNEL, bytes(40_000), 0.0)
    values = {kind: read() for (_name, (kind,)), read in metrics.gauges.items()}
    assert values == {"unfinished": 1, "unsent": 20, "unconsumed": 300, "broadcast": 40_000}


def test_handshakes_are_timed_where_metrics_are_served(tmp_path: Path) -> None:
    """From the call on, by direction; elsewhere nothing stands between."""
    metrics, loop, done = Metrics(), FakeLoop(), list[int]()
    shared = shared_of(tmp_path, metrics, loop)
    for is_outbound in (False, True):
        then = shared.timed(loop, lambda: done.append(len(metrics.counted)), is_outbound=is_outbound)
        loop.time += 0.25
        then()
    assert done == [1, 2]
    assert metrics.counted == [("p2p_handshake_seconds", (way,), 0.25) for way in ("in", "out")]
    metrics.is_on = False

    def plain() -> None: ...

    assert shared.timed(loop, plain, is_outbound=True) is plain
