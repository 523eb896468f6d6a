"""What all threads of this process are running, asked for without a hang.

`sys._current_frames()` holds the interpreter's lock over the list of threads while it makes its answer. In CPython before
3.11.8 and 3.12.2 the collector may start in the middle of that; if it frees a `threading.local`, it wants the same lock, and
the process stands still for good with the GIL held: https://github.com/python/cpython/issues/106883
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from types import FrameType

_lock = threading.Lock()  # so that no thread turns the collector on while another one asks


def current_frames() -> dict[int, FrameType]:
    """The innermost frame of each thread that runs Python code, by the thread's identifier."""
    with _lock:
        was_on = gc.isenabled()
        gc.disable()
        try:
            return sys._current_frames()  # noqa: SLF001 - there is no other way to see threads of all kinds
        finally:
            if was_on:
                gc.enable()


def _replace_lock() -> None:
    global _lock  # noqa: PLW0603 - a thread that does not exist in a forked child may hold the old one
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_replace_lock)
