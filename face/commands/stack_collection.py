"""Collects the stacks of a node's processes: each writes its own when it gets SIGUSR2, also one that hangs.

A process that does not catch the signal would die of it. So the kernel is asked first.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from peerage.actors.stack_dumps import STACKS_SIGNAL

__all__ = ["catches_signal", "collect_stacks"]

LOOK_S: Final = 0.01
SETTLED_S: Final = 0.1  # so long nothing more has come: the handler writes without a pause
MOST_S: Final = 1.0  # for one process
MOST_TOGETHER_S: Final = 30.0
MOST_BYTES: Final = 256 * 1024  # of one process
_PROC: Final = Path("/proc")


def collect_stacks(processes: Iterable[tuple[int, str]], file: Path, most_s: float = MOST_TOGETHER_S) -> str:
    """Have each process write its stacks, one after the other. Args: file, that they append to. Returns: all of it.

    Nothing is raised: what could not be got is said in its place.
    """
    until = time.monotonic() + most_s
    parts = []
    for pid, title in processes:
        text = "not asked: it took too long" if time.monotonic() > until else _stacks_of(pid, file)
        parts.append(f"==== {title} (process {pid})\n{text.rstrip()}\n")
    with suppress(OSError):
        os.truncate(file, 0)  # its writers append
    return "\n".join(parts)


def catches_signal(pid: int) -> bool:
    """Whether a process has a handler for the signal; one without would end. Raises: OSError, it is gone."""
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        name, _, mask = line.partition(":")
        if name == "SigCgt":
            return bool(int(mask, 16) >> (STACKS_SIGNAL - 1) & 1)
    return False


def _stacks_of(pid: int, file: Path) -> str:
    try:
        begin = file.stat().st_size
        if not catches_signal(pid):
            return "it does not write its stacks"
        os.kill(pid, STACKS_SIGNAL)
    except (OSError, ValueError) as error:
        return f"not asked: {getattr(error, 'strerror', None) or error}"
    now = quiet_since = time.monotonic()
    until, size = now + MOST_S, begin
    while now < until and (size == begin or now - quiet_since < SETTLED_S):
        time.sleep(LOOK_S)
        now, before = time.monotonic(), size
        size = file.stat().st_size
        if size != before:
            quiet_since = now
    if size == begin:
        return f"it has written nothing within {MOST_S:g} s"
    with file.open("rb") as written:
        written.seek(begin)
        return written.read(MOST_BYTES).decode(errors="replace")
