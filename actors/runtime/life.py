"""The life pipe: its write end is held by the embedder alone, so its end of file means that the embedder is
gone.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import threading
import time
from pathlib import Path

YOUNG_S = 60.0


def guard(life_fd: int, directory: str) -> None:
    """Exit this process at once when the embedder is gone, whatever the other threads do."""
    threading.Thread(target=_wait_for_end, args=(life_fd, directory), name="life", daemon=True).start()


def _wait_for_end(life_fd: int, directory: str) -> None:
    with contextlib.suppress(OSError):
        os.read(life_fd, 1)  # nothing is ever written
    remove_directory(directory)
    os._exit(0)


def hold(directory: str) -> int:
    """Mark a directory as in use until the returned descriptor, which closes on exec, is closed."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def sweep(pattern: Path) -> None:
    """Remove the directories of embedders that were killed together with everything that cleans up.

    Held ones are left alone (a lock sees through PID namespaces, a process number does not), and so are young
    ones, whose owner may be about to take hold.
    """
    for directory in pattern.parent.glob(pattern.name):
        with contextlib.suppress(OSError):
            facts = directory.stat()
            if facts.st_uid != os.getuid() or time.time() - facts.st_mtime < YOUNG_S:
                continue
            fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_directory(str(directory))
            finally:
                os.close(fd)


def remove_directory(directory: str) -> None:
    """Remove the runtime directory; several processes may do so at the same time."""
    for _ in range(10):
        shutil.rmtree(directory, ignore_errors=True)
        if not Path(directory).exists():
            return
