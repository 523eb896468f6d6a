"""A length of time in a log line."""

from __future__ import annotations

from typing import Self

__all__ = ["Seconds"]

MINUTE, HOUR, DAY = 60, 3600, 86_400


class Seconds(float):
    """Seconds: a number in a line of JSON, and "2h5m" in a plain one."""

    __slots__ = ()

    def __new__(cls, seconds: float) -> Self:
        """Rounded to milliseconds; a clock that was set back in between makes none of it less than nothing."""
        return super().__new__(cls, round(max(0.0, seconds), 3))

    def __repr__(self) -> str:
        """The two greatest units of it."""
        if self < MINUTE:
            return f"{self:.1f}s"
        whole = int(self)
        if whole < HOUR:
            return f"{whole // MINUTE}m{whole % MINUTE}s"
        if whole < DAY:
            return f"{whole // HOUR}h{whole % HOUR // MINUTE}m"
        return f"{whole // DAY}d{whole % DAY // HOUR}h"

    __str__ = __repr__
