"""How many bytes all peers of a node may still send and receive: a few numbers that its peer hosts share.

::

    receiving: rate, level, at, then for each host how many connections wait | sending: the same

The level is that of a token bucket, which every host draws from. The lock is the kernel's, which takes it from a process
that dies; whoever does not get it at once comes again a moment later.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
from typing import Final

__all__ = ["RECEIVING", "SENDING", "BandwidthTable"]

RECEIVING: Final = 0
SENDING: Final = 1

BURST_S = 0.2  # how long unused allowance is kept, as that of a connection is (wire/rate.py)

_BUCKET = struct.Struct("=ddd")  # bytes per second, bytes, when that was so
_WAITING = struct.Struct("=I")
_TRY = fcntl.LOCK_EX | fcntl.LOCK_NB


class BandwidthTable:
    """One host's view.

    Args:
        fd: descriptor of the shared memory (see `create`); it is not closed.
        index: the part of this host.
        hosts: how many parts there are.
    """

    def __init__(self, fd: int, index: int, hosts: int) -> None:
        self._fd = fd
        self._memory = mmap.mmap(fd, 2 * _part_bytes(hosts))
        self._index, self._hosts = index, hosts
        for direction in (RECEIVING, SENDING):
            self.set_waiting(direction, 0)

    @staticmethod
    def create(hosts: int, recv_rate: float, send_rate: float) -> int:
        """Make the shared memory. Returns: its descriptor, the caller's to close.

        Args: recv_rate and send_rate, bytes per second of the whole node, 0 for no limit.
        """
        fd = os.memfd_create("peerage-bandwidth")
        os.ftruncate(fd, 2 * _part_bytes(hosts))
        for direction, rate in ((RECEIVING, recv_rate), (SENDING, send_rate)):
            os.pwrite(fd, _BUCKET.pack(rate, rate * BURST_S, 0.0), direction * _part_bytes(hosts))
        return fd

    def rate(self, direction: int) -> float:
        """Bytes per second of the whole node, 0 for no limit."""
        return float(_BUCKET.unpack_from(self._memory, direction * _part_bytes(self._hosts))[0])

    def set_waiting(self, direction: int, connections: int) -> None:
        """Say how many connections of this host wait for their turn."""
        _WAITING.pack_into(self._memory, self._waiting_at(direction, self._index), connections)

    def draw(self, direction: int, now: float, most: float) -> float:
        """Take from the bucket, at most this host's share by the connections that wait.

        Args: now, monotonic seconds, the same for all processes of the machine; most, bytes.
        Returns: bytes, 0 if another host draws just now.
        """
        begin = direction * _part_bytes(self._hosts)
        try:
            fcntl.lockf(self._fd, _TRY, 1, direction)
        except OSError:
            return 0.0
        try:
            rate, level, at = _BUCKET.unpack_from(self._memory, begin)
            if now > at:
                level = min(rate * BURST_S, level + (now - at) * rate)
            drawn = max(0.0, min(most, level * self._share(direction)))
            _BUCKET.pack_into(self._memory, begin, rate, level - drawn, max(now, at))
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, direction)
        return float(drawn)

    def _share(self, direction: int) -> float:
        waiting = [self._waiting(direction, host) for host in range(self._hosts)]
        mine = max(1, waiting[self._index])
        return mine / (mine + sum(waiting) - waiting[self._index])

    def _waiting(self, direction: int, host: int) -> int:
        return int(_WAITING.unpack_from(self._memory, self._waiting_at(direction, host))[0])

    def _waiting_at(self, direction: int, host: int) -> int:
        return direction * _part_bytes(self._hosts) + _BUCKET.size + host * _WAITING.size


def _part_bytes(hosts: int) -> int:
    return _BUCKET.size + -(-hosts // 2) * 2 * _WAITING.size
