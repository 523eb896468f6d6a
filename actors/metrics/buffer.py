"""The metrics that an actor collects between two reports. Every process imports this, so it does not import Prometheus."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from peerage.actors.metrics.families import FAMILIES, MetricFamily, MetricKind, families_by_name

__all__ = ["Labels", "MetricsBuffer", "MetricsDelta", "Observations", "Series", "UnknownMetricError"]

Labels = tuple[str, ...]
Series = tuple[str, Labels]  # name of the family, values of its labels in the family's order

RESEND_EVERY: Final = 30  # drains; then all gauges are sent, in case a delta was lost


class UnknownMetricError(Exception):
    """No declared metric has this name, kind and number of labels: a mistake of the caller."""

    def __init__(self, name: str, kind: MetricKind, labels: Labels) -> None:
        super().__init__(name, kind, labels)
        self.name, self.kind, self.labels = name, kind, labels

    def __str__(self) -> str:
        return f"there is no {self.kind.value} {self.name!r} with {len(self.labels)} label(s)"


@dataclass(frozen=True, slots=True)
class Observations:
    """The values that a histogram got: how many per bucket (the last one has no bound), and their sum."""

    buckets: tuple[int, ...]
    total: float


@dataclass(frozen=True, slots=True)
class MetricsDelta:
    """What happened at one source since its last delta.

    Args:
        source: the actor's name, which its successor after a restart shares.
        counters: by how much each grew.
        gauges: current values; None: removed. Gauges that are not named are unchanged.
        histograms: what was observed.
        gone_peers: IDs of peers that left; their gauges are dropped, whichever source set them.
        life: tells an actor from its predecessors of the same name; it grows. 0: it has none.
        families: metrics of its own that it has beside those of every node; now and then, not in each delta.
    """

    source: str
    counters: Mapping[Series, float] = field(default_factory=dict)
    gauges: Mapping[Series, float | None] = field(default_factory=dict)
    histograms: Mapping[Series, Observations] = field(default_factory=dict)
    gone_peers: frozenset[str] = frozenset()
    life: int = field(default=0, compare=False)
    families: tuple[MetricFamily, ...] = ()


class MetricsBuffer:
    """Collects the metrics of one actor. Not thread-safe.

    Every second and at its end, the actor sends the result of `drain` to the metrics actor. If a delta does not arrive,
    because the metrics actor is restarting, its counts are lost; gauges are sent in full from time to time.
    """

    def __init__(self, source: str, families: Iterable[MetricFamily] = FAMILIES) -> None:
        self._source = source
        self._families = families_by_name(families)
        self._declared: tuple[MetricFamily, ...] = ()
        self._declares = False  # with the next delta
        self._counters: dict[Series, float] = {}
        self._gauges: dict[Series, float] = {}
        self._changed: dict[Series, float | None] = {}
        self._histograms: dict[Series, tuple[list[int], list[float]]] = {}
        self._gone: set[str] = set()
        self._drains = 0
        self._life = time.monotonic_ns()  # the same clock in all processes of the machine

    def declare(self, families: Iterable[MetricFamily]) -> None:
        """Have metrics of its own. Raises: ValueError, a name is taken."""
        self._declared = tuple(families)
        self._families = families_by_name((*self._families.values(), *self._declared))
        self._declares = bool(self._declared)

    def inc(self, name: str, labels: Labels = (), n: float = 1) -> None:
        """Add `n` to a counter. Raises: UnknownMetricError; ValueError, `n` is negative."""
        if n < 0:
            raise ValueError(f"counter {name} cannot shrink by {-n}")
        series = (name, labels)
        try:
            self._counters[series] += n
        except KeyError:
            self._check(series, MetricKind.COUNTER)
            self._counters[series] = n

    def set(self, name: str, labels: Labels, value: float) -> None:
        """Set a gauge. Raises: UnknownMetricError."""
        series = (name, labels)
        if self._gauges.get(series) != value:
            self._check(series, MetricKind.GAUGE)
            self._gauges[series] = value
            self._changed[series] = value

    def remove(self, name: str, labels: Labels) -> None:
        """Remove a gauge, if it is set."""
        if self._gauges.pop((name, labels), None) is not None:
            self._changed[name, labels] = None

    def observe(self, name: str, labels: Labels, value: float) -> None:
        """Add a value to a histogram. Raises: UnknownMetricError."""
        series = (name, labels)
        family = self._check(series, MetricKind.HISTOGRAM)
        counts, total = self._histograms.setdefault(series, ([0] * (len(family.buckets) + 1), [0.0]))
        counts[bisect_left(family.buckets, value)] += 1
        total[0] += value

    def peer_gone(self, peer_id: str) -> None:
        """A peer left: drop its gauges, here and in the metrics actor. Its counters can be read for a while longer."""
        self._gone.add(peer_id)
        for series in [series for series in self._gauges if self._names_peer(series, peer_id)]:
            del self._gauges[series]
            self._changed.pop(series, None)

    def remove_peer(self, peer_id: str) -> None:
        """Remove the gauges that this source has about a peer; those of other sources stay."""
        for name, labels in [series for series in self._gauges if self._names_peer(series, peer_id)]:
            self.remove(name, labels)

    def resend(self) -> None:
        """Put every gauge into the next delta, because the receiver of the earlier ones was restarted."""
        self._changed |= self._gauges
        self._declares = bool(self._declared)

    def drain(self) -> MetricsDelta | None:
        """What to send now, or None if nothing happened."""
        self._drains += 1
        gauges = dict(self._changed)
        if self._drains % RESEND_EVERY == 0:
            gauges |= self._gauges
            self._declares = bool(self._declared)
        if not (self._counters or gauges or self._histograms or self._gone or self._declares):
            return None
        histograms = {
            series: Observations(tuple(counts), total[0])
            for series, (counts, total) in self._histograms.items()
        }
        declared = self._declared if self._declares else ()
        delta = MetricsDelta(
            self._source, self._counters, gauges, histograms, frozenset(self._gone), self._life, declared
        )
        self._declares = False
        self._counters = {}
        self._changed.clear()
        self._histograms.clear()
        self._gone.clear()
        return delta

    def _check(self, series: Series, kind: MetricKind) -> MetricFamily:
        name, labels = series
        family = self._families.get(name)
        if family is None or family.kind is not kind or len(family.labels) != len(labels):
            raise UnknownMetricError(name, kind, labels)
        return family

    def _names_peer(self, series: Series, peer_id: str) -> bool:
        name, labels = series
        index = self._families[name].peer_index
        return index is not None and labels[index] == peer_id
