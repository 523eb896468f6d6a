"""Bounds the length of what goes into a log line, in case long data from the network has come this far.

Data known to come from the network is cut to 200 characters where it is first used (`peerage.wire.remote_text`). This
module is the last line of defence: it bounds whatever our own modules log, and the libraries that serve strangers for us.
An embedder's own lines are left alone.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from peerage.wire.remote_text import MAX_SHOWN, cut, shown

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

OURS = ("peerage", "uvicorn", "asyncio")  # these loggers and those below them
MAX_VALUE = 400  # characters of a value: 200 from the network and the words around them, or a path
MAX_EVENT = 1000
MAX_TRACE_LINES = 80
MAX_TRACE_LINE = 300
TRACES = ("exception", "traceback")

_Caught = tuple[type[BaseException], BaseException, TracebackType | None]


def bounded(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor that bounds each value, and renders the exception if there is one."""
    caught = _caught(event.pop("exc_info", None))
    if str(event.get("logger", "")).partition(".")[0] not in OURS:
        if caught is not None:
            event["exception"] = "".join(traceback.format_exception(*caught)).rstrip("\n")
        return event
    bound = {key: _bounded(key, value) for key, value in event.items()}
    if caught is not None:
        bound["exception"] = _trace(_told(caught[1]))
    return bound


def _bounded(key: str, value: Any) -> Any:
    """A value of a log line, cut if it is too long; other types than text, bytes and collections are small already."""
    if key in TRACES and isinstance(value, str):
        return _trace(value)
    most = MAX_EVENT if key == "event" else MAX_VALUE
    if isinstance(value, str):
        return cut(value, most)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return value if len(value) <= MAX_VALUE // 2 else cut(bytes(value[:most]).hex(), most)
    if isinstance(value, (list, tuple, set, frozenset, Mapping)):
        text = repr(value)
        return value if len(text) <= most else cut(text, most)
    return value


def _caught(exc_info: Any) -> _Caught | None:
    """The exception of a log call, in whichever of the forms that `exc_info` may have; None if there is none."""
    if not exc_info:
        return None
    if isinstance(exc_info, BaseException):
        return type(exc_info), exc_info, exc_info.__traceback__
    found = exc_info if isinstance(exc_info, tuple) else sys.exc_info()
    return found if found[1] is not None else None


def _told(error: BaseException) -> str:
    """The traceback, with the text of each exception in it cut, since that may quote a whole message."""
    text = "".join(traceback.format_exception(error)).rstrip("\n")
    for each in _chain(error):
        words = _words(each)
        if len(words) > MAX_SHOWN:
            text = text.replace(words, shown(words))
    return text


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return ""  # the traceback then says that the exception cannot be printed


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and those that it leads to: causes, contexts and members of groups, each once, in bounded number."""
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < MAX_TRACE_LINES:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [other for other in (each.__cause__, each.__context__) if other is not None]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions


def _trace(text: str) -> str:
    """The beginning and the end of a traceback, its lines cut."""
    lines = [line if line.isprintable() else shown(line, MAX_TRACE_LINE) for line in text.split("\n")]
    lines = [cut(line, MAX_TRACE_LINE) for line in lines]
    if len(lines) > MAX_TRACE_LINES:
        half = MAX_TRACE_LINES // 2
        lines[half:-half] = [f"… {len(lines) - 2 * half} lines …"]
    return "\n".join(lines)
