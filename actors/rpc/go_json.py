"""JSON as Go's `encoding/json` reads it, which is what CometBFT's clients are used to.

It is more lenient than Python's: bytes that are not UTF-8 and halves of surrogate pairs become U+FFFD, numbers are parsed
only where they are used, values may be nested 10,000 deep, and an object may have a name twice. Checked against a real
CometBFT v0.38.26.
"""

from __future__ import annotations

import codecs
import json
import json.decoder
import re
from typing import Any, Final, Self

__all__ = ["MAX_DEPTH", "Object", "decode", "decode_first", "text_of", "utf8"]

MAX_DEPTH: Final = 10_000  # Go's; one more is a syntax error
_KEPT_DEPTH: Final = 64  # far more than any parameter has
_HALF: Final = re.compile("[\ud800-\udfff]")
_SCALAR: Final = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null"
_TOKEN: Final = re.compile(rf'[ \t\n\r]*(?:([\[\]{{}},:"])|{_SCALAR}|\Z)')
# A string, closed or not, so that nothing is looked at twice; or a bracket.
_MARK: Final = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_scanstring: Final = json.decoder.scanstring  # type: ignore[attr-defined]  # not in the stubs
_CLOSING: Final = {"[": "]", "{": "}"}
_CLOSED: Final = frozenset(_CLOSING.values())
_BLANKS: Final = " \t\n\r"
_UTF8_AS_GO: Final = "peerage-go-utf8"


class Object(tuple[tuple[str, Any], ...]):
    """A JSON object: its members in order, including several of one name."""

    __slots__ = ()

    def __new__(cls, members: list[tuple[str, Any]]) -> Self:
        return super().__new__(cls, members)


def decode(data: bytes) -> Any:
    """The value in `data`: Object, list, str, float, bool or None.

    Numbers out of range are infinite, strings may hold halves of surrogate pairs (`text_of` replaces them), and a value that
    is nested deeper than any parameter can be may be None.

    Raises: ValueError, it is not JSON.
    """
    text = utf8(data)
    return _decoder.decode(_flatten(text) if _is_deep(text) else text)


def decode_first(data: bytes) -> Any:
    """The first value in `data`, whatever follows it, as Go's `json.Decoder` reads it.

    Raises: ValueError, it is not JSON.
    """
    text = utf8(data).lstrip(_BLANKS)
    value, _ = _decoder.raw_decode(_flatten(text, only_first=True) if _is_deep(text) else text)
    return value


def utf8(data: bytes) -> str:
    """Decode UTF-8; each invalid byte becomes U+FFFD."""
    return data.decode("utf-8", _UTF8_AS_GO)


def text_of(string: str) -> str:
    """A decoded string as Go returns it: with U+FFFD for halves of surrogate pairs."""
    return _HALF.sub("\ufffd", string)


def _replace_byte(error: UnicodeError) -> tuple[str, int]:
    # Python replaces an incomplete character by one U+FFFD, Go each of its bytes.
    assert isinstance(error, UnicodeDecodeError)
    return "\ufffd", error.start + 1


codecs.register_error(_UTF8_AS_GO, _replace_byte)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


_decoder: Final = json.JSONDecoder(
    parse_int=float, parse_float=float, parse_constant=_no_constant, object_pairs_hook=Object
)


def _is_deep(text: str) -> bool:
    """Whether some value is nested deeper than `_KEPT_DEPTH`, if the text is JSON.

    Python's decoder gives up at a depth that depends on its version: at 1,000, or, since 3.14, where the stack ends.
    """
    if text.count("[") + text.count("{") <= _KEPT_DEPTH:
        return False
    depth = 0
    for mark in _MARK.findall(text):
        if mark in _CLOSING:
            depth += 1
            if depth > _KEPT_DEPTH:
                return True
        elif mark in _CLOSED:
            depth -= 1
    return False


def _flatten(text: str, *, only_first: bool = False) -> str:
    """The same JSON, with null for every value nested deeper than `_KEPT_DEPTH`; it does not recurse.

    Args: only_first, whether something else may follow the first value, which is left out.
    Raises: ValueError, the part left out is not JSON, or is nested deeper than `MAX_DEPTH`.
    """
    kept: list[str] = []
    copied = position = 0
    open_brackets: list[str] = []
    allowed = "value"
    while not only_first or open_brackets or allowed != "next":
        token = _TOKEN.match(text, position)
        if token is None:
            raise ValueError(f"invalid character at {position}")
        mark, start, position = token[1], token.start(1), token.end()
        is_end = mark is None and not token[0].strip(" \t\n\r")
        if mark == '"' and allowed in _BEFORE_STRING:
            _, position = _scanstring(text, position, True)
            allowed = _BEFORE_STRING[allowed]
        elif mark in _CLOSING and allowed in _BEFORE_VALUE:
            if len(open_brackets) == MAX_DEPTH:
                raise ValueError("exceeded max depth")
            if len(open_brackets) == _KEPT_DEPTH:
                kept += text[copied:start], "null"
            open_brackets.append(mark)
            allowed = "first item" if mark == "[" else "first key"
        elif open_brackets and mark == _CLOSING[open_brackets[-1]] and allowed in _BEFORE_CLOSING:
            open_brackets.pop()
            if len(open_brackets) == _KEPT_DEPTH:
                copied = position
            allowed = "next"
        elif mark == "," and allowed == "next" and open_brackets:
            allowed = "value" if open_brackets[-1] == "[" else "key"
        elif mark == ":" and allowed == "colon":
            allowed = "value"
        elif is_end and not open_brackets and allowed == "next":
            return "".join((*kept, text[copied:]))
        elif mark is None and not is_end and allowed in _BEFORE_VALUE:
            allowed = "next"
        else:
            raise ValueError(f"invalid character at {token.end()}")
    return "".join((*kept, text[copied:position]))


# What may come next after a string, a value and a closing bracket.
_BEFORE_VALUE: Final = frozenset({"value", "first item"})
_BEFORE_STRING: Final = {"value": "next", "first item": "next", "key": "colon", "first key": "colon"}
_BEFORE_CLOSING: Final = frozenset({"first item", "first key", "next"})
