"""Kinds of settings: how a value of each kind is read from TOML, from text and from Python, and written to TOML.

The three ways of reading differ on purpose. TOML values are taken as CometBFT takes them, because its files must work
here unchanged, and its parser converts freely: `"7"` is a number, `0` is false, `5` is a string. Where such a conversion
is probably not what the operator meant, `remark` says so. Text from flags and the environment has to be converted in any
case. From Python we are strict, since a wrong type there is a bug of the caller.
Source: tests/vectors/config_p2p.json.
"""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Generic, TypeVar

from peerage.config.duration import ALLOWED as DURATION_ALLOWED
from peerage.config.duration import LEAST, MOST, NANOSECONDS_PER_SECOND, format_duration, parse_duration
from peerage.config.errors import UnfitValueError
from peerage.config.quoting import quoted, shown

T = TypeVar("T")

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_WHOLE = re.compile(r"[+-]?(0|[1-9][0-9_]*|0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+)", re.ASCII)
# Those of str.splitlines.
_LINE_ENDS = ("\n", "\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")
# Characters: an int64 in binary with sign and prefix has 67, and int() of a long text is slow.
_LONGEST_NUMBER = 80


class Kind(ABC, Generic[T]):
    """One kind of value. All methods that read raise UnfitValueError for a value of another kind."""

    allowed: str  # what values are allowed, for error messages and docs
    metavar: str  # placeholder in --help

    @abstractmethod
    def from_text(self, text: str) -> T:
        """Read the value of a flag or an environment variable."""

    @abstractmethod
    def from_toml(self, raw: object) -> T:
        """Read the value of a TOML key, converting as freely as CometBFT does."""

    @abstractmethod
    def from_python(self, value: object) -> T:
        """Read a value that an embedder passed: of the right type, or text as a flag would have it."""

    @abstractmethod
    def to_toml(self, value: T) -> str:
        """The value as it is written into config.toml."""

    def remark(self, raw: object) -> str | None:
        """A warning about a TOML value that is allowed but probably not meant; None if there is nothing to say."""
        del raw
        return None

    def _unfit(self, found: object) -> UnfitValueError:
        return UnfitValueError(found, self.allowed)


class Text(Kind[str]):
    """A string on one line, in UTF-8. A line break would mean that a file or a variable was put together wrongly."""

    allowed = "a string"
    metavar = "TEXT"

    def from_text(self, text: str) -> str:
        return _on_one_line(text)

    def from_toml(self, raw: object) -> str:
        if isinstance(raw, str):
            return _on_one_line(raw)
        if isinstance(raw, bool):
            return "1" if raw else "0"
        if isinstance(raw, int):
            return str(raw)
        if isinstance(raw, float) and math.isfinite(raw):
            return format(Decimal(repr(raw)), "f")
        raise self._unfit(raw)

    def from_python(self, value: object) -> str:
        if isinstance(value, str):
            return _on_one_line(value)
        raise self._unfit(value)

    def to_toml(self, value: str) -> str:
        return quoted(value)


class Names(Kind[tuple[str, ...]]):
    """A comma-separated list in one string, as CometBFT writes lists.

    Blanks, tabs and line breaks around items are dropped, and so are empty items.
    """

    allowed = "one string with commas between the items"
    metavar = "A,B,…"

    def from_text(self, text: str) -> tuple[str, ...]:
        return tuple(_on_one_line(item) for item in split_list(text))

    def from_toml(self, raw: object) -> tuple[str, ...]:
        if isinstance(raw, str):
            return self.from_text(raw)
        try:
            return self.from_text(TEXT.from_toml(raw))
        except UnfitValueError:
            raise self._unfit(raw) from None

    def from_python(self, value: object) -> tuple[str, ...]:
        if isinstance(value, str):
            return self.from_text(value)
        if isinstance(value, Iterable):
            items = tuple(value)
            if all(isinstance(item, str) and "," not in item for item in items):
                return self.from_text(",".join(items))
        raise self._unfit(value)

    def to_toml(self, value: tuple[str, ...]) -> str:
        return quoted(",".join(value))


class NamesArray(Names):
    """A list that the file writes as an array of strings; a string with commas is accepted too, as in CometBFT."""

    allowed = "strings in a list"

    def from_toml(self, raw: object) -> tuple[str, ...]:
        return self.from_python(raw) if isinstance(raw, list) else super().from_toml(raw)

    def to_toml(self, value: tuple[str, ...]) -> str:
        return f"[{', '.join(map(quoted, value))}]"


