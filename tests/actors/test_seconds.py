"""Lengths of time in log lines."""

from __future__ import annotations

import json
import pickle

import pytest

from peerage.actors.seconds import Seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5.0, "0.0s"),
        (0.04, "0.0s"),
        (59.94, "59.9s"),
        (60.0, "1m0s"),
        (192.4, "3m12s"),
        (7500.0, "2h5m"),
        (90_000.0, "1d1h"),
        (40_000_000.0, "462d23h"),
    ],
)
def test_people_read_the_two_greatest_units(seconds: float, text: str) -> None:
    """Of a clock that was set back, nothing."""
    assert str(Seconds(seconds)) == repr(Seconds(seconds)) == text


def test_programs_read_a_number() -> None:
    """With milliseconds, and no more."""
    assert json.dumps({"age": Seconds(192.40000001)}) == '{"age": 192.4}'
    assert pickle.loads(pickle.dumps(Seconds(1.5))) == 1.5
