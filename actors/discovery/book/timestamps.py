"""Times as the address book keeps them: whole nanoseconds since 1970, and CometBFT's text for them.

Whole nanoseconds, because CometBFT's file has them: reading and writing a book must not change it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

NEVER = 0
"""The time of something that never happened; in CometBFT's file 0001-01-01T00:00:00Z."""

NEVER_TEXT = "0001-01-01T00:00:00Z"
LATEST = 2**63 - 1
"""The last time that can be kept, in the year 2262. Later times become this one, times before 1970 NEVER."""

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:(Z)|([+-])(\d\d):(\d\d))", re.ASCII
)


def nanoseconds(seconds: float) -> int:
    """Unix seconds as whole nanoseconds."""
    return min(int(seconds * SECOND), LATEST)


def parse_time(text: str) -> int:
    """The time in an RFC 3339 text. Digits of a second after the ninth are dropped.

    Raises: ValueError.
    """
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not an RFC 3339 time")
    year, month, day, hour, minute, second = (int(group) for group in found.groups()[:6])
    fraction, utc, sign, off_hours, off_minutes = found.groups()[6:]
    elapsed = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - _EPOCH
    if utc is None:
        offset = timedelta(hours=int(off_hours), minutes=int(off_minutes))
        if offset >= timedelta(days=1):
            raise ValueError(f"{text!r} has an offset of a day or more")
        elapsed += offset if sign == "-" else -offset
    value = (elapsed.days * 86_400 + elapsed.seconds) * SECOND + int((fraction or "0")[:9].ljust(9, "0"))
    return max(NEVER, min(value, LATEST))


def format_time(value: int) -> str:
    """RFC 3339 in UTC, as Go writes it: without trailing zeros in the fraction of a second."""
    if value <= NEVER:
        return NEVER_TEXT
    seconds, fraction = divmod(value, SECOND)
    at = _EPOCH + timedelta(seconds=seconds)
    digits = f".{fraction:09d}".rstrip("0") if fraction else ""
    return f"{at:%Y-%m-%dT%H:%M:%S}{digits}Z"
