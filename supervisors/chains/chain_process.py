"""One life of a chain's process tree: `peerage start` in a session of its own.

Nothing but its standard input ties it to us: that ends with this process, however it ends, and the node then stops.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from peerage.actors.runtime.processes import interpreter
from peerage.supervisors.chains.session import kill_session, members_of

__all__ = ["ChainProcess", "command_of"]

MOST_LINE: Final = 4096  # bytes of what a chain prints that are looked at
CLEARED_S: Final = 2.0  # for what is left of a chain to end by itself


def command_of(arguments: Sequence[str]) -> list[str]:
    """The command line of our own command, with this interpreter and its flags."""
    # -P: what lies in its directory is not ours to run.
    return [sys.executable, *interpreter.flags(), "-P", "-m", "peerage", *arguments]


class ChainProcess:
    """A chain that was started.

    Args: command, to run; directory, to run it in.
    Raises: OSError.
    """

    def __init__(self, command: Sequence[str], directory: Path) -> None:
        self.began = time.monotonic()
        self.address = ""  # ID@host:port, once it listens
        self._printed = b""
        self._kill_at = 0.0
        self._process = subprocess.Popen(
            command,
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            self.pidfd = os.pidfd_open(self._process.pid)
        except OSError:
            self._process.kill()
            self._process.communicate()
            raise
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)

    @property
    def pid(self) -> int:
        """Of its main process, and of its session."""
        return self._process.pid

    @property
    def stdout(self) -> int:
        """The descriptor that it prints to. Readable: call `read`."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def read(self) -> bool:
        """Take what it has printed: its address, then what is nobody's. Returns: whether more may come."""
        try:
            part = os.read(self.stdout, MOST_LINE)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not self.address:
            self._printed = (self._printed + part)[:MOST_LINE]
            line, end, _ = self._printed.partition(b"\n")
            if end:
                self.address = line.decode("ascii", "replace").strip()
        return bool(part)

    def stop(self) -> None:
        """Ask it to stop."""
        self._signal(signal.SIGTERM)

    def reload(self) -> None:
        """Have it read its configuration again."""
        self._signal(signal.SIGHUP)

    def kill(self) -> None:
        """End all of its processes at once."""
        kill_session(self.pid)

    def reap(self) -> int:
        """Its main process has ended. Returns: how, as of `subprocess`. Others of it may take a moment: see `cleared`."""
        returncode = self._process.wait()
        os.close(self.pidfd)
        self.pidfd = -1
        self._kill_at = time.monotonic() + CLEARED_S
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        return returncode

    def cleared(self) -> bool:
        """Whether none of its processes is left, so that it can be started again. They end by themselves; or are killed."""
        if not members_of(self.pid):
            return True
        if time.monotonic() > self._kill_at:
            self.kill()
        return False

    def _signal(self, number: int) -> None:
        if self.pidfd < 0:
            return
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)
