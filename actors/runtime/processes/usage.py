"""What a process has used so far, as the kernel counts it: also of one that is too busy to say so itself."""

from __future__ import annotations

import os
from typing import NamedTuple

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
# Fields of /proc/PID/stat behind the name, which is in brackets and may hold anything. See proc_pid_stat(5).
_UTIME, _STIME, _RSS = 11, 12, 21


class Usage(NamedTuple):
    """Attributes: processor_time, seconds, in steps of the kernel's tick, a hundredth; memory, resident bytes."""

    processor_time: float
    memory: int


def usage_of(pid: int) -> Usage | None:
    """What a process has used; None when there is no such process, or no /proc."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123 - a read of /proc, often
            fields = stat.read().rpartition(b")")[2].split()
        ticks = int(fields[_UTIME]) + int(fields[_STIME])
        return Usage(ticks / _TICKS_PER_S, int(fields[_RSS]) * _PAGE)
    except (OSError, ValueError, IndexError):
        return None
