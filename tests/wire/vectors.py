"""Reads the vector files, whose encodings of bytes and strings `tests/vectors/README.md` defines."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parent.parent / "vectors"


def pattern(start: int, length: int) -> bytes:
    """The test pattern: byte i is (start + i) mod 251."""
    return bytes((start + i) % 251 for i in range(length))


def octets(value: str | bytes) -> bytes:
    """The bytes of a vector field that holds bytes: hex, or already decoded by `load`."""
    return value if isinstance(value, bytes) else bytes.fromhex(value)


def _decode(item: dict[str, Any]) -> Any:
    match item:
        case {"pattern": [int(start), int(length)]}:
            return pattern(start, length)
        case {"repeat": str(text), "count": int(count)}:
            return text * count
        case {"hex": str(digits)}:  # a string that is not UTF-8: the wire keeps such bytes as surrogates
            return bytes.fromhex(digits).decode("utf-8", "surrogateescape")
        case {"head": str(head), "fill": str(fill), "count": int(count), "tail": str(tail)}:
            return bytes.fromhex(head) + bytes.fromhex(fill) * count + bytes.fromhex(tail)
        case _:
            return item


@cache
def load(name: str) -> Any:
    """One vector file.

    Patterns become bytes, repeated and non-UTF-8 strings become str (undecodable bytes as surrogates), and
    head + fill x count + tail becomes bytes. Other bytes stay hex: read them through `octets`. The result is
    shared between tests: do not change it.

    Args: name, without directory; ".json" may be left out.
    """
    path = VECTORS / (name if name.endswith(".json") else f"{name}.json")
    return json.loads(path.read_text(encoding="utf-8"), object_hook=_decode)
