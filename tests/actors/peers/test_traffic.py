"""actors/peers/traffic.py and actors/metrics/reporter.py: counts on their way to the metrics actor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.context import NodeContext
from peerage.actors.metrics.buffer import MetricsDelta
from peerage.actors.metrics.reporter import MetricsReporter
from peerage.actors.names import NodeNames
from peerage.actors.peers.traffic import Traffic
from peerage.actors.runtime import ActorRef, ProcessActor, System
from peerage.testing import Probe, loopback_config, run_actor
from peerage.wire.channel import ChannelDescriptor
from peerage.wire.keys import NodeKey
from peerage.wire.multiplex import MultiplexConnection
from peerage.wire.node_info import NodeInfo
from tests.waiting import wait_until

ANNA, BERT = "a" * 40, "b" * 40
NAMES = NodeNames("traffic/", (), 1)


@pytest.fixture(autouse=True, scope="module")
def system() -> Iterator[None]:
    """Every actor of these tests is gone in the end."""
    yield
    System.current().shutdown()


def context_of(home: Path, *, prometheus: bool) -> NodeContext:
    key = NodeKey.generate()
    info = NodeInfo(id=key.node_id, listen_addr="tcp://127.0.0.1:1", network="test", moniker="m")
    config = loopback_config(home, instrumentation={"prometheus": prometheus})
    return NodeContext(NAMES, config, key.public_key, info, (), {})


class Counter(ProcessActor):
    """Counts as a peer actor does; its reports go out when it is told "report", or every second."""

    def __init__(self, counts_dead_letters: bool = True) -> None:
        super().__init__()
        self._reporter = MetricsReporter(
            self.runtime,
            self.runtime.extra,
            "counter",
            counts_dead_letters=counts_dead_letters,
            looks_at_host=False,
        )
        self._traffic = Traffic(self._reporter)
        self._connection = MultiplexConnection([ChannelDescriptor(id=0x50, send_queue_capacity=9)], now=0.0)

    def on_receive(self, message: Any) -> Any:
        match message:
            case "traffic":
                self._traffic.received(0x50, 10)
                self._traffic.received(0x50, 5)
                self._traffic.received(0x51, 1)
                self._traffic.sent(0x50, 7)
                for _ in range(3):
                    assert self._connection.try_send(0x50, b"waits")
                self._traffic.report(ANNA, self._connection, 1.0)
                self._traffic.report(ANNA, self._connection, 2.0)
            case "round trip":
                self._traffic.round_trip(ANNA, 0.25)
                self._traffic.round_trip(BERT, 0.5)
            case "gone":  # in one turn, since reports go out of themselves between two
                self._traffic.round_trip(ANNA, 0.25)
                self._traffic.gone(ANNA)
            case "dead letter":
                ActorRef.to("traffic/nobody").tell("lost")
            case "is on":
                return self._traffic.is_on
            case "are metrics there":
                return self.runtime.life_of(NAMES.metrics) is not None
            case "report":
                self._reporter.send()
        return None


@pytest.fixture
def metrics() -> Iterator[Probe]:
    """Stands in for the metrics actor."""
    with Probe(NAMES.of("metrics")) as probe:
        yield probe


@pytest.fixture
def counter(tmp_path: Path, metrics: Probe) -> Iterator[ActorRef[Counter]]:
    with run_actor(Counter, extra=context_of(tmp_path, prometheus=True)) as ref:
        yield ref


def test_bytes_are_counted_by_peer_and_channel_once(counter: ActorRef[Counter], metrics: Probe) -> None:
    """What was reported is not reported again; what waits is a gauge."""
    counter.tell("traffic")
    counter.tell("report")
    delta = metrics.expect(MetricsDelta)
    assert delta.counters == {
        ("p2p_peer_receive_bytes_total", (ANNA, "0x50")): 15,
        ("p2p_peer_receive_bytes_total", (ANNA, "0x51")): 1,
        ("p2p_peer_send_bytes_total", (ANNA, "0x50")): 7,
    }
    assert delta.gauges == {("p2p_peer_pending_send_bytes", (ANNA,)): 3.0}


def test_round_trips_are_told_for_each_peer_and_for_all(counter: ActorRef[Counter], metrics: Probe) -> None:
    """A gauge each, and a histogram."""
    counter.tell("round trip")
    counter.tell("report")
    delta = metrics.expect(MetricsDelta)
    assert delta.gauges == {
        ("p2p_peer_round_trip_seconds", (ANNA,)): 0.25,
        ("p2p_peer_round_trip_seconds", (BERT,)): 0.5,
    }
    (observed,) = delta.histograms.values()
    assert (sum(observed.buckets), observed.total) == (2, 0.75)


def test_a_peer_that_left_is_told(counter: ActorRef[Counter], metrics: Probe) -> None:
    """Its gauges are no more."""
    counter.tell("gone")
    counter.tell("report")
    delta = metrics.expect(MetricsDelta)
    assert delta.gone_peers == {ANNA}
    assert ("p2p_peer_round_trip_seconds", (ANNA,)) not in delta.gauges


def test_reports_go_out_every_second_and_only_when_there_is_something(
    counter: ActorRef[Counter], metrics: Probe
) -> None:
    """Without being told to."""
    counter.tell("round trip")
    metrics.expect(MetricsDelta, timeout=5.0)
    counter.tell("report")
    metrics.expect_nothing(0.05)


def test_dead_letters_of_the_process_are_told_by_one_of_its_actors(tmp_path: Path, metrics: Probe) -> None:
    """The others keep silent, or they would be counted twice."""
    context = context_of(tmp_path, prometheus=True)
    with run_actor(Counter, extra=context) as speaks:
        speaks.tell("dead letter")
        speaks.tell("report")
        (series,) = metrics.expect(MetricsDelta).counters
        assert series[0] == "actor_dead_letters_total"
        assert speaks.ask("is on", timeout=10.0)
    with run_actor(Counter, False, extra=context) as keeps_silent:
        keeps_silent.tell("dead letter")
        keeps_silent.tell("report")
        metrics.expect_nothing(0.05)


def test_nothing_is_sent_where_no_metrics_are_served(tmp_path: Path, metrics: Probe) -> None:
    """And nothing heaps up: what was counted is forgotten."""
    with run_actor(Counter, extra=context_of(tmp_path, prometheus=False)) as ref:
        assert not ref.ask("is on", timeout=10.0)
        ref.tell("round trip")
        ref.tell("report")
        metrics.expect_nothing(0.05)


def test_restarted_metrics_actor_is_told_all_gauges_and_what_it_missed(tmp_path: Path) -> None:
    """While it is away counts are kept; nobody has to tell it, the life of its host does."""
    with run_actor(Counter, extra=context_of(tmp_path, prometheus=True)) as counter:
        with Probe(NAMES.of("metrics")) as metrics:
            counter.tell("round trip")
            counter.tell("report")
            before = metrics.expect(MetricsDelta)
        wait_until(lambda: not counter.ask("are metrics there"))  # its host hears of the end a moment later
        counter.tell("traffic")
        counter.ask("report")
        with Probe(NAMES.of("metrics")) as metrics:
            counter.tell("report")
            after = metrics.expect(MetricsDelta, timeout=5.0)
    assert after.gauges == before.gauges | {("p2p_peer_pending_send_bytes", (ANNA,)): 3.0}
    assert after.counters[("p2p_peer_send_bytes_total", (ANNA, "0x50"))] == 7
    assert after.life == before.life
