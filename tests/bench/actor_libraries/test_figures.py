"""How medians, ratios and verdicts are made of what was measured."""

from __future__ import annotations

import pytest

from tests.bench.actor_libraries.figures import FLOORS, Figures, Floor, judge, medians


def test_each_figure_has_its_own_median_and_what_nobody_measured_has_none() -> None:
    turns = [Figures(ask=1.0, tell=30.0), Figures(ask=9.0, tell=10.0), Figures(ask=2.0)]
    assert medians(turns) == Figures(ask=2.0, tell=20.0)


def test_a_ratio_is_taken_within_a_round() -> None:
    """A machine that is twice as slow in one round is so for both."""
    rounds = [
        {"a": Figures(ask=2.0), "b": Figures(ask=1.0)},
        {"a": Figures(ask=40.0), "b": Figures(ask=20.0)},
    ]
    outcome = judge(Floor("ask", "a", "b", 2.0, at_most=True), rounds)
    assert (outcome.median, outcome.min, outcome.max, outcome.is_met) == (2.0, 2.0, 2.0, True)


@pytest.mark.parametrize(
    ("asked", "at_most", "is_met"), [(3.0, False, False), (1.9, True, False), (2.0, False, True)]
)
def test_a_median_on_the_wrong_side_is_not_met(asked: float, at_most: bool, is_met: bool) -> None:
    floor = Floor("tell", "a", "b", asked, at_most=at_most)
    assert judge(floor, [{"a": Figures(tell=2.0), "b": Figures(tell=1.0)}]).is_met is is_met


def test_two_figures_of_one_library_can_be_compared() -> None:
    floor = Floor("tell_many", "a", "a", 3.0, below_figure="tell")
    assert floor.ratio({"a": Figures(tell=2.0, tell_many=8.0)}) == 4.0


def test_every_floor_names_figures_that_there_are() -> None:
    everything = Figures(ask=1.0, tell=1.0, tell_many=1.0, fan_out=1.0, large=1.0)
    for floor in FLOORS:
        assert floor.ratio({floor.above: everything, floor.below: everything}) == 1.0
