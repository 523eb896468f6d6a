"""Metrics over HTTP: what Prometheus reads. The application, without a server and without actors.

One collector for the whole node: prometheus-client's multi-process mode leaves a file per dead process and
knows no custom collectors (design 5).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from peerage.actors.metrics.aggregate import MetricsAggregate, MetricsStatistics
from peerage.actors.metrics.buffer import MetricsDelta, Observations
from peerage.actors.metrics.exposition import chosen_exposition
from peerage.actors.metrics.families import MetricFamily, MetricKind
from peerage.actors.metrics.name_sets import NAME_SETS
from peerage.actors.metrics.peer_labels import most_peers
from peerage.actors.metrics.samples import MetricSamples
from peerage.actors.metrics.settings import MetricsSettings

__all__ = ["SharedAggregate", "metrics_app"]

_UNAVAILABLE: Final = 503


class SharedAggregate(Collector):
    """The aggregate of the metrics actor, locked so that prometheus-client can read it from the server's thread."""

    def __init__(self, settings: MetricsSettings, families: Iterable[MetricFamily]) -> None:
        self._settings = settings
        private = None if settings.hides_private_peers else ()
        self._aggregate = MetricsAggregate(families, private, most_peers(settings.peer_labels))
        self._names = NAME_SETS[settings.metric_names]
        self._lock = threading.Lock()

    def add(self, delta: MetricsDelta) -> None:
        """Take a delta."""
        with self._lock:
            self._aggregate.add(delta, time.monotonic())

    def hide(self, private: Collection[str]) -> None:
        """Set the IDs of private peers."""
        with self._lock:
            self._aggregate.hide(private)

    def source_gone(self, source: str, life: int = 0) -> None:
        """A source ended, in this life; 0: in any."""
        with self._lock:
            self._aggregate.source_gone(source, time.monotonic(), life)

    def expire(self) -> None:
        """Drop the series of peers that left long ago."""
        with self._lock:
            self._aggregate.expire(time.monotonic())

    def statistics(self) -> MetricsStatistics:
        """How much is held."""
        with self._lock:
            return self._aggregate.statistics()

    def describe(self) -> list[Metric]:
        """Return nothing, which saves the registry a collection when this collector is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All metrics. The lock is held only while values are copied, not while they are formatted."""
        with self._lock:
            samples = self._aggregate.collect()
        shown = (own for each in samples if (own := self._names.shown(each)) is not None)
        return (_metric(each, self._settings) for each in shown)


def _metric(samples: MetricSamples, settings: MetricsSettings) -> Metric:
    family = samples.family
    name = f"{settings.namespace}_{family.name}" if settings.namespace else family.name
    labels = ("chain_id", *family.labels)
    if family.kind is MetricKind.HISTOGRAM:
        histogram = HistogramMetricFamily(name, family.help, labels=labels)
        for values, value in samples.values.items():
            assert isinstance(value, Observations)
            histogram.add_metric((settings.chain_id, *values), _buckets(family, value), value.total)
        return histogram
    make = CounterMetricFamily if family.kind is MetricKind.COUNTER else GaugeMetricFamily
    metric = make(name, family.help, labels=labels)
    for values, value in samples.values.items():
        assert not isinstance(value, Observations)
        metric.add_metric((settings.chain_id, *values), value)
    return metric


def _buckets(family: MetricFamily, observed: Observations) -> list[tuple[str, float]]:
    """Each bound as text, with the number of values up to it."""
    bounds = [*map(floatToGoString, family.buckets), "+Inf"]
    counts, below = [], 0
    for count in observed.buckets:
        below += count
        counts.append(float(below))
    return list(zip(bounds, counts, strict=True))


def metrics_app(collector: Collector, max_in_flight: int, *others: Collector) -> ASGIApp:
    """The application that serves the metrics as text, at every path as CometBFT does; Prometheus asks for
    /metrics.

    Args:
        collector: where the metrics come from.
        max_in_flight: how many requests are answered at once; further ones get 503. 0: no limit.
        others: more collectors.
    """
    registry = CollectorRegistry()
    for each in (collector, *others):
        registry.register(each)
    return _Metrics(registry, max_in_flight)


class _Metrics:
    def __init__(self, registry: CollectorRegistry, max_in_flight: int) -> None:
        self._registry = registry
        self._max_in_flight = max_in_flight
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if 0 < self._max_in_flight <= self._in_flight:
            text = f"Limit of concurrent requests reached ({self._max_in_flight}), try again later.\n"
            await PlainTextResponse(text, _UNAVAILABLE)(scope, receive, send)
            return
        self._in_flight += 1  # until the client has read the answer
        try:
            exposition = chosen_exposition(",".join(Headers(scope=scope).getlist("accept")))
            content = exposition.generate(self._registry)
            headers = {"Content-Type": exposition.content_type}
            await Response(content, headers=headers)(scope, receive, send)
        finally:
            self._in_flight -= 1
