"""Quantities in few characters."""

from __future__ import annotations

import pytest

from peerage.commands.quantities import duration, scaled, share


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.0, "0"),
        (0.0003, "0.3ms"),
        (0.35, "350ms"),
        (1.0, "1s"),
        (59.9, "59s"),
        (250.0, "4m10s"),
        (11_100.0, "3h05m"),
        (1_051_200.0, "12d04h"),
        (-1.0, "0"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    """In the two units that matter."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (999, "999"),
        (999.6, "1.00k"),
        (1234, "1.23k"),
        (45_600, "45.6k"),
        (999_600, "1.00M"),
        (7e18, "7000P"),
    ],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    """And a unit."""
    assert scaled(value) == text


def test_memory_counts_in_powers_of_two() -> None:
    """As tools for memory do."""
    assert scaled(37 * 1024 * 1024, 1024) == "37.0M"


def test_a_share_is_of_one_core() -> None:
    """Several cores are more than 100 %."""
    assert (share(None), share(0.005), share(1.5)) == ("-", "0.5%", "150.0%")
