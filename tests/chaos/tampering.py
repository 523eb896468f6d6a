"""Messages whose reading does something to the process that reads them, whichever actor they come to."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

__all__ = ["LoseNames", "SetClock", "Sleep"]

_time, _time_ns, _getaddrinfo = time.time, time.time_ns, socket.getaddrinfo
NANOSECONDS = 10**9


class _Deed:
    """Reading it calls a function. Args: what, the function; arguments, of it."""

    def __init__(self, what: Callable[..., object], *arguments: object) -> None:
        self._call = what, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self._call


class Sleep(_Deed):
    """It takes so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(time.sleep, seconds)


class SetClock(_Deed):
    """The clock of the system, as Python code of this process reads it, is so many seconds ahead of the right time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(_set_clock, seconds)


class LoseNames(_Deed):
    """No name resolves, or all do again."""

    def __init__(self, is_lost: bool) -> None:
        super().__init__(_lose_names, is_lost)


def _set_clock(ahead: float) -> None:
    time.time = lambda: _time() + ahead
    time.time_ns = lambda: _time_ns() + int(ahead * NANOSECONDS)


def _lose_names(is_lost: bool) -> None:
    socket.getaddrinfo = _fail if is_lost else _getaddrinfo


def _fail(*_arguments: object, **_options: object) -> Any:
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
