"""The life pipe, by which every process of a system notices that its embedder is gone.

The embedder alone holds the write end and never writes, so the read end reports end of file exactly when the embedder has
ended, however it ended.
"""

from __future__ import annotations

import contextlib
import os
import threading

from peerage.actors.runtime.mail.process import current_process
from peerage.actors.runtime.processes.directory import remove_directory


def guard(life_fd: int, directory: str) -> None:
    """Have a thread exit this process as soon as the embedder is gone, whatever the other threads are doing."""
    threading.Thread(target=_wait_for_end, args=(life_fd, directory), name="life", daemon=True).start()


def _wait_for_end(life_fd: int, directory: str) -> None:
    with contextlib.suppress(OSError):
        os.read(life_fd, 1)  # nothing is ever written
    if (process := current_process()) is not None:
        process.network.stop_mending()
    remove_directory(directory)
    os._exit(0)
