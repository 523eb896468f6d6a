"""The memory of the register (`register.py`): a part for each peer host, in columns, and a lock.

::

    host 0: used | kinds | ports | tags | IPs | IDs | times      host 1: the same      …      salt

Each host writes its own part and reads those of the others; `give_away` is the exception. The kernel takes the lock from a
process that dies.
"""

from __future__ import annotations

import fcntl
import heapq
import mmap
import os
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

__all__ = ["PLACES", "Kind", "RegisterBusyError", "RegisterMemory"]

PLACES = 65_536  # per host; only those in use take memory
LOCK_PATIENCE_S = 0.2  # a decision takes some 10 µs; whoever holds the lock longer is frozen
LOCK_RETRY_S = 0.0002

_HEAD = struct.Struct("=I")  # places up to the last one in use
_HEAD_BYTES = 64
_WIDTHS = {"kind": 1, "port": 2, "tag": 8, "ip": 16, "id": 20, "times": 24}
_COLUMNS: dict[str, tuple[int, int]] = {}  # name → where it begins in a part, bytes of a place
_end = _HEAD_BYTES
for _name, _width in _WIDTHS.items():
    _COLUMNS[_name] = (_end, _width)
    _end += PLACES * _width
_PART_BYTES = -(-_end // mmap.PAGESIZE) * mmap.PAGESIZE
_EMPTY = [(*_COLUMNS[name], bytes(width)) for name, width in _WIDTHS.items() if name != "kind"]
_EMPTY_BUT_ID = [each for each in _EMPTY if each[:2] != _COLUMNS["id"]]
_SALT_BYTES = 16
_TRY = fcntl.LOCK_EX | fcntl.LOCK_NB


class RegisterBusyError(Exception):
    """Another host has held the lock for LOCK_PATIENCE_S: it is frozen, and will be killed for it."""


class Kind:
    """What a place is, in bits (plain numbers: an `IntFlag` costs as much as the rest of a decision). 0: free."""

    TAKEN: Final = 1
    INBOUND: Final = 2
    STANDS: Final = 4  # for an ID
    COUNTS: Final = 8  # against the limit of inbound peers
    KEPT: Final = 16  # it is given to nobody else
    LEAVES: Final = 32  # it was
    # TAKEN alone is also a place whose connection is over, and whose ID is not free yet


class _Lock:
    """That of the register, to be entered by `with` again and again. Args: fd, descriptor of the memory."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __enter__(self) -> None:
        until = 0.0
        while True:
            try:
                fcntl.lockf(self._fd, _TRY)
            except OSError:  # another host decides just now
                now = time.monotonic()
                until = until or now + LOCK_PATIENCE_S
                if now > until:
                    raise RegisterBusyError from None
                time.sleep(LOCK_RETRY_S)
            else:
                return

    def __exit__(self, *_: object) -> None:
        fcntl.lockf(self._fd, fcntl.LOCK_UN)


class RegisterMemory:
    """One host's view, and its pen.

    Attributes: index, of this host; hosts, how many there are.
    Args: fd, descriptor of the memory (see `create`); it is not closed.
    """

    def __init__(self, fd: int, index: int, hosts: int) -> None:
        self.index, self.hosts = index, hosts
        self._lock = _Lock(fd)
        self._memory = mmap.mmap(fd, _size(hosts))
        self._start = index * _PART_BYTES
        self._holes: list[int] = []  # free places below the last one in use
        self._used = 0
        with self.lock():
            used = self._used_by(index) + 1  # one may have been written and not counted yet
            for offset, width in _COLUMNS.values():
                at = self._start + offset
                self._memory[at : at + used * width] = bytes(used * width)
            self._write_head()

    @staticmethod
    def create(hosts: int) -> int:
        """Make the memory. Returns: its descriptor, the caller's to close."""
        fd = os.memfd_create("peerage-register")
        os.ftruncate(fd, _size(hosts))
        os.pwrite(fd, os.urandom(_SALT_BYTES), hosts * _PART_BYTES)
        return fd

    def close(self) -> None:
        """Use it no more."""
        self._memory.close()

    @property
    def salt(self) -> bytes:
        """A secret of the node, the same for all hosts, for as long as it runs."""
        begin = self.hosts * _PART_BYTES
        return self._memory[begin : begin + _SALT_BYTES]

    def lock(self) -> _Lock:
        """Nobody else decides meanwhile. Raises: RegisterBusyError, when it is entered."""
        return self._lock

    # --- reading -----------------------------------------------------------------------------------------------------

    def kinds(self, host: int) -> bytes:
        """Those of all places of a host, up to the last one in use."""
        begin = host * _PART_BYTES
        used: int = _HEAD.unpack_from(self._memory, begin)[0]
        begin += _HEAD_BYTES
        return self._memory[begin : begin + used]

    def kind(self, host: int, number: int) -> int:
        """That of one place: bits of `Kind`."""
        return self._memory[host * _PART_BYTES + _HEAD_BYTES + number]

    def at(self, name: str, host: int, number: int) -> bytes:
        """What a column holds for a place."""
        offset, width = _COLUMNS[name]
        begin = host * _PART_BYTES + offset + number * width
        return self._memory[begin : begin + width]

    def found(self, name: str, wanted: bytes) -> Iterator[tuple[int, int]]:
        """Where a column holds this: the host, and the number of the place."""
        offset, width = _COLUMNS[name]
        for host in range(self.hosts):
            used = self._used_by(host)
            if used:
                begin = host * _PART_BYTES + offset
                column = self._memory[begin : begin + used * width]
                at = column.find(wanted)
                while at >= 0:
                    if at % width == 0:
                        yield host, at // width
                    at = column.find(wanted, at + 1)

    # --- writing -----------------------------------------------------------------------------------------------------

    def take(self, ip: bytes, port: bytes, kind: int) -> int | None:
        """Take a place of this host. Returns: its number, None when there is none left."""
        number = self._used
        while self._holes:
            hole = heapq.heappop(self._holes)
            if hole < self._used and not self.kind(self.index, hole):
                number = hole
                break
        if number >= PLACES:
            return None
        self.put("ip", number, ip)
        self.put("port", number, port)
        self._used = max(self._used, number + 1)
        self.set_kind(number, kind | Kind.TAKEN)
        self._write_head()
        return number

    def free(self, number: int) -> None:
        """Give a place of this host back.

        The lock is for that of a peer, which another host may be giving away just now; nobody is refused or admitted by the
        others.
        """
        self._end(number, 0, _EMPTY)
        heapq.heappush(self._holes, number)
        while self._used and not self.kind(self.index, self._used - 1):
            self._used -= 1
        if not self._used:
            self._holes.clear()
        self._write_head()

    def withdraw(self, number: int) -> bytes:
        """Give all of a place back but its ID. Returns: that."""
        self._end(number, Kind.TAKEN, _EMPTY_BUT_ID)
        return self.at("id", self.index, number)

    def _end(self, number: int, kind: int, empty: list[tuple[int, int, bytes]]) -> None:
        if self.kind(self.index, number) & Kind.COUNTS:
            with suppress(RegisterBusyError), self.lock():
                self.set_kind(number, kind)
        self.set_kind(number, kind)
        memory, start = self._memory, self._start
        for offset, width, nothing in empty:
            at = start + offset + number * width
            memory[at : at + width] = nothing

    def put(self, name: str, number: int, value: bytes) -> None:
        """Write into a column, for a place of this host."""
        offset, width = _COLUMNS[name]
        at = self._start + offset + number * width
        self._memory[at : at + width] = value

    def set_kind(self, number: int, kind: int) -> None:
        """Say what a place of this host is."""
        self._memory[self._start + _HEAD_BYTES + number] = kind

    def give_away(self, host: int, number: int) -> None:
        """A peer, of any host, leaves and does not count any more. Under the lock."""
        at = host * _PART_BYTES + _HEAD_BYTES + number
        self._memory[at] = self._memory[at] & ~Kind.COUNTS | Kind.LEAVES

    def _used_by(self, host: int) -> int:
        used: int = _HEAD.unpack_from(self._memory, host * _PART_BYTES)[0]
        return used

    def _write_head(self) -> None:
        _HEAD.pack_into(self._memory, self._start, self._used)


def _size(hosts: int) -> int:
    return hosts * _PART_BYTES + _SALT_BYTES
