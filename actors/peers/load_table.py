"""How many connections each peer host holds: a few numbers in memory that the hosts of a node share.

With it, a host that has more connections than another leaves the next one to that host, without asking anybody. A number
that is out of date costs balance there, but never a connection. Limits are kept in the register, `register.py`.
"""

from __future__ import annotations

import mmap
import os

__all__ = ["LoadTable"]

_SLOT_BYTES = 4  # of a number of connections


class LoadTable:
    """One slot per peer host.

    Args:
        fd: descriptor of the shared memory (see `create`); it is not closed.
        index: the slot of this host.
        hosts: how many slots there are.
    """

    def __init__(self, fd: int, index: int, hosts: int) -> None:
        self._slots = memoryview(mmap.mmap(fd, hosts * _SLOT_BYTES)).cast("I")
        self._index = index
        self.set(0)

    @staticmethod
    def create(hosts: int) -> int:
        """Make the shared memory. Returns: its descriptor, the caller's to close."""
        fd = os.memfd_create("peerage-load")
        os.ftruncate(fd, hosts * _SLOT_BYTES)
        return fd

    def set(self, connections: int) -> None:
        """Say how many connections this host holds, handshakes included."""
        self._slots[self._index] = connections

    def excess(self) -> int:
        """How many connections this host has more than the one with the fewest."""
        slots = self._slots
        return slots[self._index] - min(slots)
