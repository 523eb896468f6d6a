"""What an actor system needs before it can run: the name of its directory, the life pipe, and its fork server.

A program that knows early that it will have a system calls `start` before it imports what it alone needs: the fork server
imports what the hosts need at the same time. What both need it imports before, if the server is to be forked; if not, this
module and what it imports use the standard library only, so that the server starts as early as can be.
"""

from __future__ import annotations

import contextlib
import os

from peerage.actors.runtime.limits import raise_descriptor_limit
from peerage.actors.runtime.processes.directory import Directory, remove_directory
from peerage.actors.runtime.processes.fork_server_client import ForkServer

TITLE = "peerage"


class Foundation:
    """Args: preload and title, as for `System`; fork, as for `ForkServer`."""

    def __init__(self, preload: tuple[str, ...], title: str, *, fork: bool = False) -> None:
        occupy_standard_numbers()
        raise_descriptor_limit()
        self.title = title
        self.pid = os.getpid()
        self.directory = Directory()
        # Nobody else has the write end, and it closes on exec: no other program can keep the hosts alive.
        self.life_read, self.life_write = os.pipe2(os.O_CLOEXEC)
        # First the process that will remove the directory, then (made by the system) the directory itself: a kill in between
        # leaves nothing behind.
        try:
            self.fork_server = ForkServer(self.life_read, self.directory, preload, title, fork=fork)
        except BaseException:
            self._close()
            raise

    def tear_down(self) -> None:
        """Undo it: there will be no system."""
        self.fork_server.close()
        self._close()
        remove_directory(self.directory.path)

    def _close(self) -> None:
        os.close(self.life_read)
        os.close(self.life_write)
        self.directory.close()


def occupy_standard_numbers() -> None:
    """Open /dev/null where this program was started with standard input, output or error closed (`<&-`).

    Otherwise a pipe or socket of ours would have that number: the fork server is started with /dev/null in its place, and
    what any library prints would be written to it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest that is free: this one


_started: Foundation | None = None  # of this process, or of the one that it was forked from


def start(preload: tuple[str, ...], title: str = TITLE, *, fork: bool = False) -> None:
    """Begin, for a system that this process is about to make. If none is made, the fork server ends with this process.

    Args: fork, whether the server may be forked from this process, where that has no threads: then it shares all that is
        imported here by now, and imports the rest of `preload` beside this process.
    """
    global _started  # noqa: PLW0603 - a process has one system
    if _started is None:
        with contextlib.suppress(OSError):  # the system will meet the same error, and report it
            _started = Foundation(preload, title, fork=fork)


def entitle(title: str) -> None:
    """Put another prefix into the title of the fork server that was started, if one was: it is somebody's now."""
    if _started is not None:
        _started.fork_server.entitle(title)


def claim(preload: tuple[str, ...], title: str) -> Foundation:
    """The foundation that was started, once, if it fits this system and process; otherwise a new one.

    Modules to preload need not fit: the fork server is told of those that it does not know yet.
    """
    global _started
    found, _started = _started, None
    if found is None or found.pid != os.getpid() or found.title != title:
        return Foundation(preload, title)
    found.fork_server.preload(preload)
    return found
