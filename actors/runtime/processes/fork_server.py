"""The fork server: a small process that has everything imported, and forks hosts on request.

Forking takes milliseconds where starting an interpreter and importing takes a second, and the pages of what was imported are
shared by all hosts. What the first hosts do not need is imported while they start. Only a process without threads can be
forked safely: a thread of the parent does not exist in the child, but a lock it held stays locked. So the server has no
threads and no ZeroMQ context, and refuses modules that start threads. It is a loop over three descriptors, doing one thing
at a time. Whatever it does for one host must not end it, since it is the parent of all: only its children's parent hears how
they have ended.

It runs as `python -c "…serve(control, life, directory, title)"`; see `fork_server_client.py` for its messages. It also
cleans up: when the embedder is gone (end of file on the control socket or the life pipe), it kills its children that are
left, removes the directory and exits.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gc
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
from peerage.actors.runtime.processes.fresh_process import execute
from peerage.actors.runtime.processes.requests import Boot
from peerage.actors.runtime.processes.sigterm import disregard
from peerage.actors.runtime.processes.title import set_title

GRACE_S = 0.5  # for hosts to notice that the embedder is gone, before they are killed


def serve(control_fd: int, life_fd: int, directory: str, title: str) -> None:
    """Serve until the embedder goes away.

    Args: control_fd, our end of the socket pair; life_fd, the life pipe's read end; directory, of the mailboxes, which is
        removed at the end; title, the prefix of process titles.
    """
    starting.not_yet()
    set_title(title, "fork server")
    # The embedder started us with these signals blocked. One that has come meanwhile is delivered, and does nothing now.
    # SIGTERM and its like come to all processes at once and mean the program. We leave after it, and clean up.
    for number in GROUP_SIGNALS:
        disregard(number)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, GROUP_SIGNALS)
    # They had to pass exec once, on the way here. Programs that actors start must not get them.
    os.set_inheritable(control_fd, False)
    os.set_inheritable(life_fd, False)
    if directory.startswith(UNMOUNTED):
        os.set_inheritable(int(directory.removeprefix(UNMOUNTED)), False)
    with socket.socket(fileno=control_fd) as control:
        _Server(control, life_fd, directory).run()


def serve_forked(control_fd: int, life_fd: int, directory: str, title: str) -> None:
    """As `serve`, in a process that was forked from the embedder: what else `fork_server_client.PROGRAM` sees to."""

    def leave(*_: object) -> None:
        remove_directory(directory)
        os._exit(0)

    signal.signal(signal.SIGIO, leave)
    fcntl.fcntl(life_fd, fcntl.F_SETOWN, os.getpid())
    serve(control_fd, life_fd, directory, title)


class _Server:
    """The loop, and the processes that it has forked and not yet reaped.

    A child that has ended keeps its number until it is reaped, and nobody but us can do that. So a number in `_children`
    means the process that was forked, and may be killed.
    """

    def __init__(self, control: socket.socket, life_fd: int, directory: str) -> None:
        self._control, self._life_fd, self._directory = control, life_fd, directory
        self._children: set[int] = set()
        self._pending: list[str] = []  # modules to import
        self._is_collected = self._is_frozen = True
        self._signals, self._signals_in = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        # SIGCHLD writes a byte here, which ends a poll. A full pipe does not matter: one byte is enough. The handler is
        # there because without one Python would not write.
        signal.set_wakeup_fd(self._signals_in, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self) -> None:
        """Serve, and clean up after the embedder. Any error of the control socket means that it is gone."""
        poll = select.poll()
        for fd in (self._control.fileno(), self._life_fd, self._signals):
            poll.register(fd, select.POLLIN)
        try:
            _signal_end(self._life_fd, wanted=False)  # the loop looks at the life pipe itself
            while True:
                ready = {fd for fd, _events in poll.poll(0 if self._pending else None)}
                # Deaths first: once its pidfd has told of a death, the root waits only a moment for the status.
                if self._signals in ready:
                    os.read(self._signals, 4096)
                    self._reap()
                if self._life_fd in ready:
                    break
                if self._control.fileno() in ready:
                    self._handle(*receive_message(self._control))
                elif self._pending:
                    self._import(self._pending[0])
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
            case ("title", title):
                set_title(title, "fork server")

    def _preload(self, modules: tuple[str, ...], path: list[str]) -> None:
        """Note modules to import, so that every host that is forked from then on has them.

        They are imported while nothing is asked for, and before the first host that may need them is forked. A module that
        cannot be imported is reported and left out. Its actors then import it themselves, and fail with the same error,
        where somebody waits for the answer.
        """
        sys.path[:] = path
        if not self._pending:
            # Not by whoever has forked us with nothing but modules of ours: they make little garbage.
            self._is_collected = gc.isenabled()
            gc.disable()  # it would look through all that imports make, again and again
        self._pending += [name for name in modules if name not in self._pending]
        if not self._pending:
            self._freeze()

    def _import(self, name: str) -> None:
        self._pending.remove(name)
        _signal_end(self._life_fd, wanted=True)
        try:
            importlib.import_module(name)
        except BaseException as error:  # SystemExit, too: a program without a guard
            send_message(self._control, ("preload failed", name, repr(error)))
        # After each one, so that the module to blame is known.
        if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208 - native threads count, too
            send_message(self._control, ("preload unsafe", name))
            os._exit(0)  # a process with threads must not be forked; our successor leaves the module out
        _signal_end(self._life_fd, wanted=False)
        self._is_frozen = False
        if not self._pending:
            self._freeze()

    def _import_for(self, boot: Boot) -> None:
        """Import what a host needs that is about to be forked: all up to the module that was named for it, or everything."""
        while self._pending and (not boot.module or boot.module in self._pending):
            self._import(self._pending[0])
        if not self._is_frozen:
            self._freeze()

    def _freeze(self) -> None:
        """Write out what imports have printed, too: each host would write it again."""
        freeze(collect=self._is_collected and not self._pending)
        self._is_frozen = True
        if not self._pending:
            gc.enable()

    def _fork(self, boot: Boot, fds: list[int]) -> None:
        """Fork a host and report its number, with a pidfd of it; or report why there is none.

        Args: fds, the directory to run in, then what the actor is passed; closed here, the child has copies.
        """
        self._import_for(boot)
        try:
            # The kernel drops descriptors for which the receiver has no room.
            if len(fds) <= len(boot.fd_names):
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
            pid = os.fork()
        # A limit was met, of this process or its user: an answer like others.
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
        except OSError as error:  # without a pidfd the root would not hear of its death
            os.kill(pid, signal.SIGKILL)
            self._refuse(boot, error)
            return
        send_message(self._control, ("forked", boot.serial, pid), (pidfd,))
        os.close(pidfd)

    def _refuse(self, boot: Boot, error: BaseException) -> None:
        """Report that a host cannot be made: which limit was met, if one was, and what was raised. The server goes on."""
        send_message(self._control, ("not forked", boot.serial, lack_behind(error), text_of(error)))

    def _kill(self, pid: int) -> None:
        if pid in self._children:  # not reaped yet, so the number cannot mean another process
            os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        # Each child is asked for: SIGCHLDs are not queued, so one may stand for several deaths. Not waitpid(-1) either,
        # which would take the status of processes that preloaded modules have started.
        for pid in list(self._children):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                self._children.discard(pid)
                send_message(self._control, ("exited", pid, status))

    def _clean_up(self) -> None:
        """The embedder is gone: see to it that all hosts go, then remove the directory.

        Hosts notice by themselves, by the life pipe. Those that have not in a moment (one is stopped, or sits in C code with
        the GIL) are killed. The directory goes last, so that none of them makes it again.
        """
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
        """As `_reap`, when there is nobody left to report to."""
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
    """In the child: run the host and leave. Never returns, whatever happens: the fork server's loop is further down the
    stack.

    Leaving is `os._exit`, since the exit functions and finalizers of this process are copies of the fork server's; so
    buffers have to be written out by hand.

    Args: control, pipe: the fork server's own descriptors; fds, the directory to run in, then what the actor is passed.
    """
    code = 1
    try:
        gc.enable()  # we may have been forked between two imports
        # Before anything else that takes time: a signal would write into the pipe that is shared with our parent.
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGIO):
            signal.signal(number, signal.SIG_DFL)
        # While any process has this end of the socket, the embedder would not notice that the fork server has died.
        control.close()
        for fd in pipe:
            os.close(fd)
        here, *passed = fds
        named = dict(zip(boot.fd_names, passed, strict=True))
        if boot.is_fresh:
            execute(boot, life_fd, here, named)
        code = run_host(boot, life_fd, here, named)
    except BaseException as error:
        if not tell_failure(boot, error):
            sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(Exception):
            flush_all()
        os._exit(code)
