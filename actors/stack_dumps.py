"""Has a process write where its threads are when it gets a signal, also one that hangs in a loop or in a library.

The handler is C and runs at once, whatever the interpreter is doing. So everything that it needs is there before: an open
file, to which all processes of a node append. Behind it, as soon as the interpreter goes on with its next line, a second
handler adds a line about the process's actors: which message each handles, for how long, and where.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final

__all__ = ["ACTORS_MARK", "STACKS_SIGNAL", "write_stacks_on_signal"]

STACKS_SIGNAL: Final = signal.SIGUSR2
ACTORS_MARK: Final = "@actors "  # in front of the line of JSON
FILE_MODE = 0o600


def write_stacks_on_signal(path: Path) -> bool:
    """Append the stacks of all threads, and what the actors are doing, to this file at each SIGUSR2 from now on.

    Returns: False, if the file cannot be opened: the signal does then what it did.
    """
    with suppress(OSError):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(path, flags, FILE_MODE)  # open as long as the process lives

        def write_actors(_number: int, frame: FrameType | None) -> None:
            with suppress(Exception):  # it has interrupted anything: whatever is the matter, that goes on
                os.write(fd, _line_of_actors(frame))

        is_chained = True
        try:
            signal.signal(STACKS_SIGNAL, write_actors)
        except ValueError:  # not in the main thread
            is_chained = False
        faulthandler.register(STACKS_SIGNAL, file=fd, all_threads=True, chain=is_chained)
        return True
    return False


def _line_of_actors(frame: FrameType | None) -> bytes:
    rows = []
    if (
        "peerage.actors.runtime.host.cell" in sys.modules
    ):  # a process without actors need not have them imported
        from peerage.actors.runtime.doing import doing_here

        rows = [each._asdict() for each in doing_here(frame)]
    return f"{ACTORS_MARK}{json.dumps({'pid': os.getpid(), 'actors': rows})}\n".encode()
