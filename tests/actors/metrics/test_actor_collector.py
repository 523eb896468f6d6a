"""The metrics of an actor system as prometheus-client sees them. With actors: tests/actors/runtime/test_metrics.py."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from peerage.actors.metrics.actor_collector import ActorCollector
from peerage.actors.runtime.host.handler_times import NOTHING, Handled
from peerage.actors.runtime.metrics import ClassMetrics, SystemMetrics

HANDLED = Handled(3, 1, 0.25, (2, 0, 1, *NOTHING.buckets[3:]))
METRICS = SystemMetrics(2, 1, 5, True, (ClassMetrics("m:A", 1, 4, 100, 1.5, HANDLED),))


def registry_of(metrics: SystemMetrics | None) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(ActorCollector(lambda: metrics))
    return registry


def test_each_class_has_its_samples() -> None:
    """Buckets add up, as Prometheus wants them."""
    registry, label = registry_of(METRICS), {"actor_class": "m:A"}
    assert registry.get_sample_value("peerage_actor_hosts_silent") == 1
    assert registry.get_sample_value("peerage_actor_dead_letters") == 5
    assert registry.get_sample_value("peerage_actor_mailbox_messages", label) == 4
    assert registry.get_sample_value("peerage_actor_mailbox_bytes", label) == 100
    assert registry.get_sample_value("peerage_actor_mailbox_oldest_seconds", label) == 1.5
    assert registry.get_sample_value("peerage_actor_messages_failed_total", label) == 1
    assert registry.get_sample_value("peerage_actor_handler_seconds_sum", label) == 0.25
    buckets = [
        registry.get_sample_value("peerage_actor_handler_seconds_bucket", {**label, "le": le})
        for le in ("0.0001", "0.0005", "0.001", "+Inf")
    ]
    assert buckets == [2, 2, 3, 3]


def test_what_is_not_measured_is_not_told() -> None:
    """Zeros would look like actors that do nothing; and a system that is not there has nothing to tell."""
    unmeasured = SystemMetrics(1, 0, 0, False, METRICS.classes)
    registry = registry_of(unmeasured)
    assert registry.get_sample_value("peerage_actor_actors", {"actor_class": "m:A"}) == 1
    assert registry.get_sample_value("peerage_actor_handler_seconds_count", {"actor_class": "m:A"}) is None
    assert list(registry_of(None).collect()) == []
