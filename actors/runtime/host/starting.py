"""Keeps a module that starts actors at import from starting processes without end.

Each new process imports the module of its actor. If that module itself starts an actor at its top level, the new process
starts another one, and so on. Therefore nothing may be started in the fork server, in a host before it is set up, or while a
host unpickles the class and arguments of an actor: not by the thread that unpickles, nor by threads that the imports have
started. Other actors of the same host are not affected.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NamedTuple

from peerage.actors.runtime.host.frames import current_frames
from peerage.actors.runtime.mail.process import current_host

MAINS = ("__main__", "__mp_main__")  # the program itself: its top level is running all the time


class _Reading(NamedTuple):
    """A thread that is unpickling a start message, and what it must not be confused with."""

    others: frozenset[int]  # threads that were there before
    depth: int  # of the loop's stack: actors above it run while this one is read, and may start others


_readings: dict[int, _Reading] = {}  # by thread
_is_new = False  # this process is the fork server, or a host of its that is not set up


def not_yet() -> None:
    """Refuse all starts in this process and its forks until `ready` is called there.

    For the fork server, which preloads modules, and so for its hosts until they are set up.
    """
    global _is_new  # noqa: PLW0603 - of the process
    _is_new = True


def ready() -> None:
    """Allow starts in this process from now on, but for those that `reading` refuses."""
    global _is_new  # noqa: PLW0603 - of the process
    _is_new = False


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """For a `with` block in which the calling thread unpickles what an actor is started with.

    Blocks may be nested: the import may wait for something, and the loop reads another start message in a nested turn.
    """
    me = threading.get_ident()
    before = _readings.get(me)
    _readings[me] = _Reading(frozenset(current_frames()), _depth())
    try:
        yield
    finally:
        if before is None:
            del _readings[me]
        else:
            _readings[me] = before


def refusal() -> str:
    """Why the calling thread must not start anything now, as a sentence; empty when it may.

    The thread that unpickles must not, unless it is running another actor meanwhile, in a nested turn. A thread that was
    not there when the unpickling began has probably been started by the import, and must not while that lasts.
    """
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
    """How many actors are in the middle of something in the calling thread's loop."""
    host = current_host()
    return 0 if host is None else len(host.loop.stack)


def _sentence(module: str) -> str:
    what = f"module {module!r} starts actors when it is imported" if module else "it was to start actors"
    return (
        f"{what}, and the process of an actor has to import it: "
        f'put that behind `if __name__ == "__main__":` or into a function'
    )


def _imported_anywhere() -> str:
    """For a thread that an import has started: the module that some other thread is importing."""
    return next(filter(None, map(_imported_in, current_frames())), "")


def _imported_in(thread: int) -> str:
    """The innermost module whose top-level code a thread is running; empty if there is none."""
    frame: FrameType | None = current_frames().get(thread)
    while frame is not None:
        name = frame.f_globals.get("__name__")
        if frame.f_code.co_name == "<module>" and isinstance(name, str) and name not in MAINS:
            return name
        frame = frame.f_back
    return ""
