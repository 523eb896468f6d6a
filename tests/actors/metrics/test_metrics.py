"""The metrics actor between its sources and Prometheus."""

import itertools
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from peerage.actors.http.listening import GetAddresses
from peerage.actors.metrics.metrics import GetMetricsStatistics, MetricsActor, MetricsBuffer
from peerage.actors.metrics.settings import MetricsSettings
from peerage.actors.runtime import PROCESS, THREAD, ActorRef, ProcessActor, watch

DIALS = 'cometbft_p2p_dials_total{chain_id="test-chain",outcome="connected"}'
PEERS = 'cometbft_p2p_peers{chain_id="test-chain"}'
_numbers = itertools.count()


class Source(ProcessActor):
    """Counts a dial and sets the number of peers for every number it is sent."""

    def __init__(self, metrics: ActorRef[MetricsActor]) -> None:
        super().__init__()
        self.metrics = metrics

    def on_start(self) -> None:
        self.buffer = MetricsBuffer(self.actor_ref.name)

    def on_receive(self, message: int) -> None:
        self.buffer.inc("p2p_dials_total", ("connected",))
        self.buffer.set("p2p_peers", (), message)
        delta = self.buffer.drain()
        assert delta is not None
        self.metrics.tell(delta)
        self.metrics.ask(GetMetricsStatistics())  # it has taken in what was told before


class Served:
    """A metrics actor and its page."""

    def __init__(self, place: Any) -> None:
        self.number = next(_numbers)
        settings = MetricsSettings("test-chain", listen_addr="127.0.0.1:0")
        self.ref = MetricsActor.options(name=f"metrics-test-{self.number}", place=place).start(settings)
        (address,) = self.ref.ask(GetAddresses())
        self.url = address.replace("tcp://", "http://") + "/metrics"
        self.sources: list[Any] = []

    def start_source(self) -> ActorRef[Source]:
        source = Source.options(name=f"metrics-test-source-{self.number}").start(self.ref)
        self.sources.append(source)
        return source

    def values(self) -> dict[str, float]:
        with urllib.request.urlopen(self.url, timeout=10.0) as answer:
            text = answer.read().decode()
        lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        return {series: float(value) for series, value in lines}

    def wait_until_no_source(self) -> None:
        """The end of a source reaches the metrics actor by another way than the test."""
        deadline = time.monotonic() + 5.0
        while self.ref.ask(GetMetricsStatistics()).sources:
            assert time.monotonic() < deadline
            threading.Event().wait(0.01)

    def stop(self) -> None:
        for ref in [*self.sources, self.ref]:
            if ref.is_alive():
                ref.stop()


@pytest.fixture(params=[THREAD, PROCESS])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    """In the calling process, and in one of its own."""
    served = Served(request.param)
    yield served
    served.stop()


def test_deltas_are_served(served: Served) -> None:
    """What a source tells is what Prometheus reads."""
    source = served.start_source()
    source.ask(5)
    source.ask(7)
    values = served.values()
    assert values[DIALS] == 2.0
    assert values[PEERS] == 7.0


def test_counters_survive_their_source_and_gauges_do_not(served: Served) -> None:
    """A killed process, its successor under the same name, and a clean stop."""
    source = served.start_source()
    source.ask(5)
    down = watch(source)
    source.kill()
    down.wait(20.0)
    served.wait_until_no_source()
    values = served.values()
    assert values[DIALS] == 1.0
    assert PEERS not in values
    successor = served.start_source()
    successor.ask(6)
    assert served.values()[DIALS] == 2.0
    assert served.values()[PEERS] == 6.0
    successor.stop()
    served.wait_until_no_source()
    assert served.values()[DIALS] == 2.0
