"""actors/metrics/samples.py: one metric and its values."""

from peerage.actors.metrics.families import FAMILIES
from peerage.actors.metrics.samples import MetricSamples


def test_equal_samples_are_equal() -> None:
    """They are values."""
    assert MetricSamples(FAMILIES[0], {(): 1.0}) == MetricSamples(FAMILIES[0], {(): 1.0})
    assert MetricSamples(FAMILIES[0], {(): 1.0}) != MetricSamples(FAMILIES[0], {(): 2.0})
