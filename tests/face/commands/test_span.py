"""Spans of time on the command line."""

from __future__ import annotations

import click
import pytest

from peerage.commands.exit_status import MistakeError
from peerage.commands.span import Span, in_nanoseconds

PARAM = click.Option(["--for"])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7d", 604_800),
        ("12h", 43_200),
        ("1w", 604_800),
        ("1d12h", 129_600),
        ("1.5d", 129_600),
        ("250ms", 0.25),
        ("1h30m", 5400),
    ],
)
def test_days_and_weeks_beside_gos_units(text: str, seconds: float) -> None:
    assert Span().convert(text, PARAM, None) == seconds


@pytest.mark.parametrize(
    "text", ["", "7", "d", "1 day", "-1d", "-1s", "0s", "9999999h", "400w 1", "9" * 70 + "d", "\u0661d"]
)
def test_what_is_none_is_told_with_its_flag(text: str) -> None:
    """A bare number too: nobody knows whether it means seconds."""
    with pytest.raises(
        MistakeError, match=r"^--for: found .*, allowed: a duration above 0 and up to 292 years, like"
    ):
        Span().convert(text, PARAM, None)


def test_bounds_are_told() -> None:
    span = Span(0.1, 3600, "3s")
    assert span.convert("1h", PARAM, None) == 3600
    for text in ("99ms", "2h"):
        with pytest.raises(MistakeError, match="allowed: a duration from 100ms and up to 1h, like 3s"):
            span.convert(text, PARAM, None)


def test_nanoseconds_are_exact() -> None:
    assert in_nanoseconds("1ns") == 1
    assert in_nanoseconds("3d") == 259_200 * 10**9
    with pytest.raises(ValueError, match="duration"):
        in_nanoseconds("3x")
