"""Quantities in few characters, for tables: durations, bytes, counts, shares."""

from __future__ import annotations

_UNITS = ("", "k", "M", "G", "T", "P")


def duration(seconds: float | None) -> str:
    """Like 0.3ms, 350ms, 12s, 4m10s, 3h05m, 12d04h; "-" for None."""
    if seconds is None:
        return "-"
    if seconds < 0.00005:
        return "0"
    if seconds < 1.0:
        return f"{seconds * 1000:.{0 if seconds >= 0.01 else 1}f}ms"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02d}h"


def scaled(value: float, base: int = 1000) -> str:
    """Three digits and a unit: 999, 1.23k, 45.6M. Args: base, 1024 for memory."""
    unit = 0
    while abs(value) >= 999.5 and unit < len(_UNITS) - 1:
        value /= base
        unit += 1
    if not unit:
        return f"{value:.0f}"
    digits = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    return f"{value:.{digits}f}{_UNITS[unit]}"


def share(part: float | None) -> str:
    """A share of one core, in percent; "-" for None."""
    return "-" if part is None else f"{100 * part:.1f}%"
