"""A fork server that is forked from this process: what is imported here need not be imported there.

Only a process that has no threads yet can do so, and nothing but a command that does little else before: the server keeps
a copy of all that is there at that moment.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Collection

from peerage.actors.runtime.processes.fd_channel import GROUP_SIGNALS

__all__ = ["OwnFork", "is_possible"]

STANDARD = range(3)


def is_possible() -> bool:
    """Whether this process has no thread but this one: others would be missing in the child, and their locks held."""
    return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208 - native threads count, too


class OwnFork:
    """A child of this process that calls `serve` and exits, as far as `subprocess.Popen` would be used for it.

    It is in a process group of its own and has no standard input. Of the descriptors that close on exec it has those in
    `keep` alone. The signals that a whole group gets are blocked in it: `serve` unblocks them once it disregards them.

    Raises: OSError.
    """

    def __init__(self, serve: Callable[[], None], keep: Collection[int]) -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, GROUP_SIGNALS)
        try:
            self.pid = os.fork()
            if self.pid == 0:
                _become(serve, keep)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._code: int | None = None
        with contextlib.suppress(OSError):  # it does so, too; whoever is first
            os.setpgid(self.pid, 0)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, negative for a signal. Raises: subprocess.TimeoutExpired."""
        if self._code is None:
            try:
                if timeout is not None and not self._ends_within(timeout):
                    raise subprocess.TimeoutExpired("fork server", timeout)
                self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            except ChildProcessError:  # somebody else has reaped it
                self._code = 0
        return self._code

    def _ends_within(self, timeout: float) -> bool:
        try:
            pidfd = os.pidfd_open(self.pid)
        except OSError as error:
            if error.errno == errno.ESRCH:
                return True
            raise
        try:
            poll = select.poll()
            poll.register(pidfd, select.POLLIN)
            return bool(poll.poll(timeout * 1000))
        finally:
            os.close(pidfd)

    def kill(self) -> None:
        """Kill it, unless it was reaped."""
        if self._code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


def _become(serve: Callable[[], None], keep: Collection[int]) -> None:
    """In the child: never returns."""
    code = 1
    try:
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        _close_all_but(keep)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        serve()
        code = 0
        atexit._run_exitfuncs()  # noqa: SLF001 - those of preloaded modules run here, too
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    finally:
        os._exit(code)


def _close_all_but(keep: Collection[int]) -> None:
    """As exec would: what the program has made inheritable stays."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - numbers
        fd = int(name)
        if fd in STANDARD or fd in keep:
            continue
        with contextlib.suppress(OSError):  # that of this very listing
            if not os.get_inheritable(fd):
                os.close(fd)
