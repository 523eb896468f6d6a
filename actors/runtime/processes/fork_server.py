"""The fork server: a small process that has everything imported, and forks hosts on request.

Forking takes milliseconds where starting an interpreter and importing takes a second, and the pages of what was imported are
shared by all hosts. Only a process without threads can be forked safely: a thread of the parent does not exist in the child,
but a lock it held stays locked. So the server has no threads and no ZeroMQ context, and refuses modules that start threads.

It runs as `python -c "…serve(control, life, directory, title)"`; see `fork_server_client.py` for its messages. It also
cleans up: when the embedder is gone (end of file on the control socket or the life pipe), it kills its children that are
left, removes the directory and exits.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import importlib
import os
import select
import signal
import socket
import sys
from typing import Any

from peerage.actors.runtime.errors import text_of
from peerage.actors.runtime.host import starting
from peerage.actors.runtime.host.descriptors import close_all
from peerage.actors.runtime.limits import lack_behind
from peerage.actors.runtime.mail.foothold import UNMOUNTED
from peerage.actors.runtime.processes.boot import run_host, tell_failure
from peerage.actors.runtime.processes.buffers import flush_all, freeze
from peerage.actors.runtime.processes.directory import remove_directory
from peerage.actors.runtime.processes.fd_channel import GROUP_SIGNALS, receive_message, send_message
from peerage.actors.runtime.processes.requests import Boot
from peerage.actors.runtime.processes.sigterm import disregard
from peerage.actors.runtime.processes.title import set_title

GRACE_S = 0.5  # for hosts to notice that the embedder is gone, before they are killed


def serve(control_fd: int, life_fd: int, directory: str, title: str) -> None:
    """Serve until the embedder goes away."""
    starting.not_yet()
    set_title(f"{title}: fork server")
    for number in GROUP_SIGNALS:
        disregard(number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, GROUP_SIGNALS)
    os.set_inheritable(control_fd, False)
    os.set_inheritable(life_fd, False)
    if directory.startswith(UNMOUNTED):
        os.set_inheritable(int(directory.removeprefix(UNMOUNTED)), False)
    with socket.socket(fileno=control_fd) as control:
        _Server(control, life_fd, directory).run()


class _Server:
    def __init__(self, control: socket.socket, life_fd: int, directory: str) -> None:
        self._control, self._life_fd, self._directory = control, life_fd, directory
        self._children: set[int] = set()
        self._signals, self._signals_in = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(self._signals_in, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self) -> None:
        poll = select.poll()
        for fd in (self._control.fileno(), self._life_fd, self._signals):
            poll.register(fd, select.POLLIN)
        try:
            _signal_end(self._life_fd, wanted=False)  # the loop looks at the life pipe itself
            while True:
                ready = {fd for fd, _events in poll.poll()}
                if self._signals in ready:
                    os.read(self._signals, 4096)
                    self._reap()
                if self._life_fd in ready:
                    break
                if self._control.fileno() in ready:
                    self._handle(*receive_message(self._control))
        except (EOFError, OSError):
            pass
        self._clean_up()

    def _handle(self, request: tuple[Any, ...], fds: list[int]) -> None:
        match request:
            case ("preload", modules, path):
                self._preload(modules, path)
            case ("fork", boot):
                self._fork(Boot(*boot), fds)
            case ("kill", pid):
                self._kill(pid)

    def _preload(self, modules: tuple[str, ...], path: list[str]) -> None:
        sys.path[:] = path
        _signal_end(self._life_fd, wanted=True)
        for name in modules:
            try:
                importlib.import_module(name)
            except BaseException as error:  # SystemExit, too: a program without a guard
                send_message(self._control, ("preload failed", name, repr(error)))
            if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208 - native threads count, too
                send_message(self._control, ("preload unsafe", name))
                os._exit(0)  # a process with threads must not be forked; our successor leaves the module out
        _signal_end(self._life_fd, wanted=False)
        freeze()  # also writes out what the imports have printed: each host would write it again

    def _fork(self, boot: Boot, fds: list[int]) -> None:
        try:
            if len(fds) <= len(
                boot.fd_names
            ):  # the kernel drops descriptors for which the receiver has no room
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            pid = os.fork()
        except (OSError, MemoryError) as error:
            close_all(fds)
            self._refuse(boot, error)
            return
        if pid == 0:
            _become_host(self._control, (self._signals, self._signals_in), boot, self._life_fd, fds)
        self._children.add(pid)
        for fd in fds:
            os.close(fd)
        # Opened here, by the parent that has not yet reaped it: the number cannot mean another process.
        try:
            pidfd = os.pidfd_open(pid)
        except OSError as error:
            os.kill(pid, signal.SIGKILL)
            self._refuse(boot, error)
            return
        send_message(self._control, ("forked", boot.serial, pid), (pidfd,))
        os.close(pidfd)

    def _refuse(self, boot: Boot, error: BaseException) -> None:
        """Report that a host cannot be made. The server itself goes on."""
        send_message(self._control, ("not forked", boot.serial, lack_behind(error), text_of(error)))

    def _kill(self, pid: int) -> None:
        if pid in self._children:  # not reaped yet, so the number cannot mean another process
            os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        for pid in list(self._children):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                self._children.discard(pid)
                send_message(self._control, ("exited", pid, status))

    def _clean_up(self) -> None:
        deadline = GRACE_S
        while self._children and deadline > 0:
            with contextlib.suppress(OSError):
                select.select([self._signals], [], [], 0.05)
                os.read(self._signals, 4096)
            deadline -= 0.05
            with contextlib.suppress(OSError):
                self._reap_quietly()
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
        remove_directory(self._directory)

    def _reap_quietly(self) -> None:
        for pid in list(self._children):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self._children.discard(pid)


def _signal_end(life_fd: int, *, wanted: bool) -> None:
    """Choose whether the embedder's end interrupts us as a signal, whose handler exits: see `fork_server_client.PROGRAM`.

    Imports may take seconds and cannot poll; the server's own loop polls the life pipe, and wants no signal.

    Raises: EOFError, when the embedder is gone already.
    """
    flags = fcntl.fcntl(life_fd, fcntl.F_GETFL)
    fcntl.fcntl(life_fd, fcntl.F_SETFL, flags | os.O_ASYNC if wanted else flags & ~os.O_ASYNC)
    if select.select([life_fd], [], [], 0)[0]:
        raise EOFError


def _become_host(
    control: socket.socket, pipe: tuple[int, int], boot: Boot, life_fd: int, fds: list[int]
) -> None:
    """In the child: never returns."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGIO):
            signal.signal(number, signal.SIG_DFL)
        control.close()
        for fd in pipe:
            os.close(fd)
        here, *passed = fds
        code = run_host(boot, life_fd, here, dict(zip(boot.fd_names, passed, strict=True)))
    except BaseException as error:
        if not tell_failure(boot, error):
            sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(Exception):
            flush_all()
        os._exit(code)
