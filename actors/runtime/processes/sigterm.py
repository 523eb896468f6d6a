"""SIGTERM in the program and in its hosts.

By default, SIGTERM ends a Python program on the spot: no `finally`, no `atexit`, no `on_stop`. A program with an actor
system instead ends as it does on Ctrl-C: `SystemExit` is raised in its main thread. A service manager that stops a service
signals all of its processes at once but means the program, which then stops its hosts in order: see `TerminatedHosts`.

Signal handlers run in the main thread, between any two instructions of whatever that is doing, so they must not take a lock
that the main thread may hold.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

EXIT_CODE = 128 + signal.SIGTERM  # as a shell has it

Handler = Callable[[int, FrameType | None], object]

_came_at = float("-inf")
_ours: Handler | None = None
_forking = threading.local()


def end_program() -> None:
    """Have SIGTERM end this program in order, unless the program handles it already. Does nothing outside the main thread.

    Does nothing in a worker of multiprocessing either: its pool ends it by SIGTERM and waits until it is gone. An exception
    raised while the worker waits for its queue's lock can be lost, and the pool would wait for ever.
    """
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL and not _is_worker():
        with contextlib.suppress(ValueError):  # not the main thread
            heed(_exit)


def let_be() -> None:
    """Undo `end_program`. In the main thread only."""
    if signal.getsignal(signal.SIGTERM) is _exit:
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def has_come_within(seconds: float) -> bool:
    """Whether SIGTERM has come to this program lately. Only known where `end_program` has set the handler."""
    return time.monotonic() - _came_at < seconds


def heed(handler: Handler) -> None:
    """Set the handler for SIGTERM in this process, but not in processes that are forked from it.

    Raises: ValueError, in another thread than the main one.
    """
    global _ours  # noqa: PLW0603 - so is a signal's handler
    signal.signal(signal.SIGTERM, handler)
    if _ours is None:
        # One that comes between the fork and the change of the handler would be lost: CPython forgets it in the child.
        os.register_at_fork(
            before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child
        )
    _ours = handler


def _is_worker() -> bool:
    process = sys.modules.get("multiprocessing.process")  # which every worker has imported
    return process is not None and process.parent_process() is not None


def disregard(number: int) -> None:
    """Have a signal do nothing in this process and in its forks.

    It is handled, not ignored: programs that these processes start get the default back, while they would inherit that a
    signal is ignored.
    """
    if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup, for all of them
        signal.signal(number, _nothing)


def _nothing(_number: int, _frame: FrameType | None) -> None: ...


def _exit(_number: int, _frame: FrameType | None) -> None:
    global _came_at  # noqa: PLW0603
    _came_at = time.monotonic()
    raise SystemExit(EXIT_CODE)


def _before_fork() -> None:
    _forking.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _after_fork() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _forking.mask)


def _after_fork_in_child() -> None:
    # Who terminates a process that was forked (a pool of multiprocessing, a worker of a web server) means that one.
    if signal.getsignal(signal.SIGTERM) is _ours:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _after_fork()
