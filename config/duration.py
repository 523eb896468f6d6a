"""Durations in Go's notation: "1m30s", "300ms", "1.5h"; nanoseconds inside, as in Go's time.Duration."""

import re

from peerage.config.errors import UnfitValueError

ALLOWED = 'a duration such as "10ms", "1m30s" or "1.5h" (units ns, us, ms, s, m, h)'
NANOSECONDS_PER_SECOND = 1_000_000_000
LONGEST_TEXT = 128  # characters; no sensible duration is longer, and int() of a long text is slow
MOST, LEAST = 2**63 - 1, -(2**63)  # nanoseconds, int64

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "\u00b5s": 1_000,  # the micro sign, which Go prints
    "\u03bcs": 1_000,  # the Greek letter
    "ms": 1_000_000,
    "s": NANOSECONDS_PER_SECOND,
    "m": 60 * NANOSECONDS_PER_SECOND,
    "h": 3600 * NANOSECONDS_PER_SECOND,
}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]+)")


def parse_duration(text: str) -> int:
    """Read a duration in Go's notation. Returns: nanoseconds.

    Units may come in any order and repeat ("1s1h"); a sign may come first; "0" needs no unit. Fractions of a nanosecond
    are cut off.
    Raises: UnfitValueError for anything that Go refuses, and for texts over 128 characters.
    Source: Go's time.ParseDuration, tests/vectors/config_p2p.json.
    """
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    if rest == "0":
        return 0
    if not rest or len(text) > LONGEST_TEXT:
        raise UnfitValueError(text, ALLOWED)
    nanoseconds, position = 0, 0
    while position < len(rest):
        part = _PART.match(rest, position)
        if part is None:
            raise UnfitValueError(text, ALLOWED)
        whole, fraction, unit = part[1], part[2] or "", _UNITS.get(part[3])
        if unit is None or not (whole or fraction):
            raise UnfitValueError(text, ALLOWED)
        nanoseconds += int(whole or "0") * unit + int(fraction or "0") * unit // 10 ** len(fraction)
        position = part.end()
    nanoseconds *= sign
    if not LEAST <= nanoseconds <= MOST:
        raise UnfitValueError(text, ALLOWED)
    return nanoseconds


def format_duration(nanoseconds: int) -> str:
    """The duration as Go prints it: "1m30s", "1.5s", "300.02ms", "0s". The inverse of parse_duration."""
    if nanoseconds == 0:
        return "0s"
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    for name in ("s", "ms", "\u00b5s", "ns"):
        if rest >= _UNITS[name]:
            break
    if name != "s":
        return f"{sign}{_decimal(rest, _UNITS[name])}{name}"
    minutes, rest = divmod(rest, _UNITS["m"])
    hours, minutes = divmod(minutes, 60)
    leading = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{sign}{leading}{_decimal(rest, NANOSECONDS_PER_SECOND)}s"


def _decimal(amount: int, unit: int) -> str:
    whole, part = divmod(amount, unit)
    digits = f"{part:0{len(str(unit)) - 1}d}".rstrip("0") if part else ""
    return f"{whole}.{digits}" if digits else str(whole)
