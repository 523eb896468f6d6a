"""All metrics of a node in one place. They outlive the processes they came from.

Counters and histograms add up what arrives, so they do not shrink when a source dies. Gauges belong to their source and end
with it. The number of series is bounded, per peer and per metric, because remotes choose some of the labels.
"""

from __future__ import annotations

import math
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from peerage.actors.metrics.buffer import Labels, MetricsDelta, Observations, Series
from peerage.actors.metrics.declared import DeclaredFamilies
from peerage.actors.metrics.families import FAMILIES, MetricFamily, MetricKind
from peerage.actors.metrics.peer_labels import MOST_PEERS, PeerSlots
from peerage.actors.metrics.samples import MetricSamples

__all__ = ["MetricsAggregate", "MetricsStatistics"]

PEER_LINGER_S: Final = 60.0  # so that one more scrape sees what a peer has done at last
MAX_PEERS: Final = MOST_PEERS
MAX_SERIES: Final = (
    500  # of a metric without peer_id, and gauges of a source; beyond, series are folded into OTHER
)
MAX_SERIES_PER_PEER: Final = 64  # of counters: CometBFT allows 16 channels, each has two
OTHER: Final = "other"


@dataclass(frozen=True, slots=True)
class MetricsStatistics:
    """How much is held. `ignored` counts values that fit no declared metric, or are not numbers that can be added."""

    peers: int
    series: int
    sources: int
    ignored: int


class _Peer:
    """The series of one peer ID."""

    __slots__ = ("counters", "gauges", "last_seen")

    def __init__(self) -> None:
        self.counters: set[Series] = set()
        # with their source; while there are any, the peer is connected
        self.gauges: set[tuple[str, Series]] = set()
        self.last_seen = 0.0


