"""What is done to a process of the node from outside for a while, and undone: its disk, its descriptors."""

from __future__ import annotations

import contextlib
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peerage.actors.runtime.limits import Purpose, descriptor_limit, kept_for, open_descriptors
from tests.full_disk import full_disk

__all__ = ["few_descriptors", "full_disk_of", "slow_disk"]

LOCK_PATIENCE_S = 10.0


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
    """Whoever writes to this SQLite file waits: somebody else does, and takes long."""
    with contextlib.closing(
        sqlite3.connect(store, timeout=LOCK_PATIENCE_S, isolation_level=None)
    ) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
