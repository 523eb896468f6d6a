"""Times of the address book."""

from __future__ import annotations

import pytest
from hypothesis import given

from peerage.actors.discovery.book.timestamps import (
    LATEST,
    NEVER,
    SECOND,
    format_time,
    nanoseconds,
    parse_time,
)
from tests.actors.discovery.nodes import times


@given(times)
def test_a_written_time_reads_as_itself(value: int) -> None:
    """Not a nanosecond is lost."""
    assert parse_time(format_time(value)) == value


@pytest.mark.parametrize(
    ("text", "seconds", "fraction"),
    [
        ("1970-01-01T00:00:01Z", 1, 0),
        ("2024-02-03T04:05:06.7+02:00", 1706925906, 700_000_000),
        ("2024-02-03T04:05:06-05:30", 1706952906, 0),
        ("2024-02-29T23:59:59.000000001Z", 1709251199, 1),
        ("2024-02-29T23:59:59.0000000019Z", 1709251199, 1),
    ],
)
def test_times_with_fractions_and_offsets_are_read(text: str, seconds: int, fraction: int) -> None:
    """RFC 3339 as Go writes it, the offset taken into account."""
    assert parse_time(text) == seconds * SECOND + fraction


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0001-01-01T00:00:00Z", NEVER),
        ("0001-01-01T00:00:00+02:00", NEVER),
        ("1969-12-31T23:59:59Z", NEVER),
        ("9999-12-31T23:59:59Z", LATEST),
        ("9999-12-31T23:59:59-10:00", LATEST),
    ],
)
def test_times_out_of_range_become_the_nearest(text: str, value: int) -> None:
    """Before 1970 is never, after 2262 the last time there is."""
    assert parse_time(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2024-02-30T00:00:00Z",
        "2024-02-03T04:05:06",
        "2024-02-03 04:05:06Z",
        "2024-02-03T25:05:06Z",
        "2024-02-03T04:05:06+99:00",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    """A ValueError, whatever is wrong."""
    with pytest.raises(ValueError):
        parse_time(text)


def test_whole_seconds_are_written_without_a_fraction_and_fractions_without_zeros_behind() -> None:
    """As Go does."""
    assert format_time(NEVER) == "0001-01-01T00:00:00Z"
    assert format_time(86_400 * SECOND) == "1970-01-02T00:00:00Z"
    assert format_time(SECOND + 120_000_000) == "1970-01-01T00:00:01.12Z"


def test_a_clock_beyond_the_last_time_gives_the_last() -> None:
    """So that a ban without end can be stored."""
    assert nanoseconds(1e30) == LATEST
