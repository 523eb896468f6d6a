"""Spans of time on the command line: 90s, 1h30m, 7d."""

from __future__ import annotations

import re

import click

from peerage.commands.exit_status import MistakeError
from peerage.config.duration import NANOSECONDS_PER_SECOND, format_duration, parse_duration

__all__ = ["Span", "in_nanoseconds"]

_LONG = {"d": 24, "w": 7 * 24}  # hours; Go has no names for them, and config.toml none either
_IN_LONG = re.compile(r"([0-9]+(?:\.[0-9]+)?)([dw])")
_LONGEST = 9_223_372_036  # seconds: what 64 bits of nanoseconds hold


def in_nanoseconds(text: str) -> int:
    """Read a duration in Go's notation, in which days (d) and weeks (w) may occur too. Raises: ValueError."""
    plain = _IN_LONG.sub(lambda found: _hours(float(found[1]) * _LONG[found[2]]), text[:64])
    return parse_duration(plain if len(text) <= 64 else text)


def _hours(count: float) -> str:
    return f"{count:.6f}h"


class Span(click.ParamType):  # type: ignore[type-arg]  # generic in newer versions of click
    """A span of time; the command gets seconds.

    Args: least and most, in seconds. With a least of 0 a span must be above it.
    """

    name = "duration"

    def __init__(self, least: float = 0.0, most: float = _LONGEST, like: str = "30m, 12h or 7d") -> None:
        self._least, self._most, self._like = least, most, like

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds. Raises: MistakeError."""
        if isinstance(value, (int, float)):
            return float(value)
        try:
            seconds = in_nanoseconds(value) / NANOSECONDS_PER_SECOND
        except ValueError:
            seconds = -1.0
        if seconds > 0 and self._least <= seconds <= self._most:
            return seconds
        flag = param.opts[-1] if param is not None else "duration"
        raise MistakeError(f"{flag}: found {value!r}, allowed: {self._allowed}, like {self._like}")

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """What --help shows."""
        return "DURATION"

    @property
    def _allowed(self) -> str:
        least = f"from {_told(self._least)}" if self._least else "above 0"
        most = "292 years" if self._most == _LONGEST else _told(self._most)
        return f"a duration {least} and up to {most}"


def _told(seconds: float) -> str:
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return format_duration(round(seconds * NANOSECONDS_PER_SECOND))
