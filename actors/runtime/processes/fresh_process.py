"""A host whose process imports everything anew: for code that has changed since the fork server imported it.

The fork server forks a host as always, so it is its parent, and the root is told of the process in the same way. That
process then executes a new interpreter, which knows no module yet: what had been imported in the fork server is gone with
its memory. What it must know is in a file in memory, which it inherits with the descriptors of its actor. That takes a
second instead of milliseconds.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
from multiprocessing import spawn

from peerage.actors.runtime.host import starting
from peerage.actors.runtime.mail.foothold import UNMOUNTED
from peerage.actors.runtime.processes import interpreter
from peerage.actors.runtime.processes.boot import run_host, tell_failure
from peerage.actors.runtime.processes.buffers import flush_all
from peerage.actors.runtime.processes.fd_channel import GROUP_SIGNALS
from peerage.actors.runtime.processes.requests import Boot
from peerage.actors.runtime.processes.sigterm import disregard

__all__ = ["execute", "go_on"]

# The path comes first, so that we are found where the embedder has found us; -P keeps the current directory off it.
PROGRAM = """
import os, pickle, sys
with os.fdopen(int(sys.argv[1]), "rb") as file:
    boot, *fds = pickle.load(file)
sys.path[:] = boot["path"]
from peerage.actors.runtime.processes.fresh_process import go_on
go_on(boot, *fds)
"""


def execute(boot: Boot, life_fd: int, here: int, fds: dict[str, int]) -> None:
    """In the host that was just forked: go on as a new interpreter. Args: as of `run_host`.

    Raises: OSError, when there is none; otherwise it does not return.
    """
    told = os.memfd_create("boot")
    with os.fdopen(os.dup(told), "wb") as file:
        pickle.dump((boot._asdict(), life_fd, here, fds), file)
    os.lseek(told, 0, os.SEEK_SET)
    for fd in (told, life_fd, here, *fds.values(), *_fds_of(boot)):
        os.set_inheritable(fd, True)
    executable = os.fsdecode(spawn.get_executable() or sys.executable)
    # As `fork_server_client` starts the fork server: none of these signals may end it before it disregards them.
    signal.pthread_sigmask(signal.SIG_BLOCK, GROUP_SIGNALS)
    flush_all()
    os.execv(executable, [executable, *interpreter.flags(), "-P", "-c", PROGRAM, str(told)])  # noqa: S606 - no shell is wanted


def go_on(known: dict[str, object], life_fd: int, here: int, fds: dict[str, int]) -> None:
    """In the new interpreter: be the host, and leave. Never returns. Args: known, what `Boot` holds; the others as there."""
    boot, code = Boot(**known), 1  # type: ignore[arg-type]  # from `execute`
    try:
        starting.not_yet()
        for number in GROUP_SIGNALS:
            disregard(number)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, GROUP_SIGNALS)
        for fd in (life_fd, here, *fds.values(), *_fds_of(boot)):
            os.set_inheritable(fd, False)  # programs that actors start must not get them
        gc.freeze()
        code = run_host(boot, life_fd, here, fds)
    except BaseException as error:
        if not tell_failure(boot, error):
            sys.excepthook(*sys.exc_info())
    finally:
        flush_all()
        os._exit(code)


def _fds_of(boot: Boot) -> tuple[int, ...]:
    """The descriptor of the directory, where it is known by that alone."""
    return (int(boot.directory.removeprefix(UNMOUNTED)),) if boot.directory.startswith(UNMOUNTED) else ()
