"""The first steps of a host process, just forked from the fork server.

The order matters: first a thread watches for the embedder's end, so that the process cannot outlive it whatever happens
next; then title, import path, environment and directory become the embedder's, so that user code finds what it would find
there; only then is there a mailbox, user code (`log_setup`), and the word to the root that the host is ready.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import active_children, util
from pathlib import Path
from typing import Any

from peerage.actors.runtime.errors import limit_of, text_of
from peerage.actors.runtime.host import instruments, starting
from peerage.actors.runtime.host.host import EXIT_LINGER_S, Host
from peerage.actors.runtime.host.stopping import SHUTDOWN, Leave
from peerage.actors.runtime.mail import codec
from peerage.actors.runtime.mail import here as present
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.foothold import LOOK_S
from peerage.actors.runtime.mail.host_table import ROOT_ADDRESS, HostFacts
from peerage.actors.runtime.mail.process import Process
from peerage.actors.runtime.processes import orphan, passed_fds, sigterm  # noqa: F401 - what it does after a fork it does by itself
from peerage.actors.runtime.processes.parent_watch import guard
from peerage.actors.runtime.processes.requests import MEMORY, Boot
from peerage.actors.runtime.processes.title import set_title

PATIENT_LOOK_S = 0.05  # between two looks at whether a host that is given all the time it needs has ended


def run_host(boot: Boot, life_fd: int, here: int, fds: dict[str, int]) -> int:
    """Run the host to its end.

    Args: life_fd, the life pipe's read end; here, a descriptor of the directory to run in; fds, what the actor is passed.
    Returns: the exit code.
    Raises: what goes wrong before the host is ready, and what `log_setup` raises. The caller tells the root of it, by a way
        that needs no mailbox (`tell_failure`).
    """
    guard(life_fd, boot.directory)
    _settle_in(boot)
    _go_to(here)
    process = Process(boot.directory, boot.serial, boot.key, boot.system, fds.pop(MEMORY, -1))
    # The directory may have been made again since the root looked at it. Then mailboxes are missing in it that will be back.
    process.network.not_noticed_yet(boot.directory_identity, boot.directory_mended_at)
    process.log_setup = boot.log_setup
    present.enter(process)
    # As old as the fork request. What has changed since comes with the first messages of the root (`HostRecord.missed`).
    process.table.load(codec.decode(0, boot.table, ()))
    host = Host(process, boot.name, boot.serial, keep=boot.keep)
    process.main = host
    process.table.up(HostFacts(boot.name, boot.serial, host.pid), process.table.booting)
    host.passed_fds = fds
    # Until here it does nothing, as in the fork server. So do SIGINT and SIGHUP all the time: they mean the program.
    _end_on_sigterm(host)
    if boot.log_setup:
        setup: Callable[[], Any] = codec.decode(0, boot.log_setup, ())
        setup()
    starting.ready()
    # This has the root send the start message, so user code of an actor runs only in a process that is set up.
    host.port.send(ROOT_ADDRESS, Kind.HOST_READY, boot.serial, body=codec.dumps((boot.name, host.pid)))
    host.look_every(LOOK_S)
    _import_ahead(boot.module)
    host.run()
    _stop_thread_hosts(process)
    _end_children()
    instruments.finish()
    for client in process.close():
        client.close()
    process.network.flusher.end()
    # A host in a thread that hangs still has its sockets, and closing the context would wait for them for ever. What is
    # under way is lost then.
    if not process.hosts:
        process.network.leave(EXIT_LINGER_S)
    return 0


def _end_children() -> None:
    """End what multiprocessing would end at the exit of a process of its own: pools, managers, daemonic processes.

    A host leaves with `os._exit`, which does not. Copies of what the fork server has are let be.
    """
    util._run_finalizers(0)  # type: ignore[attr-defined]  # noqa: SLF001 - as `Process._bootstrap` does
    for child in active_children():
        if child.daemon and child._parent_pid == os.getpid():  # type: ignore[attr-defined]  # noqa: SLF001 - as `join` does
            child.terminate()


def _settle_in(boot: Boot) -> None:
    """Make the process look as if the embedder had started it: name, import path, environment, nothing to read from stdin.

    The fork server's own are as old as the fork server. The embedder's may have changed since, and user code goes by them.
    """
    threading.current_thread().name = f"host {boot.name}"  # from 3.14 on, the kernel's name for it as well
    set_title(boot.title, boot.name)
    # Where nothing has changed, nothing is written: the pages remain those of the fork server.
    if sys.path != boot.path:
        sys.path[:] = boot.path
    if boot.environment is not None and boot.environment != dict(os.environ):
        os.environ.clear()
        os.environ.update(boot.environment)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def _import_ahead(module: str) -> None:
    """Import what the actor needs while the root decides that it starts: what this raises is raised again at its start."""
    if module:
        with contextlib.suppress(Exception, SystemExit), starting.reading():
            importlib.import_module(module)


def _end_on_sigterm(host: Host) -> None:
    """Have the root told of a SIGTERM. It decides whether this host ends, for the signal may be meant for the program."""

    # Signal handlers run in the middle of anything: sending from here could meet a lock that this thread holds.
    def report(*_: object) -> None:
        host.call_threadsafe(None, host.report_sigterm)

    sigterm.heed(report)


def _go_to(here: int) -> None:
    """Enter the program's directory, by a descriptor of it. Raises: OSError, with its path, if that cannot be entered."""
    try:
        os.fchdir(here)
    except OSError as error:
        # A process that is there already needs no permission to go. The program may have entered the directory and given up
        # its rights to it afterwards.
        there, present = os.fstat(here), Path("/proc/self/cwd").stat()
        if (there.st_dev, there.st_ino) != (present.st_dev, present.st_ino):
            path = str(Path(f"/proc/self/fd/{here}").readlink())
            raise OSError(
                error.errno, f"the program's directory cannot be entered: {error.strerror}", path
            ) from None
    finally:
        os.close(here)


def tell_failure(boot: Boot, error: BaseException) -> bool:
    """Tell the root what this process ends with, though it may not have a mailbox yet.

    Returns: whether a limit of the operating system was met. Then the start is refused with its name, and a traceback in the
        log of a process that could not come to be would only look like a fault.
    """
    lack = limit_of(error)
    passed_fds.tell_failure(
        boot.directory, boot.key, boot.serial, lack or text_of(error), is_limit=bool(lack)
    )
    return bool(lack)


def _stop_thread_hosts(process: Process) -> None:
    """Stop the hosts in threads of this process. Those with an actor that stops others get as long as they need."""
    hosts = [host for host in process.hosts.values() if isinstance(host, Host)]
    for host in hosts:
        host.call_threadsafe(None, host.shutdown, SHUTDOWN, Leave.OWNED_HERE)
    for host in hosts:
        # Looked at again and again: it may lose its patience, or gain some, while we wait.
        while host.patience and host.loop.thread.is_alive():
            host.loop.thread.join(PATIENT_LOOK_S)
    # The others share one deadline. Threads are daemons: one that is still there goes with the process.
    deadline = time.monotonic() + EXIT_LINGER_S
    for host in hosts:
        host.loop.thread.join(max(0.0, deadline - time.monotonic()))