class MetricsAggregate:
    """Takes deltas, gives samples. Not thread-safe. Times are passed in, as seconds of any steady clock.

    Args:
        private: IDs of peers that nobody is told of: they get no series of their own and only count in the totals. None:
            they are not known yet, and no peer gets a series until `hide` names them.
        most_peers: how many peers get series of their own. All others together are OTHER, and have no gauges.
    """

    def __init__(
        self,
        families: Iterable[MetricFamily] = FAMILIES,
        private: Collection[str] | None = (),
        most_peers: int = MOST_PEERS,
    ) -> None:
        self._private = private
        self._slots = PeerSlots(most_peers)
        self._declared = DeclaredFamilies(families)
        self._families = self._declared.known
        self._counters: dict[str, dict[Labels, float]] = defaultdict(dict)  # by family
        self._histograms: dict[str, dict[Labels, Observations]] = defaultdict(dict)
        self._gauges: dict[str, dict[Series, float]] = {}  # by source
        self._lives: dict[str, int] = {}  # source → the life of it that set these gauges
        self._peers: OrderedDict[str, _Peer] = OrderedDict()  # ordered by when they were last seen
        self._ignored = 0

    def add(self, delta: MetricsDelta, now: float) -> None:
        """Take a delta. Values that fit no declared metric are counted as ignored; no error is raised."""
        if delta.families:
            self._ignored += self._declared.declare(delta.source, delta.families)
        for peer_id in delta.gone_peers:  # first: a peer that came back has new gauges in the same delta
            self._release_peer(peer_id, now)
        for series, amount in delta.counters.items():
            self._add_counter(series, amount, now)
        for series, observed in delta.histograms.items():
            self._add_histogram(series, observed)
        if self._is_of_the_living(delta, now):
            for series, value in delta.gauges.items():
                self._set_gauge(delta.source, series, value, now)

    def hide(self, private: Collection[str]) -> None:
        """Set the IDs of private peers. Earlier ones that are not among them are private no more."""
        self._private = private
        for peer_id in private:
            self._slots.leave(peer_id)

    def source_gone(self, source: str, now: float, life: int = 0) -> None:
        """A source ended: drop its gauges, keep its counters.

        Args: life, which one ended; the gauges of a successor stay. 0: any.
        """
        if life and self._lives.get(source, life) != life:
            return
        self._lives.pop(source, None)
        self._declared.source_gone(source, now)
        for series in list(self._gauges.get(source, ())):
            self._drop_gauge(source, series, now)

    def expire(self, now: float) -> None:
        """Drop the series of peers that left `PEER_LINGER_S` ago, or must give way. To be called from time to time."""
        overdue: list[str] = []
        for peer_id, peer in self._peers.items():
            if peer.last_seen + PEER_LINGER_S > now:
                break  # the others were seen later
            if not peer.gauges:
                overdue.append(peer_id)
        for peer_id in (*overdue, *self._slots.review(now)):
            self._drop_peer(peer_id, now)
        for name in self._declared.expire(now):
            self._counters.pop(name, None)
            self._histograms.pop(name, None)

    def collect(self) -> list[MetricSamples]:
        """A copy of all metrics in the order of their declaration, including those without a value."""
        gauges: dict[str, dict[Labels, float]] = {}
        for held in self._gauges.values():
            for (name, labels), value in held.items():
                values = gauges.setdefault(name, {})
                values[labels] = values.get(labels, 0.0) + value
        return [
            MetricSamples(family, self._shown(family, self._values(family, gauges)))
            for family in self._families.values()
        ]

    def statistics(self) -> MetricsStatistics:
        """How much is held now."""
        series = sum(len(values) for values in self._counters.values())
        series += sum(len(values) for values in self._histograms.values())
        series += sum(len(held) for held in self._gauges.values())
        return MetricsStatistics(len(self._peers), series, len(self._gauges), self._ignored)

    def _is_of_the_living(self, delta: MetricsDelta, now: float) -> bool:
        """Whether these gauges are current. The first delta of a successor drops its predecessor's gauges, and a delta of
        the predecessor that arrives later is out of date.
        """
        known = self._lives.get(delta.source, 0)
        if not delta.life or delta.life == known:
            return True
        if delta.life < known:
            return False
        if known:
            self.source_gone(delta.source, now)
        self._lives[delta.source] = delta.life
        return True

    def _values(
        self, family: MetricFamily, gauges: Mapping[str, Mapping[Labels, float]]
    ) -> Mapping[Labels, float | Observations]:
        match family.kind:
            case MetricKind.GAUGE:
                return gauges.get(family.name, {})
            case MetricKind.HISTOGRAM:
                return dict(self._histograms[family.name])
            case MetricKind.COUNTER:
                return dict(self._counters[family.name])

    def _shown(
        self, family: MetricFamily, values: Mapping[Labels, float | Observations]
    ) -> Mapping[Labels, float | Observations]:
        """All values except those of private peers: strangers may be able to read the metrics."""
        index = family.peer_index
        if index is None or (self._private is not None and not self._private):
            return values
        if self._private is None:
            return {}
        return {labels: value for labels, value in values.items() if labels[index] not in self._private}

    def _add_counter(self, series: Series, amount: float, now: float) -> None:
        family = self._family(series, MetricKind.COUNTER)
        if family is None or not (math.isfinite(amount) and amount >= 0):
            self._ignored += 1
            return
        values = self._counters[family.name]
        labels = self._placed(family, series[1], amount)
        if (peer := self._peer_of(family, labels, now)) is not None:
            if labels not in values and len(peer.counters) >= MAX_SERIES_PER_PEER:
                labels = _fold(family, labels)
            peer.counters.add((family.name, labels))
        elif family.peer_index is None and labels not in values and len(values) >= MAX_SERIES:
            labels = _fold(family, labels)
        values[labels] = values.get(labels, 0) + amount

    def _add_histogram(self, series: Series, observed: Observations) -> None:
        family = self._family(series, MetricKind.HISTOGRAM)
        if family is None or len(observed.buckets) != len(family.buckets) + 1:
            self._ignored += 1
            return
        values = self._histograms[family.name]
        labels = series[1]
        if labels not in values and len(values) >= MAX_SERIES:
            labels = _fold(family, labels)
        before = values.get(labels)
        if before is not None:
            counts = tuple(map(sum, zip(before.buckets, observed.buckets, strict=True)))
            observed = Observations(counts, before.total + observed.total)
        values[labels] = observed

    def _set_gauge(self, source: str, series: Series, value: float | None, now: float) -> None:
        family = self._family(series, MetricKind.GAUGE)
        if family is None:
            self._ignored += 1
        elif value is None:
            self._drop_gauge(source, series, now)
        elif self._placed(family, series[1]) == series[1]:  # what others of its kind have does not add up
            held = self._gauges.setdefault(source, {})
            if (peer := self._peer_of(family, series[1], now)) is not None:
                peer.gauges.add((source, series))
            elif series not in held and len(held) >= MAX_SERIES:
                series = (family.name, _fold(family, series[1]))
            # Making room for that peer may have dropped the last gauge of this source, and the source with
            # it.
            self._gauges.setdefault(source, held)[series] = value

    def _placed(self, family: MetricFamily, labels: Labels, carried: float = 0.0) -> Labels:
        """The labels with the peer's ID, or with OTHER for one that has no series of its own. Private peers have, unseen."""
        index = family.peer_index
        if index is None or (self._private and labels[index] in self._private):
            return labels
        self._slots.count(labels[index], carried)
        return labels if self._slots.has(labels[index]) else (*labels[:index], OTHER, *labels[index + 1 :])

    def _family(self, series: Series, kind: MetricKind) -> MetricFamily | None:
        family = self._families.get(series[0])
        if family is None or family.kind is not kind or len(family.labels) != len(series[1]):
            return None
        return family

    def _peer_of(self, family: MetricFamily, labels: Labels, now: float) -> _Peer | None:
        """The peer that these labels name, marked as just seen; None if the metric has no peer label."""
        index = family.peer_index
        if index is None:
            return None
        peer_id = labels[index]
        if peer_id == OTHER:
            return None
        peer = self._peers.get(peer_id)
        if peer is None:
            while len(self._peers) >= MAX_PEERS:
                self._drop_peer(next(iter(self._peers)), now)
            peer = self._peers[peer_id] = _Peer()
        peer.last_seen = now
        self._peers.move_to_end(peer_id)
        return peer

    def _drop_gauge(self, source: str, series: Series, now: float) -> None:
        held = self._gauges.get(source, {})
        if held.pop(series, None) is None:
            return
        if not held:
            del self._gauges[source]
        peer = self._peer_of(self._families[series[0]], series[1], now)
        if peer is not None:
            peer.gauges.discard((source, series))

    def _release_peer(self, peer_id: str, now: float) -> None:
        peer = self._peers.get(peer_id)
        for source, series in list(peer.gauges) if peer is not None else ():
            self._drop_gauge(source, series, now)

    def _drop_peer(self, peer_id: str, now: float) -> None:
        self._release_peer(peer_id, now)
        self._slots.leave(peer_id)
        peer = self._peers.pop(peer_id, None)
        for name, labels in peer.counters if peer is not None else ():
            self._counters[name].pop(labels, None)  # the metric may have been dropped


def _fold(family: MetricFamily, labels: Labels) -> Labels:
    """The labels of the series that takes what is beyond the bound. The peer's label stays."""
    return tuple(label if index == family.peer_index else OTHER for index, label in enumerate(labels))
