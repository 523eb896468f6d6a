"""How much memory each peer host holds for its connections: a few numbers that the hosts of a node share.

::

    limit, least, whole | host 0: held, waiting, weight | host 1: the same | …

Each host writes its own part and reads those of the others, without a lock: a number that is a moment old costs a pause,
and no more. What a dead host has left here stays counted until its successor begins.
"""

from __future__ import annotations

import mmap
import os
import struct

__all__ = ["MemoryTable"]

_LIMITS = struct.Struct(
    "=QQQ"
)  # bytes: the node's budget now, what it is at least, and what it is when nothing is short
_PART = struct.Struct("=QQd")
_LIMITS_BYTES = 64


class MemoryTable:
    """One part per peer host.

    Args:
        fd: descriptor of the shared memory (see `create`); it is not closed.
        index: the part of this host.
        hosts: how many parts there are.
    """

    def __init__(self, fd: int, index: int, hosts: int) -> None:
        self._memory = mmap.mmap(fd, _LIMITS_BYTES + hosts * _PART.size)
        self._index = index
        self.hosts = hosts
        self.set(0, 0, 0.0)

    @staticmethod
    def create(hosts: int, limit: int, least: int) -> int:
        """Make the shared memory. Returns: its descriptor, the caller's to close.

        Args: limit, bytes that all hosts together may hold; least, bytes below which nobody may lower that.
        """
        fd = os.memfd_create("peerage-memory")
        os.ftruncate(fd, _LIMITS_BYTES + hosts * _PART.size)
        os.pwrite(fd, _LIMITS.pack(max(limit, least), least, limit), 0)
        return fd

    @property
    def limit(self) -> int:
        """Bytes that all hosts together may hold."""
        return int(_LIMITS.unpack_from(self._memory)[0])

    def shrink_to(self, share: float) -> None:
        """Have all hosts hold this part of the whole budget from now on, as soon as they look: memory is short, or was."""
        _limit, least, whole = _LIMITS.unpack_from(self._memory)
        _LIMITS.pack_into(self._memory, 0, max(int(whole * share), least), least, whole)

    def set(self, held: int, waiting: int, weight: float) -> None:
        """Say what this host holds.

        Args: held and waiting, bytes, see MemoryBudget; weight, of its heaviest connection.
        """
        _PART.pack_into(self._memory, self._at(self._index), held, waiting, weight)

    def totals(self) -> tuple[int, int]:
        """Bytes held and waiting, of all hosts together."""
        held = waiting = 0
        for index in range(self.hosts):
            mine, unconsumed, _weight = _PART.unpack_from(self._memory, self._at(index))
            held += mine
            waiting += unconsumed
        return held, waiting

    def is_heaviest(self) -> bool:
        """Whether no other host has a connection that is heavier than the heaviest of this one."""
        weights = [_PART.unpack_from(self._memory, self._at(index))[2] for index in range(self.hosts)]
        return bool(weights[self._index] == max(weights))

    @staticmethod
    def _at(index: int) -> int:
        return _LIMITS_BYTES + index * _PART.size