class Switch(Kind[bool]):
    """True or false."""

    allowed = "true or false"
    metavar = "[true|false]"

    def from_text(self, text: str) -> bool:
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
        raise self._unfit(text)

    def from_toml(self, raw: object) -> bool:
        if isinstance(raw, (bool, int, float)):
            return raw != 0
        if isinstance(raw, str):
            return self.from_text(raw) if raw else False
        raise self._unfit(raw)

    def from_python(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self.from_text(value)
        raise self._unfit(value)

    def to_toml(self, value: bool) -> str:
        return "true" if value else "false"

    def remark(self, raw: object) -> str | None:
        return "an empty string counts as false" if raw == "" else None


class WholeNumber(Kind[int]):
    """A 64-bit integer."""

    allowed = "a whole number"
    metavar = "NUMBER"

    def from_text(self, text: str) -> int:
        if len(text) > _LONGEST_NUMBER or _WHOLE.fullmatch(text) is None:
            raise self._unfit(text)
        try:
            return self._within(int(text, 0), text)
        except ValueError:  # the pattern allows underscores anywhere, Python does not
            raise self._unfit(text) from None

    def from_toml(self, raw: object) -> int:
        if isinstance(raw, (bool, int)):
            return self._within(int(raw), raw)
        if isinstance(raw, float) and math.isfinite(raw):
            return self._within(int(raw), raw)
        if isinstance(raw, str):
            return self.from_text(raw) if raw else 0
        raise self._unfit(raw)

    def from_python(self, value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool):
            return self._within(value, value)
        if isinstance(value, str):
            return self.from_text(value)
        raise self._unfit(value)

    def to_toml(self, value: int) -> str:
        return str(value)

    def remark(self, raw: object) -> str | None:
        if isinstance(raw, float) and not raw.is_integer():
            return f"{raw} is cut to {int(raw)}"
        return "an empty string counts as 0" if raw == "" else None

    def _within(self, number: int, found: object) -> int:
        if LEAST <= number <= MOST:
            return number
        raise self._unfit(found)


class WholeNumberOrAuto(WholeNumber):
    """An integer, or "auto" for the number that the callable `auto` finds on this machine."""

    allowed = 'a whole number or "auto"'
    metavar = "NUMBER|auto"

    def __init__(self, auto: Callable[[], int]) -> None:
        self._auto = auto

    def from_text(self, text: str) -> int:
        return self._auto() if text == "auto" else super().from_text(text)


class Real(Kind[float]):
    """A number with a fraction."""

    allowed = "a number"
    metavar = "NUMBER"

    def from_text(self, text: str) -> float:
        try:  # Python's float would also accept surrounding blanks: "1\n"
            number = float(text) if len(text) <= _LONGEST_NUMBER and text == text.strip() else math.nan
        except ValueError:
            raise self._unfit(text) from None
        return self._finite(number, text)

    def from_toml(self, raw: object) -> float:
        if isinstance(raw, str):
            return self.from_text(raw) if raw else 0.0
        if isinstance(raw, (bool, int, float)):
            return self._finite(raw, raw)
        raise self._unfit(raw)

    def from_python(self, value: object) -> float:
        if isinstance(value, bool):
            raise self._unfit(value)
        return self.from_toml(value)

    def to_toml(self, value: float) -> str:
        return repr(float(value))

    def _finite(self, number: float, found: object) -> float:
        """The number as a float. Raises: UnfitValueError for nan and infinity."""
        try:
            real = float(number)
        except OverflowError:  # an integer of hundreds of digits
            real = math.inf
        if math.isfinite(real):
            return real
        raise self._unfit(found)


class Duration(Kind[float]):
    """A span of time: Go's notation in text, seconds in Python.

    A bare number means nanoseconds in TOML, as for CometBFT, and seconds in Python.
    """

    allowed = DURATION_ALLOWED
    metavar = "DURATION"

    def from_text(self, text: str) -> float:
        return parse_duration(text) / NANOSECONDS_PER_SECOND

    def from_toml(self, raw: object) -> float:
        if isinstance(raw, str):
            return self.from_text(raw)
        if isinstance(raw, (bool, int)) or (isinstance(raw, float) and math.isfinite(raw)):
            nanoseconds = int(raw)
            if LEAST <= nanoseconds <= MOST:
                return nanoseconds / NANOSECONDS_PER_SECOND
        raise self._unfit(raw)

    def from_python(self, value: object) -> float:
        if isinstance(value, str):
            return self.from_text(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            seconds = float(value) if isinstance(value, float) or abs(value) <= MOST else math.inf
            if abs(seconds) * NANOSECONDS_PER_SECOND <= MOST:  # also rejects nan, which compares false
                return seconds
        raise self._unfit(value)

    def to_toml(self, value: float) -> str:
        return quoted(format_duration(round(value * NANOSECONDS_PER_SECOND)))

    def remark(self, raw: object) -> str | None:
        if isinstance(raw, (bool, int, float)) and raw:
            return f"a bare number is nanoseconds: {shown(raw)} is {format_duration(int(raw))}"
        return None


def split_list(text: str) -> list[str]:
    """The items of a comma-separated list, without the blanks around them; empty items are left out."""
    return [item for item in (part.strip() for part in text.split(",")) if item]


def _on_one_line(text: str) -> str:
    if len(text.splitlines()) > 1 or text.endswith(_LINE_ENDS):
        raise UnfitValueError(text, "text on one line", "there is a line break inside")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        # a byte of a flag or variable that is no UTF-8: no config.toml can hold it
        raise UnfitValueError(text, "text in UTF-8", "there is a byte inside that is not UTF-8")
    return text


TEXT, NAMES, NAMES_ARRAY, SWITCH, WHOLE_NUMBER, REAL, DURATION = (
    Text(),
    Names(),
    NamesArray(),
    Switch(),
    WholeNumber(),
    Real(),
    Duration(),
)
