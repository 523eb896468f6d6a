"""The last lines that this process has logged, for whoever looks at the node: in memory, few, and none longer than is shown.

Lines for debugging are not kept: they would push out the others. A line is kept as it was written, after whoever is private
has been replaced in it (`private_lines`). Who becomes private later may stand in what is kept; so nobody but its owner is
told of the log of a node that has private peers.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from peerage.config.log_bounds import MAX_VALUE, TRACES
from peerage.wire.remote_text import cut, shown

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

__all__ = ["MOST_LINES", "LogLine", "lines_after", "remember"]

MOST_LINES: Final = 100
MOST_FACTS: Final = 24
MOST_TEXT: Final = 2000  # characters
MOST_TRACE: Final = 4000
_ODD: Final = re.compile(r"[\s\"'=]")  # what would be taken for the next fact: quoted, as the plain log does
_KEPT: Final = frozenset({"info", "warning", "error", "critical"})
_TRACES: Final = (*TRACES, "stack")
_APART: Final = frozenset({"event", "level", "logger", "timestamp", "node", "chain", *_TRACES})


class LogLine(NamedTuple):
    """One line.

    Attributes: number, of this process's lines; time, Unix seconds; text, the event and its facts as they are written;
        trace, what stands below the line, or "".
    """

    number: int
    time: float
    level: str
    logger: str
    text: str
    trace: str


_lines: deque[tuple[str, LogLine]] = deque(maxlen=MOST_LINES)  # each with the node whose line it is
_numbered = 0
_lock = threading.Lock()


def remember(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor that keeps the line, and changes nothing."""
    global _numbered  # noqa: PLW0603 - the log is one for the process
    level = str(event.get("level", ""))
    if level in _KEPT:
        text = " ".join([str(event.get("event", "")), *_facts(event)])
        trace = "\n".join(shown(line) for key in _TRACES for line in str(event.get(key) or "").splitlines())
        with _lock:
            _numbered += 1
            line = LogLine(
                _numbered,
                _seconds(event.get("timestamp")),
                level,
                str(event.get("logger", "")),
                shown(text, MOST_TEXT),
                cut(trace, MOST_TRACE),
            )
            _lines.append((str(event.get("node", "")), line))
    return event


def lines_after(number: int, node: str) -> list[LogLine]:
    """What is kept of the lines behind this one, of a node, and of nobody. Args: number, 0 for all."""
    with _lock:
        return [line for owner, line in _lines if line.number > number and owner in {node, ""}]


def _facts(event: EventDict) -> Iterable[str]:
    facts = [(key, value) for key, value in event.items() if key not in _APART and not key.startswith("_")]
    return [f"{key}={_value(value)}" for key, value in facts[:MOST_FACTS]]


def _value(value: Any) -> str:
    text = value.hex() if isinstance(value, (bytes, bytearray, memoryview)) else str(value)
    return cut(repr(text) if _ODD.search(text) or not text else text, MAX_VALUE)


def _seconds(timestamp: Any) -> float:
    try:
        return datetime.fromisoformat(str(timestamp)).timestamp()
    except ValueError:
        return 0.0
