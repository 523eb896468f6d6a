"""How a figure of a process grows with time, over all of its lives: memory and descriptors of a node that is being killed.

A process that is started anew begins with less, and grows for a while. So the slope is fitted within lives: one slope for
all lives of a name, a level for each, and of each life only what comes when it has settled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean

__all__ = ["MEBIBYTE", "Slope", "Slopes"]

MEBIBYTE = 1 << 20
SETTLED_S = 600.0  # for as long the series of a peer that has left are kept (docs/reference/metrics.md)
PERIOD_S = 600.0  # what a slope is told for


@dataclass(slots=True)
class _Life:
    times: list[float] = field(default_factory=list)
    figures: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Slope:
    """Of one name. Args: per_period, growth in ten minutes; seconds, of settled life that it was fitted to; lives."""

    per_period: float
    seconds: float
    lives: int

    @property
    def is_telling(self) -> bool:
        """Whether it was fitted to as much time as it is told for, at least."""
        return self.seconds >= PERIOD_S


class Slopes:
    """One figure of all processes. Args: settled, seconds of each life that do not count."""

    def __init__(self, settled: float = SETTLED_S) -> None:
        self._settled = settled
        self._began: dict[int, float] = {}
        self._lives: dict[str, dict[int, _Life]] = {}

    def add(self, now: float, name: str, pid: int, figure: float) -> None:
        """The figure of a process at some moment, in seconds."""
        if now - self._began.setdefault(pid, now) < self._settled:
            return
        life = self._lives.setdefault(name, {}).setdefault(pid, _Life())
        life.times.append(now)
        life.figures.append(figure)

    def found(self) -> Mapping[str, Slope]:
        """The slope of every name that has lived long enough for one."""
        return {
            name: slope for name, lives in sorted(self._lives.items()) if (slope := _fit(lives)) is not None
        }


def _fit(lives: Mapping[int, _Life]) -> Slope | None:
    """Least squares within lives: of the figures' deviations on the times', each from its life's mean."""
    deviations = [each for life in lives.values() for each in _deviations(life)]
    spread = sum(time * time for time, _ in deviations)
    if not spread:
        return None
    slope = sum(time * figure for time, figure in deviations) / spread
    seconds = sum(life.times[-1] - life.times[0] for life in lives.values())
    return Slope(slope * PERIOD_S, seconds, len(lives))


def _deviations(life: _Life) -> Iterator[tuple[float, float]]:
    time, figure = fmean(life.times), fmean(life.figures)
    return ((at - time, value - figure) for at, value in zip(life.times, life.figures, strict=True))
