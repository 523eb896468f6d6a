"""The embedder's side of the fork server: starting it, talking to it, starting it again."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from multiprocessing import spawn
from typing import TYPE_CHECKING, Any

from .control import GROUP_SIGNALS, receive_message, send_message

if TYPE_CHECKING:
    from .boot import Boot
    from .directory import Directory

# It runs with -P: with -c alone, Python would look for what is imported first in the current directory, and run a file of
# anybody's there that is named like a standard module. The embedder's path is taken over behind those: what the embedder
# can import, its actors can, from where it does.
# The server hears of its embedder's end when it serves. On a busy machine its imports take seconds: until they are done,
# the life pipe's end of file is a signal, and the embedder's directory, should it have made one already, is removed here.
PROGRAM = """
import contextlib, fcntl, json, os, select, signal, sys
control, life, directory, title, path = sys.argv[1:]
def leave(*_):
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(directory, name))
        os.rmdir(directory)
    os._exit(0)
signal.signal(signal.SIGIO, leave)
fcntl.fcntl(int(life), fcntl.F_SETOWN, os.getpid())
fcntl.fcntl(int(life), fcntl.F_SETFL, fcntl.fcntl(int(life), fcntl.F_GETFL) | os.O_ASYNC)
if select.select([int(life)], [], [], 0)[0]:
    leave()
sys.path[:] = json.loads(path)
from peerage.actors.runtime.forkserver import serve
serve(int(control), int(life), directory, title)
"""
STOP_TIMEOUT_S = 3.0


def import_path() -> list[str]:
    """Where this process imports from, and its hosts shall. Whatever else stands there, Python passes over, too."""
    return [entry for entry in sys.path if isinstance(entry, str)]


class ForkServer:
    """A fork server process. A new one takes the place of one that died."""

    def __init__(self, life_fd: int, directory: Directory, preload: tuple[str, ...], title: str) -> None:
        self._life_fd, self._directory, self._preload, self._title = life_fd, directory, preload, title
        self._start()

    @property
    def pid(self) -> int:
        return self._popen.pid

    def fileno(self) -> int:
        return self._control.fileno()

    def _start(self) -> None:
        self._control, theirs = socket.socketpair()
        executable = os.fsdecode(spawn.get_executable() or sys.executable)
        # multiprocessing takes the interpreter's flags over in the same way.
        flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # noqa: SLF001
        argv = [executable, *flags, "-P", "-c", PROGRAM, str(theirs.fileno()), str(self._life_fd)]
        argv += [self._directory.path, self._title, json.dumps(import_path())]
        # It unblocks them once it ignores them.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, GROUP_SIGNALS)
        try:
            # In a process group of its own: a signal to the embedder's whole group (a terminal's, `timeout`'s)
            # must not end the one process that cleans up behind it.
            self._popen = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), self._life_fd, *self._directory.fds),
                process_group=0,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()
        send_message(self._control, ("preload", self._preload, import_path()))

    def preload(self, modules: tuple[str, ...]) -> None:
        """Have it import more, before what it is asked for later."""
        self._preload += tuple(name for name in modules if name not in self._preload)
        send_message(self._control, ("preload", self._preload, import_path()))

    def fork(self, boot: Boot, fds: list[int]) -> None:
        """Ask for a host; the answer comes as a report."""
        send_message(self._control, ("fork", tuple(boot)), tuple(fds))

    def receive(self) -> tuple[Any, list[int]]:
        """The next report and its descriptors. Raises: EOFError or OSError when it has died."""
        return receive_message(self._control)

    def wait_readable(self, timeout: float) -> bool:
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        return bool(poll.poll(timeout * 1000))

    def leave_out(self, module: str) -> None:
        """Have the next one not preload a module."""
        self._preload = tuple(name for name in self._preload if name != module)

    def renew(self) -> int | None:
        """Start a new one. Returns: the wait status of the dead one as an exit code made of it, None if
        unknown.
        """
        self._control.close()
        code = self._wait()
        self._start()
        return None if code is None else (code << 8 if code >= 0 else -code)

    def _wait(self) -> int | None:
        try:
            return self._popen.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            return self._popen.wait()

    def close(self) -> None:
        """End it: it leaves at the end of file, removing the directory."""
        self._control.close()
        self._wait()
