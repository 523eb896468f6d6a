"""What an actor system needs before it can run: the name of its directory, the life pipe, and its fork server.

A program that knows early that it will have a system calls `start` first of all: while the program imports what it needs,
the fork server does the same in parallel. For this to pay off, this module and what it imports use the standard library
only.
"""

from __future__ import annotations

import contextlib
import os

from peerage.actors.runtime.limits import raise_descriptor_limit
from peerage.actors.runtime.processes.directory import Directory, remove_directory
from peerage.actors.runtime.processes.fork_server_client import ForkServer

TITLE = "peerage"


class Foundation:
    """Args: preload and title, as for `System`."""

    def __init__(self, preload: tuple[str, ...], title: str) -> None:
        raise_descriptor_limit()
        self.title = title
        self.pid = os.getpid()
        self.directory = Directory()
        # Nobody else has the write end, and it closes on exec: no other program can keep the hosts alive.
        self.life_read, self.life_write = os.pipe2(os.O_CLOEXEC)
        # First the process that will remove the directory, then (made by the system) the directory itself: a kill in between
        # leaves nothing behind.
        try:
            self.fork_server = ForkServer(self.life_read, self.directory, preload, title)
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


_started: Foundation | None = None  # of this process, or of the one that it was forked from


def start(preload: tuple[str, ...], title: str = TITLE) -> None:
    """Begin, for a system that this process is about to make. If none is made, the fork server ends with this process."""
    global _started  # noqa: PLW0603 - a process has one system
    if _started is None:
        with contextlib.suppress(OSError):  # the system will meet the same error, and report it
            _started = Foundation(preload, title)


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
