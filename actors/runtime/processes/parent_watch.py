"""The life pipe: its write end is held by the embedder alone, so its end of file means that the embedder is
gone.
"""

from __future__ import annotations

import contextlib
import os
import threading

from peerage.actors.runtime.mail.process import current_process
from peerage.actors.runtime.processes.directory import remove_directory


def guard(life_fd: int, directory: str) -> None:
    """Exit this process at once when the embedder is gone, whatever the other threads do."""
    threading.Thread(target=_wait_for_end, args=(life_fd, directory), name="life", daemon=True).start()


def _wait_for_end(life_fd: int, directory: str) -> None:
    with contextlib.suppress(OSError):
        os.read(life_fd, 1)  # nothing is ever written
    if (process := current_process()) is not None:
        process.network.stop_mending()
    remove_directory(directory)
    os._exit(0)
