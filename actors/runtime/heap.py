"""What this process has freed and the C library still holds, to be given back to the system.

glibc keeps freed memory for the next request. As soon as a large block was freed once, it keeps blocks of that size too,
and whatever lies below one that is in use: after a message of 21 MiB a process may hold twice that for the rest of its
life, and after a burst of them hundreds. Other C libraries give memory back themselves, and nothing is done there.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable

__all__ = ["Heap", "freed_bytes", "trim"]

IDLE_S = 10.0  # as long as shared memory is kept (mail/arena.py)
WORTH_TRIMMING = 4 * 1024 * 1024  # bytes; less is not worth the page faults of the next request

_FREED = 8  # `fordblks`, among the fields of struct mallinfo2


class _Mallinfo2(ctypes.Structure):
    _fields_ = (("fields", ctypes.c_size_t * 10),)


_libc = ctypes.CDLL(None)
_malloc_trim = getattr(_libc, "malloc_trim", None)
_mallinfo2 = getattr(_libc, "mallinfo2", None)  # glibc 2.33
if _mallinfo2 is not None:
    _mallinfo2.restype = _Mallinfo2


def freed_bytes() -> int:
    """How many bytes the C library holds that nobody uses; 0 where it does not say."""
    return 0 if _mallinfo2 is None else int(_mallinfo2().fields[_FREED])


def trim() -> None:
    """Give back what nobody uses, wherever it lies. That takes about a millisecond for 10 MiB."""
    if _malloc_trim is not None:
        _malloc_trim(0)


class Heap:
    """Gives back what a process has not needed for a while.

    Args: clock, in seconds; freed, says how many bytes nobody uses; give_back, gives them back.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        freed: Callable[[], int] = freed_bytes,
        give_back: Callable[[], object] = trim,
    ) -> None:
        self._clock, self._freed, self._give_back = clock, freed, give_back
        self._least: int | None = None  # that was free at any look since the latest decision
        self._decide_at = clock() + IDLE_S

    def look(self) -> None:
        """Now and again: give back what was free at each look of the last ten seconds."""
        free = self._freed()
        self._least = free if self._least is None else min(self._least, free)
        if self._clock() < self._decide_at:
            return
        if self._least >= WORTH_TRIMMING:
            self._give_back()
        self._least, self._decide_at = None, self._clock() + IDLE_S
