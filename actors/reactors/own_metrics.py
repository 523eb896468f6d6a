"""A reactor's own metrics, written as attributes of its class and served with those of the node.

    class Chat(Reactor):
        lines = Counter("lines_total", "Lines of chat that were heard, by room.", ["room"])

        def receive(self, envelope):
            self.lines.inc(room="lobby")

Prometheus reads `cometbft_reactor_chat_lines_total{chain_id="…", room="lobby"}`. What is wrong with a name or a label is
said when the class is made. Series are bounded: a label may have a value that a stranger has chosen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, Generic, Self, TypeVar, overload

from peerage.actors.metrics.buffer import Labels, MetricsBuffer
from peerage.actors.metrics.declared import MOST_DECLARED
from peerage.actors.metrics.families import MetricFamily, MetricKind

__all__ = ["Counter", "Gauge", "Histogram", "OwnMetric", "families_of"]

MOST_LABELS: Final = 8
MOST_SERIES: Final = 500  # of one metric; what is beyond counts under OTHER
OTHER: Final = "other"
LONGEST_VALUE: Final = 120  # characters of a label's value
BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
RESERVED: Final = frozenset({"chain_id", "le", "quantile"})
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class MetricNameError(ValueError):
    """A metric of a reactor cannot be declared like this. Args: name; fault, what is wrong."""

    def __init__(self, name: str, fault: str) -> None:
        super().__init__(name, fault)
        self.name, self.fault = name, fault

    def __str__(self) -> str:
        return f"metric {self.name!r}: {self.fault}"


class Series:
    """A metric of one reactor, to be written to. Its labels are given by name, each time all of them."""

    def __init__(self, buffer: MetricsBuffer | None, family: MetricFamily) -> None:
        self._buffer, self._family = buffer, family
        self._seen: set[Labels] = set()

    def _labels(self, values: dict[str, object]) -> Labels:
        names = self._family.labels
        if len(values) != len(names) or not all(name in values for name in names):
            raise MetricNameError(
                self._family.name,
                f"labels {', '.join(values) or 'none'}; {', '.join(names) or 'none'} expected",
            )
        labels = tuple(str(values[name])[:LONGEST_VALUE] for name in names)
        if labels not in self._seen:
            if len(self._seen) >= MOST_SERIES:
                return (OTHER,) * len(names)
            self._seen.add(labels)
        return labels


class CounterSeries(Series):
    """A counter of one reactor."""

    def inc(self, n: float = 1, /, **labels: object) -> None:
        """Add to it. Raises: ValueError, `n` is negative; MetricNameError, these are not its labels."""
        values = self._labels(labels)
        if self._buffer is not None:
            self._buffer.inc(self._family.name, values, n)


class GaugeSeries(Series):
    """A gauge of one reactor."""

    def set(self, value: float, /, **labels: object) -> None:
        """Set it. Raises: MetricNameError, these are not its labels."""
        values = self._labels(labels)
        if self._buffer is not None:
            self._buffer.set(self._family.name, values, value)

    def remove(self, **labels: object) -> None:
        """Show it no longer, with these labels. Raises: as `set`."""
        values = self._labels(labels)
        self._seen.discard(values)
        if self._buffer is not None:
            self._buffer.remove(self._family.name, values)


class HistogramSeries(Series):
    """A histogram of one reactor."""

    def observe(self, value: float, /, **labels: object) -> None:
        """Add a value. Raises: MetricNameError, these are not its labels."""
        values = self._labels(labels)
        if self._buffer is not None:
            self._buffer.observe(self._family.name, values, value)


S = TypeVar("S", bound=Series)


class OwnMetric(Generic[S]):
    """What the three kinds have in common: a declaration in the class, and the metric itself in the reactor.

    Args:
        name: in small letters, digits and underscores, without the reactor's name; that of a counter ends in `_total`.
        text: one line for whoever reads the metrics.
        labels: names of the labels, eight at most. `peer_id` may be one of them: then the rules for peers count.
    Raises: MetricNameError.
    """

    kind: MetricKind
    series: type[S]

    def __init__(self, name: str, text: str, labels: Sequence[str] = ()) -> None:
        self.family = MetricFamily(name, self.kind, text, tuple(labels), self._buckets())
        if not _NAME.fullmatch(name):
            raise MetricNameError(
                name, "a name has small letters, digits and underscores, and begins with a letter"
            )
        if (self.kind is MetricKind.COUNTER) != name.endswith("_total"):
            raise MetricNameError(name, "the name of a counter ends in _total, and no other one does")
        if not text.strip() or "\n" in text:
            raise MetricNameError(name, "it needs one line that says what it is")
        if len(self.family.labels) > MOST_LABELS or len({*labels}) != len(self.family.labels):
            raise MetricNameError(name, f"at most {MOST_LABELS} labels, each once")
        for label in labels:
            if not _NAME.fullmatch(label) or label in RESERVED:
                raise MetricNameError(
                    name,
                    f"label {label!r}: small letters, digits, underscores; not {', '.join(sorted(RESERVED))}",
                )

    def _buckets(self) -> tuple[float, ...]:
        return ()

    @overload
    def __get__(self, reactor: None, owner: type) -> Self: ...
    @overload
    def __get__(self, reactor: object, owner: type) -> S: ...
    def __get__(self, reactor: Any, owner: type) -> Any:
        """In the class this declaration, in a reactor the metric. It is of no effect where no metrics are served."""
        if reactor is None:
            return self
        held: dict[OwnMetric[Any], Series] = reactor.__dict__.setdefault("_own_metrics", {})
        if self not in held:
            reporter = reactor.__dict__.get("metrics")
            held[self] = self.series(
                reporter.buffer if reporter is not None and reporter.is_on else None,
                named(self.family, reactor.__dict__.get("_reactor_name", "")),
            )
        return held[self]


class Counter(OwnMetric[CounterSeries]):
    """A number that only grows."""

    kind = MetricKind.COUNTER
    series = CounterSeries


class Gauge(OwnMetric[GaugeSeries]):
    """A number that goes up and down; it goes with the reactor."""

    kind = MetricKind.GAUGE
    series = GaugeSeries


class Histogram(OwnMetric[HistogramSeries]):
    """How often values were how large. Args: buckets, upper bounds, ascending; by default seconds from 1 ms to 10 s."""

    kind = MetricKind.HISTOGRAM
    series = HistogramSeries

    def __init__(
        self, name: str, text: str, labels: Sequence[str] = (), buckets: Sequence[float] = BUCKETS_S
    ) -> None:
        self._bounds = tuple(map(float, buckets))
        if (
            not self._bounds
            or len(self._bounds) > MOST_DECLARED
            or sorted({*self._bounds}) != [*self._bounds]
        ):
            raise MetricNameError(name, f"buckets: 1 to {MOST_DECLARED} bounds, ascending")
        super().__init__(name, text, labels)

    def _buckets(self) -> tuple[float, ...]:
        return self._bounds


def declarations(cls: type) -> list[OwnMetric[Any]]:
    """The metrics that a class declares, with those of its bases; the nearest one of a name in the class counts."""
    found: dict[str, OwnMetric[Any]] = {}
    for base in reversed(cls.__mro__):
        found.update((name, each) for name, each in vars(base).items() if isinstance(each, OwnMetric))
    return list(found.values())


def check(cls: type) -> None:
    """Check them together, when the class is made. Raises: MetricNameError: too many, or two of one name."""
    names = [each.family.name for each in declarations(cls)]
    for name in names:
        if names.count(name) > 1:
            raise MetricNameError(name, f"{cls.__qualname__} declares it twice")
    if len(names) > MOST_DECLARED:
        raise MetricNameError(names[MOST_DECLARED], f"{cls.__qualname__} declares more than {MOST_DECLARED}")


def families_of(cls: type, reactor: str) -> Iterable[MetricFamily]:
    """The families of a class's metrics. Args: reactor, the name that it was registered by."""
    return [named(each.family, reactor) for each in declarations(cls)]


def named(family: MetricFamily, reactor: str) -> MetricFamily:
    """The family as the node has it: under the reactor's name."""
    prefix = re.sub(r"[^a-z0-9]+", "_", reactor.lower()).strip("_")
    return MetricFamily(
        f"reactor_{prefix}_{family.name}", family.kind, family.help, family.labels, family.buckets
    )
