"""How many restarts are normal, and how long each waits. (What counts: tests/supervisors/test_strategy.py, too.)"""

from typing import Any

import pytest

from peerage.supervisors.errors import ChildSpecError
from peerage.supervisors.intensity import Backoff, History, Intensity


@pytest.mark.parametrize(
    "restarts_period",
    [(-1, 5.0), (1, 0.0), (1, -1.0), (1, float("inf")), (1, float("nan")), ("1", 5.0), (1, "5")],
)
def test_faulty_intensity_is_refused(restarts_period: tuple[Any, Any]) -> None:
    """Restarts are 0 or more, the period is a positive number of seconds."""
    with pytest.raises(ChildSpecError):
        Intensity(*restarts_period)


@pytest.mark.parametrize(
    "kwargs", [{"base": -1}, {"factor": 0.5}, {"limit": -1}, {"base": float("nan")}, {"base": "1"}]
)
def test_faulty_backoff_is_refused(kwargs: dict[str, Any]) -> None:
    """A back-off never shrinks and never is negative."""
    with pytest.raises(ChildSpecError):
        Backoff(**kwargs)


def test_backoff_is_at_once_then_grows_to_its_limit() -> None:
    """First restart at once, then base, base * factor, ... limit, also for absurd attempts."""
    backoff = Backoff(base=0.1, factor=2.0, limit=0.35)
    assert [backoff.delay(attempt) for attempt in (1, 2, 3, 4, 5, 10_000)] == [
        0.0,
        0.1,
        0.2,
        0.35,
        0.35,
        0.35,
    ]


def test_backoff_base_zero_never_waits() -> None:
    """Backoff(base=0) is OTP's behaviour."""
    assert Backoff(base=0).delay(50) == 0.0


def test_only_restarts_of_the_period_count() -> None:
    """Of the children that are asked about; a wait is taken out of the clock of its child alone."""
    history = History().with_restart("a", 1.0).with_restart("b", 5.0)
    assert history.count_of(frozenset({"a"})) == 1
    assert history.within(4.0, 5.5).count_of(frozenset({"a", "b"})) == 1
    assert history.delayed(frozenset({"a"}), 1.0).within(4.0, 5.5).count_of(frozenset({"a", "b"})) == 2
