"""How an actor's counts reach the metrics actor, on a clock of the test's and without actors."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from peerage.actors.metrics.buffer import MetricsDelta
from peerage.actors.metrics.reporter import FIRST_S, INTERVAL_S, MetricsReporter


class FakeRuntime:
    """What a reporter asks of its actor's host."""

    host_name = "peers-0"

    def __init__(self) -> None:
        self.life: int | None = 1  # of the metrics actor
        self.dead_letters = 0
        self.waiting = (0, 0.0)
        self.time = 100.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def call_later(self, delay: float, call: Callable[[], None]) -> None:
        self.timers.append((delay, call))

    def now(self) -> float:
        return self.time

    def waiting_messages(self) -> tuple[int, float]:
        return self.waiting

    def life_of(self, _ref: object) -> int | None:
        return self.life

    def tick(self) -> float:
        """Let the next timer fire. Returns: how long it had been set for."""
        delay, call = self.timers.pop(0)
        call()
        return delay


class FakeMetrics:
    """The ref of the metrics actor."""

    def __init__(self) -> None:
        self.told: list[MetricsDelta] = []

    def tell(self, delta: MetricsDelta, **_options: object) -> None:
        self.told.append(delta)


@pytest.fixture
def runtime() -> FakeRuntime:
    return FakeRuntime()


@pytest.fixture
def metrics() -> FakeMetrics:
    return FakeMetrics()


def reporter_of(
    runtime: Any, metrics: FakeMetrics, *, prometheus: bool = True, **options: Any
) -> MetricsReporter:
    instrumentation = SimpleNamespace(prometheus=prometheus)
    options.setdefault("looks_at_host", False)
    context: Any = SimpleNamespace(
        config=SimpleNamespace(instrumentation=instrumentation), names=SimpleNamespace(metrics=metrics)
    )
    return MetricsReporter(runtime, context, "switch", **options)


def test_reports_soon_after_its_start_and_then_once_a_second(
    runtime: FakeRuntime, metrics: FakeMetrics
) -> None:
    reporter = reporter_of(runtime, metrics)
    reporter.buffer.inc("p2p_dials_total", ("ok",))
    assert runtime.tick() == FIRST_S
    assert [dict(delta.counters) for delta in metrics.told] == [{("p2p_dials_total", ("ok",)): 1}]
    assert runtime.tick() == INTERVAL_S
    assert len(metrics.told) == 1, "nothing has happened since"


def test_gauges_are_read_for_each_report(runtime: FakeRuntime, metrics: FakeMetrics) -> None:
    peers = [3.0]
    reporter_of(runtime, metrics).gauge("p2p_peers", (), lambda: peers[0])
    runtime.tick()
    peers[0] = 4.0
    runtime.tick()
    assert [delta.gauges["p2p_peers", ()] for delta in metrics.told] == [3.0, 4.0]


def test_while_the_metrics_actor_is_away_counts_are_kept_and_its_successor_hears_all(
    runtime: FakeRuntime, metrics: FakeMetrics
) -> None:
    """Gauges too, though they have not changed."""
    reporter = reporter_of(runtime, metrics)
    reporter.gauge("p2p_peers", (), lambda: 3.0)
    runtime.tick()
    runtime.life = None
    reporter.buffer.inc("p2p_dials_total", ("ok",))
    runtime.tick()
    assert len(metrics.told) == 1
    runtime.life = 2
    runtime.tick()
    assert metrics.told[1].counters == {("p2p_dials_total", ("ok",)): 1}
    assert metrics.told[1].gauges == {("p2p_peers", ()): 3.0}


@pytest.mark.parametrize(("speaks", "told"), [(True, [2, 3]), (False, [])])
def test_dead_letters_are_counted_by_one_actor_of_each_process(
    runtime: FakeRuntime, metrics: FakeMetrics, speaks: bool, told: list[int]
) -> None:
    """As they grow."""
    reporter_of(runtime, metrics, counts_dead_letters=speaks)
    for dead in (2, 5, 5):
        runtime.dead_letters = dead
        runtime.tick()
    series = ("actor_dead_letters_total", ("peers-0",))
    assert [delta.counters[series] for delta in metrics.told] == told


def test_nothing_is_kept_where_no_metrics_are_served(runtime: FakeRuntime, metrics: FakeMetrics) -> None:
    reporter = reporter_of(runtime, metrics, prometheus=False)
    reporter.buffer.inc("p2p_dials_total", ("ok",))
    runtime.tick()
    assert metrics.told == []
    assert reporter.buffer.drain() is None


def test_host_that_keeps_up_badly_is_told_of(runtime: FakeRuntime, metrics: FakeMetrics) -> None:
    """How many messages wait, how long the oldest has, and how late the loop is: once a second each."""
    reporter_of(runtime, metrics, looks_at_host=True)
    runtime.time += FIRST_S
    runtime.waiting = (7, 1.5)
    runtime.tick()
    runtime.time += INTERVAL_S + 0.3
    runtime.tick()
    first, second = metrics.told
    host = ("peers-0",)
    assert first.gauges == {
        ("actor_mailbox_messages", host): 7.0,
        ("actor_mailbox_oldest_seconds", host): 1.5,
    }
    assert second.gauges == {}  # they have not changed
    lag = ("actor_loop_lag_seconds", host)
    assert first.histograms[lag].total == pytest.approx(0.0, abs=1e-9)
    assert second.histograms[lag].total == pytest.approx(0.3)


def test_host_is_not_looked_at_where_no_metrics_are_served(
    runtime: FakeRuntime, metrics: FakeMetrics
) -> None:
    """Nor its mailboxes counted."""
    runtime.waiting_messages = None  # type: ignore[method-assign, assignment]
    reporter = reporter_of(runtime, metrics, prometheus=False, looks_at_host=True)
    runtime.tick()
    runtime.tick()
    assert reporter.buffer.drain() is None
