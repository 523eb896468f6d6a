import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.config.duration import LEAST, MOST, format_duration, parse_duration
from peerage.config.errors import UnfitValueError
from tests.config.vectors import P2P, name_of

TEXTS = [case for case in P2P["durations"] if case["toml"].startswith('"')]


@pytest.mark.parametrize("case", [case for case in TEXTS if "error" not in case], ids=name_of)
def test_spellings_that_go_takes(case: dict[str, Any]) -> None:
    """Every spelling that CometBFT accepts gives the same nanoseconds, and prints as Go prints it."""
    nanoseconds = parse_duration(json.loads(case["toml"]))
    assert nanoseconds == case["nanoseconds"]
    assert format_duration(nanoseconds) == case["printed"]


@pytest.mark.parametrize("case", [case for case in TEXTS if "error" in case], ids=name_of)
def test_spellings_that_go_refuses(case: dict[str, Any]) -> None:
    """Every spelling that CometBFT refuses is refused."""
    with pytest.raises(UnfitValueError):
        parse_duration(json.loads(case["toml"]))


@pytest.mark.parametrize(
    "text", ["-", "+", "1", "s", ".s", "1.s.", "1..5s", "--1s", "1 h", "\u0661s", "1" * 200 + "s"]
)
def test_nonsense_is_refused(text: str) -> None:
    """Other texts are refused, whatever their length or script."""
    with pytest.raises(UnfitValueError):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("9223372036854775807ns", MOST),
        ("-9223372036854775808ns", LEAST),
        ("1.0000000009s", 1_000_000_000),
        ("1.s", 1_000_000_000),
        ("1\u03bcs", 1_000),
    ],
)
def test_edges(text: str, nanoseconds: int) -> None:
    """The extremes of 64 bits are durations; fractions of a nanosecond are cut off."""
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize("text", ["9223372036854775808ns", "-9223372036854775809ns"])
def test_beyond_the_edges(text: str) -> None:
    """Durations that do not fit 64 bits are refused."""
    with pytest.raises(UnfitValueError):
        parse_duration(text)


@given(st.integers(LEAST, MOST))
def test_printing_and_parsing_are_inverse(nanoseconds: int) -> None:
    """Any duration can be read back from its text."""
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@given(st.text(max_size=20))
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    """No text raises any other error."""
    with contextlib.suppress(UnfitValueError):
        assert LEAST <= parse_duration(text) <= MOST
