"""One metric with what there is of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from peerage.actors.metrics.buffer import Labels, Observations
from peerage.actors.metrics.families import MetricFamily

__all__ = ["MetricSamples"]


@dataclass(frozen=True, slots=True)
class MetricSamples:
    """One metric with its present values."""

    family: MetricFamily
    values: Mapping[Labels, float | Observations]
