"""The embedder's side of the fork server: start it, talk to it, start it again.

Messages to the server: `("preload", modules, path)`, `("fork", boot)` with descriptors, `("kill", pid)`, `("title", title)`.
Its reports: `("forked", serial, pid)` with a pidfd, `("not forked", serial, limit, text)`, `("exited", pid, status)`,
`("preload failed", module, text)`, `("preload unsafe", module)`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from multiprocessing import spawn
from typing import TYPE_CHECKING, Any, Protocol

from peerage.actors.runtime.processes import interpreter
from peerage.actors.runtime.processes.fd_channel import GROUP_SIGNALS, receive_message, send_message
from peerage.actors.runtime.processes.own_fork import OwnFork, is_possible

if TYPE_CHECKING:
    from peerage.actors.runtime.processes.directory import Directory
    from peerage.actors.runtime.processes.requests import Boot

# With -c alone, Python looks for modules first in the current directory, and would run anybody's file there that is named
# like a standard module; hence -P. The embedder's import path is taken over after the standard modules have been imported,
# so that actors can import what the embedder can.
# Once it serves, the server polls the life pipe. Its imports take seconds on a busy machine; until they are done, the pipe's
# end of file arrives as a signal, whose handler removes the embedder's directory, if there is one already, and exits.
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
import peerage.actors.runtime.actor  # every host needs it: what is there before the fork, all of them share
from peerage.actors.runtime.processes.fork_server import serve
serve(int(control), int(life), directory, title)
"""
STOP_TIMEOUT_S = 3.0


def import_path() -> list[str]:
    """The entries of `sys.path` that are strings: Python passes over others, too. Hosts import from the same places."""
    return [entry for entry in sys.path if isinstance(entry, str)]


def environment_now() -> dict[str, str]:
    """A copy of the environment, safe against another thread that changes it meanwhile."""
    return {key: value for key in os.environ if (value := os.environ.get(key)) is not None}


def current_directory() -> int:
    """A descriptor of this process's current directory, by which another process can go there.

    A path would not do: the directory may have been deleted or renamed, or this user may have lost the right to walk there.
    """
    try:
        return os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        return os.open("/proc/self/cwd", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


class _Child(Protocol):
    """The server's process."""

    pid: int

    def wait(self, timeout: float | None = None) -> int: ...

    def kill(self) -> None: ...


class ForkServer:
    """A fork server process. When it has died, `end` and `start` replace it.

    Used by one thread at a time: by whoever makes the system, then by the root, at last by whoever shuts the system down.

    Attributes: environment, what its process was given; is_started, False between `end` and a `start` that succeeds.

    Args: fork, whether the first one is forked from this process, which has imported most of `preload` and has no threads.
    """

    def __init__(
        self, life_fd: int, directory: Directory, preload: tuple[str, ...], title: str, *, fork: bool = False
    ) -> None:
        self._life_fd, self._directory, self._preload, self._title = life_fd, directory, preload, title
        self.is_started = False
        self._child: _Child
        self.start(fork=fork)

    @property
    def pid(self) -> int:
        return self._child.pid

    def fileno(self) -> int:
        """The descriptor that becomes readable when a report comes, or the server dies; another one after each `start`."""
        return self._control.fileno()

    def start(self, *, fork: bool = False) -> None:
        """Start a process. Raises: OSError; nothing is left of it then."""
        self.environment = environment_now()
        self._control, theirs = socket.socketpair()
        try:
            self._child = self._forked(theirs) if fork and is_possible() else self._executed(theirs)
        except BaseException:
            self._control.close()
            raise
        finally:
            theirs.close()
        self.is_started = True
        self._send_preload()

    def _forked(self, control: socket.socket) -> OwnFork:
        def serve() -> None:
            from peerage.actors.runtime.processes import fork_server

            fork_server.serve_forked(control.detach(), self._life_fd, self._directory.path, self._title)

        return OwnFork(serve, (control.fileno(), self._life_fd, *self._directory.fds))

    def _executed(self, control: socket.socket) -> subprocess.Popen[bytes]:
        executable = os.fsdecode(spawn.get_executable() or sys.executable)
        argv = [
            executable,
            *interpreter.flags(),
            "-P",
            "-c",
            PROGRAM,
            str(control.fileno()),
            str(self._life_fd),
        ]
        argv += [self._directory.path, self._title, json.dumps(import_path())]
        # The server unblocks these signals once it disregards them: none must end it before.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, GROUP_SIGNALS)
        try:
            # In a process group of its own: a signal to the embedder's whole group (from a terminal, from `timeout`)
            # must not end the one process that cleans up after it.
            return subprocess.Popen(
                argv,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                pass_fds=(control.fileno(), self._life_fd, *self._directory.fds),
                process_group=0,
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _send_preload(self) -> None:
        with contextlib.suppress(ConnectionError):  # it has died: whoever listens to it finds out
            send_message(self._control, ("preload", self._preload, import_path()))

    def preload(self, modules: tuple[str, ...]) -> None:
        """Have it import more modules before it forks the next host, and its successors too.

        The order is kept because both are messages on one line.
        """
        self._preload += tuple(name for name in modules if name not in self._preload)
        self._send_preload()

    def entitle(self, title: str) -> None:
        """Put another prefix into its title, and into those of its successors."""
        self._title = title
        with contextlib.suppress(ConnectionError):
            send_message(self._control, ("title", title))

    def fork(self, boot: Boot, fds: list[int]) -> None:
        """Ask for a host; the answer comes as a report.

        Args: fds, first the directory that the host runs in, then the descriptors that its actor is passed.
        Raises: ConnectionError, when the server has died.
        """
        send_message(self._control, ("fork", tuple(boot)), tuple(fds))

    def kill(self, pid: int) -> None:
        """Kill a host by its process number, which is safe because only the server, its parent, can reap it."""
        send_message(self._control, ("kill", pid))

    def receive(self) -> tuple[Any, list[int]]:
        """The next report and its descriptors. Raises: EOFError or OSError, when the server has died."""
        return receive_message(self._control)

    def wait_readable(self, timeout: float) -> bool:
        """Whether a report, or the end of the server, is there within `timeout` seconds."""
        if not self.is_started:
            return False
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        return bool(poll.poll(timeout * 1000))

    def leave_out(self, module: str) -> None:
        """Do not have the next server preload this module."""
        self._preload = tuple(name for name in self._preload if name != module)

    def end(self) -> int | None:
        """Close the line to a server that has died, and reap it. Returns: its wait status."""
        self._control.close()
        self.is_started = False
        code = self._wait()
        return None if code is None else (code << 8 if code >= 0 else -code)

    def _wait(self) -> int | None:
        # With its line closed, the server ends by itself; an import that hangs keeps it from seeing that.
        try:
            return self._child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return self._child.wait()

    def close(self) -> None:
        """End the server: at the end of file it removes the directory and exits."""
        self._control.close()
        self._wait()
