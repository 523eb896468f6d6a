"""Has a process write where its threads are when it gets a signal, also one that hangs in a loop or in a library.

The handler is C and runs at once, whatever the interpreter is doing. So everything that it needs is there before: an open
file, to which all processes of a node append.
"""

from __future__ import annotations

import faulthandler
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["STACKS_SIGNAL", "write_stacks_on_signal"]

STACKS_SIGNAL: Final = signal.SIGUSR2
FILE_MODE = 0o600


def write_stacks_on_signal(path: Path) -> bool:
    """Append the stacks of all threads to this file at each SIGUSR2 from now on.

    Returns: False, if the file cannot be opened: the signal does then what it did.
    """
    with suppress(OSError):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(path, flags, FILE_MODE)  # open as long as the process lives
        faulthandler.register(STACKS_SIGNAL, file=fd, all_threads=True)
        return True
    return False
