"""What a node's `/events` sends, read line by line, and each event as a line for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from peerage.wire.remote_text import shown

__all__ = ["MESSAGE", "Notice", "cause", "event_line", "read_notices"]

MESSAGE = "message"  # what a server-sent event is that has no name of its own
MOST_SHOWN = 400  # characters of one value


@dataclass(frozen=True, slots=True)
class Notice:
    """One server-sent event. Args: name, MESSAGE for an event of the node; data, its keys; none for a sign of life."""

    name: str = MESSAGE
    data: dict[str, Any] = field(default_factory=dict)


def read_notices(lines: Iterable[bytes]) -> Iterator[Notice]:
    """Those of a stream, one for each comment as well, until it ends. Raises: ValueError, it is none of ours."""
    name, data = MESSAGE, b""
    for line in lines:
        text = line.rstrip(b"\r\n")
        if not text:
            if data:
                yield Notice(name, _keys(data))
            name, data = MESSAGE, b""
        elif text.startswith(b":"):
            yield Notice("")
        elif text.startswith(b"event: "):
            name = text.removeprefix(b"event: ").decode(errors="replace")
        elif text.startswith(b"data: "):
            data += text.removeprefix(b"data: ")


def event_line(keys: dict[str, Any]) -> str:
    """One line: time, kind, who, why, and the rest as key=value."""
    rest = dict(keys)
    for name in ("id", "node", "connection", "since"):
        rest.pop(name, None)
    time, kind = str(rest.pop("time", "")), str(rest.pop("kind", ""))
    parts = [shown(time), f"{shown(kind):<11}", _who(rest)]
    if why := cause(_text(rest.pop("reason", "")), _text(rest.pop("detail", ""))):
        parts.append(f"({why})")
    parts += [
        f"{shown(name)}={_text(value)}"
        for name, value in rest.items()
        if value is not False and value not in ("", None)
    ]
    return " ".join(each for each in parts if each).rstrip()


def cause(reason: str, detail: str) -> str:
    """Both in one text, in which the detail may say what the reason is: then that is not said twice."""
    if detail == reason or detail.startswith(f"{reason}: "):
        return detail
    return ": ".join(each for each in (reason, detail) if each)


def _who(rest: dict[str, Any]) -> str:
    peer, address = rest.pop("peer", ""), rest.pop("address", "")
    words = [f"{peer}@{address}" if peer and address else peer or address]
    words += [rest.pop(name, "") for name in ("subject", "part", "folded", "direction")]
    return " ".join(_text(each) for each in words if each)


def _text(value: object) -> str:
    """On one line. Nothing that a remote has chosen reaches a terminal as it came."""
    text = value if isinstance(value, str) else json.dumps(value)
    return shown(text, MOST_SHOWN)


def _keys(data: bytes) -> dict[str, Any]:
    found = json.loads(data)
    if not isinstance(found, dict):
        raise ValueError(f"expected an object, got {type(found).__name__}")  # noqa: TRY004 - of bad content
    return found
