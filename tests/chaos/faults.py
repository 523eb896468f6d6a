"""What is done to a process of the node from outside for a while, and undone: its disk, its descriptors."""

from __future__ import annotations

import contextlib
import fcntl
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peerage.actors.runtime.limits import Purpose, descriptor_limit, kept_for, open_descriptors
from tests.full_disk import full_disk

__all__ = ["few_descriptors", "full_disk_of", "slow_disk"]

WAL_WRITE_LOCK = 120  # the byte of the shared-memory file that writers lock: SQLite's format of that file


@contextmanager
def full_disk_of(pid: int) -> Iterator[None]:
    """Nothing can be written by this process. It may end meanwhile."""
    with contextlib.suppress(ProcessLookupError), full_disk(pid):
        yield


@contextmanager
def few_descriptors(pid: int) -> Iterator[None]:
    """This process has no descriptors left but those that it keeps for its own work. It may end meanwhile."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = open_descriptors(pid)
    limit = used + kept_for(Purpose.STRANGERS, used)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(limit, descriptor_limit(pid)), before[1]))
    yield
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


@contextmanager
def slow_disk(store: Path) -> Iterator[None]:
    """Whoever writes to this SQLite file waits, as for a writer that takes long.

    It takes the lock that a writer takes, and nothing else: a connection that is closed would tidy up behind others.
    """
    with Path(f"{store}-shm").open("r+b") as shared:
        fcntl.lockf(shared, fcntl.LOCK_EX, 1, WAL_WRITE_LOCK)
        yield
        fcntl.lockf(shared, fcntl.LOCK_UN, 1, WAL_WRITE_LOCK)
