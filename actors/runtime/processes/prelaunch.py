"""What a system stands on before anything of it runs: its directory, the pipe that says that the embedder lives, its fork
server.

A program that knows early that it will have a system lays the foundation first of all: while it imports what it needs, the
fork server does the same beside it. Nothing here imports more than the standard library for that.
"""

from __future__ import annotations

import contextlib
import os

from peerage.actors.runtime.limits import raise_descriptor_limit
from peerage.actors.runtime.processes.directory import Directory, remove_directory
from peerage.actors.runtime.processes.fork_server_client import ForkServer

TITLE = "peerage"


class Foundation:
    """Args: preload, title: as of `System`."""

    def __init__(self, preload: tuple[str, ...], title: str) -> None:
        raise_descriptor_limit()
        self.title = title
        self.pid = os.getpid()
        self.directory = Directory()
        # The only write end; it closes on exec, so that no other program can keep the hosts alive.
        self.life_read, self.life_write = os.pipe2(os.O_CLOEXEC)
        # First the process that will remove the directory, then (by the system) the directory: a kill in between leaves
        # nothing.
        try:
            self.fork_server = ForkServer(self.life_read, self.directory, preload, title)
        except BaseException:
            self._close()
            raise

    def tear_down(self) -> None:
        """There will be no system on it."""
        self.fork_server.close()
        self._close()
        remove_directory(self.directory.path)

    def _close(self) -> None:
        os.close(self.life_read)
        os.close(self.life_write)
        self.directory.close()


_laid: Foundation | None = None


def lay(preload: tuple[str, ...], title: str = TITLE) -> None:
    """Begin with the system that this process is about to make. Without one it goes at the end of this process."""
    global _laid  # noqa: PLW0603 - a process has one system
    if _laid is None:
        with contextlib.suppress(OSError):  # whoever makes the system meets it again, and says so
            _laid = Foundation(preload, title)


def take(preload: tuple[str, ...], title: str) -> Foundation:
    """The foundation that was laid, if it was for such a system, once; else a new one."""
    global _laid
    found, _laid = _laid, None
    if found is None or found.pid != os.getpid() or found.title != title:
        return Foundation(preload, title)
    found.fork_server.preload(preload)
    return found
