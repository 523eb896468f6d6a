"""Preloaded by a fork server: while the test's process has `no_more_processes()`, it cannot fork."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peerage.actors.runtime import System
from tests.actors.runtime.cast import Worker
from tests.waiting import wait_until

_fork = os.fork


def _switch(embedder: int) -> Path:
    return Path(tempfile.gettempdir()) / f"peerage-test-no-more-processes-{embedder}"


def _limited_fork() -> int:
    if _switch(os.getppid()).exists():
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return _fork()


if b"fork server" in Path("/proc/self/cmdline").read_bytes():  # in the fork server, and nowhere else
    os.fork = _limited_fork


@contextmanager
def no_more_processes(system: System) -> Iterator[None]:
    """While it lasts, the system's fork server fails to fork as under a limit on processes."""
    root = system.process.main
    assert root is not None
    root.call_threadsafe(None, system._fork_server.preload, (__name__,))
    told = Worker.start()
    told.stop()  # it has heard of it
    wait_until(lambda: told.host not in {facts.name for facts in system.hosts()})
    switch = _switch(os.getpid())
    switch.touch()
    try:
        yield
    finally:
        switch.unlink()
