"""Who may not start anything: a process that still imports what it was itself started for.

A module that starts an actor when it is imported would otherwise start processes without end, for each of them imports it
again. So the fork server starts nothing, nor does a host before it is set up, nor whoever reads what an actor is started
with: the reading thread, and the threads that what it imports has started. Other actors of that host go on.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NamedTuple

from peerage.actors.runtime.mail.process import current_host

MAINS = ("__main__", "__mp_main__")


class _Reading(NamedTuple):
    others: frozenset[int]  # threads that were there before
    depth: int  # of the host's stack: actors above it run in the middle of the reading, and may start others


_readings: dict[int, _Reading] = {}  # by thread
_is_new = False


def not_yet() -> None:
    """From now on nothing starts in this process, nor in its forks, until they are `ready`."""
    global _is_new  # noqa: PLW0603 - of the process
    _is_new = True


def ready() -> None:
    global _is_new  # noqa: PLW0603 - of the process
    _is_new = False


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """The calling thread reads what an actor is started with."""
    me = threading.get_ident()
    before = _readings.get(me)
    _readings[me] = _Reading(frozenset(sys._current_frames()), _depth())  # noqa: SLF001 - threads of all kinds
    try:
        yield
    finally:
        if before is None:
            del _readings[me]
        else:
            _readings[me] = before


def refusal() -> str:
    """Why the calling thread may start nothing now, in a sentence; empty, when it may."""
    if _is_new:
        return _sentence(_imported_in(threading.get_ident()) or _imported_anywhere())
    me = threading.get_ident()
    for reader, (others, depth) in list(_readings.items()):
        if reader == me:
            if _depth() <= depth:
                return _sentence(_imported_in(me))
        elif me not in others and (module := _imported_in(reader)):
            return _sentence(module)
    return ""


def _depth() -> int:
    host = current_host()
    return 0 if host is None else len(host.loop.stack)


def _sentence(module: str) -> str:
    what = f"module {module!r} starts actors when it is imported" if module else "it was to start actors"
    return (
        f"{what}, and the process of an actor has to import it: "
        f'put that behind `if __name__ == "__main__":` or into a function'
    )


def _imported_anywhere() -> str:
    return next(filter(None, map(_imported_in, sys._current_frames())), "")  # noqa: SLF001


def _imported_in(thread: int) -> str:
    """The module whose top level a thread runs, the innermost."""
    frame: FrameType | None = sys._current_frames().get(thread)  # noqa: SLF001
    while frame is not None:
        name = frame.f_globals.get("__name__")
        if frame.f_code.co_name == "<module>" and isinstance(name, str) and name not in MAINS:
            return name
        frame = frame.f_back
    return ""
