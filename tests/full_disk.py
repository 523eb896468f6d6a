"""A disk without room, for this process or another: files cannot grow any more. Needs no rights."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def full_disk(pid: int = 0) -> Iterator[None]:
    """Nothing can be written to any file, by this process or by that one; processes that it forks begin like that.

    Python ignores the signal that comes with it, so that a write fails as on a full disk.
    """
    pid = pid or os.getpid()
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
