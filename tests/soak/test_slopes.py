"""slopes.py: growth within lives, whatever lies between them."""

from __future__ import annotations

import pytest

from tests.soak.slopes import PERIOD_S, Slopes


def test_the_slope_is_that_within_lives() -> None:
    """Two lives at different levels, each growing by one a second; what comes first in each does not count."""
    slopes = Slopes(settled=10.0)
    for pid, level in ((1, 5000.0), (2, 100.0)):
        for second in range(100):
            begin = 1000.0 * second if second < 10 else 0.0  # not settled
            slopes.add(pid * 1000.0 + second, "part", pid, level + second + begin)
    found = slopes.found()["part"]
    assert found.per_period == pytest.approx(PERIOD_S)
    assert (found.seconds, found.lives, found.is_telling) == (178.0, 2, False)


def test_a_level_figure_has_no_slope_and_a_single_look_tells_nothing() -> None:
    """Nor does a life that ends before it has settled."""
    slopes = Slopes(settled=1.0)
    for second in range(1000):
        slopes.add(float(second), "level", 1, 7.0)
    slopes.add(0.0, "short", 2, 1.0)
    slopes.add(0.5, "short", 2, 2.0)
    slopes.add(0.0, "once", 3, 1.0)
    slopes.add(5.0, "once", 3, 2.0)
    assert {name: slope.per_period for name, slope in slopes.found().items()} == {"level": 0.0}
    assert slopes.found()["level"].is_telling
