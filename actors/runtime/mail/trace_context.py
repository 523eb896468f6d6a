"""How a trace goes along with a message: around its value, and only while somebody traces (`tracing.py`).

    sender      Traced(value, carrier) ── pickled as ──> arrived(value, carrier, …) ── unpickled as ──> value      receiver

Whoever unpickles such a message gets the plain value, whether it traces or not. What came along lies beside it, in the
thread, until the handler is called, which is the next thing that happens. So neither the envelope nor any handler knows of
it, and without tracing nothing is added, looked at or sent.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from peerage.actors.runtime.mail.codec import Frames


class Trace(NamedTuple):
    """What came along with a message.

    Attributes: carrier, the headers by which OpenTelemetry's propagators know the trace (`traceparent` and others); sent_at,
        monotonic seconds of this machine; is_asked, whether somebody waits for the answer.
    """

    carrier: Mapping[str, str]
    sent_at: float
    is_asked: bool


class _Beside(threading.local):
    """What came along with the message that this thread has unpickled last."""

    value: Any = None
    trace: Trace | None = None


_beside = _Beside()


class Traced:
    """A message on its way, with its trace."""

    __slots__ = ("trace", "value")

    def __init__(self, value: Any, trace: Trace) -> None:
        self.value, self.trace = value, trace

    def __reduce__(self) -> tuple[Any, ...]:
        return arrived, (self.value, dict(self.trace.carrier), self.trace.sent_at, self.trace.is_asked)


def traced(value: Any, trace: Trace) -> Any:
    """The message to send in place of this one. Frames travel as they are, so the header of a `Frames` takes the trace."""
    if type(value) is Frames:
        return Frames(Traced(value.header, trace), value.frames)
    return Traced(value, trace)


def arrived(value: Any, carrier: dict[str, str], sent_at: float, is_asked: bool) -> Any:
    """What a `Traced` is unpickled as: its value."""
    _beside.value, _beside.trace = value, Trace(carrier, sent_at, is_asked)
    return value


def take_trace(message: Any) -> Trace | None:
    """What came along with a message that is about to be handled; None if nothing did. It is taken once."""
    trace = _beside.trace
    if trace is None:
        return None
    value, _beside.value, _beside.trace = _beside.value, None, None
    # Something else may have been unpickled and never handled.
    return trace if value is (message.header if type(message) is Frames else message) else None
