"""The metrics of an actor system for prometheus-client, by class of actor: for programs that run actors and no node.

measure_actors()
prometheus_client.REGISTRY.register(ActorCollector())
prometheus_client.start_http_server(8000)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from peerage.actors.runtime import System
from peerage.actors.runtime.metrics import BUCKETS, SystemMetrics

__all__ = ["ActorCollector"]

LABELS = ("actor_class",)


class ActorCollector(Collector):
    """Asks the system whenever it is read; a system that has not been made, or has ended, has no metrics.

    Args: read, of the metrics; by default of the system that runs in this process.
    """

    def __init__(self, read: Callable[[], SystemMetrics | None] | None = None) -> None:
        self._read = read or _of_this_process

    def describe(self) -> list[Metric]:
        """Nothing is asked when it is registered: that would start a system."""
        return []

    def collect(self) -> Iterator[Metric]:
        metrics = self._read()
        if metrics is None:
            return
        yield GaugeMetricFamily("peerage_actor_hosts", "Hosts of actors that live.", metrics.hosts)
        yield GaugeMetricFamily(
            "peerage_actor_hosts_silent", "Hosts that did not answer in time.", metrics.silent
        )
        yield GaugeMetricFamily(
            "peerage_actor_dead_letters",
            "Tells that were not delivered, of all processes that are alive.",
            metrics.dead_letters,
        )
        yield from _gauges(metrics)
        if metrics.is_measured:
            yield from _counts(metrics)


def _of_this_process() -> SystemMetrics | None:
    return System.current().metrics() if System.is_running() else None


def _gauges(metrics: SystemMetrics) -> Iterator[Metric]:
    actors = GaugeMetricFamily("peerage_actor_actors", "Actors that live.", labels=LABELS)
    waiting = GaugeMetricFamily(
        "peerage_actor_mailbox_messages", "Messages that wait in mailboxes.", labels=LABELS
    )
    size = GaugeMetricFamily("peerage_actor_mailbox_bytes", "Their size.", labels=LABELS)
    oldest = GaugeMetricFamily(
        "peerage_actor_mailbox_oldest_seconds", "How long the oldest of them has waited.", labels=LABELS
    )
    for row in metrics.classes:
        label = (row.actor_class,)
        actors.add_metric(label, row.actors)
        waiting.add_metric(label, row.mailbox)
        size.add_metric(label, row.mailbox_bytes)
        oldest.add_metric(label, row.oldest_age)
    yield from (actors, waiting, size, oldest)


def _counts(metrics: SystemMetrics) -> Iterator[Metric]:
    failed = CounterMetricFamily(
        "peerage_actor_messages_failed", "Messages whose handler raised.", labels=LABELS
    )
    seconds = HistogramMetricFamily(
        "peerage_actor_handler_seconds",
        "Messages that were handled, by the time it took; waiting for answers counts.",
        labels=LABELS,
    )
    bounds = [*map(str, BUCKETS), "+Inf"]
    for row in metrics.classes:
        label, handled = (row.actor_class,), row.handled
        failed.add_metric(label, handled.failed)
        buckets = list(zip(bounds, accumulate(handled.buckets), strict=True))
        seconds.add_metric(label, buckets, handled.seconds)
    yield from (failed, seconds)
