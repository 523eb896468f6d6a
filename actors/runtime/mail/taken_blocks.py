"""What a process has received in shared memory: blocks of other processes' regions, and when it is done with them."""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Callable

from peerage.actors.runtime.mail.arena import Lease
from peerage.actors.runtime.mail.shared_file import (
    LARGEST_DATA,
    LEASES,
    NUMBER,
    SENT,
    SIZE,
    SPACE,
    START,
    STATE,
    TABLE,
    TAKEN,
    WHO_SHIFT,
    WORDS,
    Region,
    bytes_of,
    may_map,
)

WORD = 8


class LeaseError(Exception):
    """A message names a block that is not its own, or not any more."""


class TakenBlocks:
    """Args: fd, of the shared file; serial, of this process's own host.

    A block is given back when nobody has a view of it any more. That may be noticed anywhere, in the middle of anything:
    so it takes no lock, and is one store.
    """

    def __init__(self, fd: int, serial: int) -> None:
        self._fd, self._mine = fd, serial << WHO_SHIFT | TAKEN
        self._regions: dict[int, Region] = {}
        self._live: dict[tuple[int, int], _Block] = {}  # by region and slot
        # A block that is taken while another thread forks would not be parted. Reentrant, for a signal's handler that reads.
        self._lock = threading.RLock()
        self._is_over = False

    def take(self, address: int, lease: Lease) -> memoryview:
        """The data that a message to this address, which one of our threads reads, has in shared memory.

        Raises: LeaseError.
        """
        _check(lease)
        with self._lock:
            region = self._region_of(lease.owner)
            if region is None:
                return self._read(address, lease)
            at = lease.slot * WORDS
            _compare(address, lease, list(region.words[at : at + WORDS]))
            region.words[at + STATE] = self._mine
            array = region.block(lease.start, lease.size)
            key = lease.owner, lease.slot
            gone = weakref.ref(array, lambda _: self._give_back(key))
            self._live[key] = _Block(region, lease, gone)
        return bytes_of(array, lease.size)

    def _region_of(self, owner: int) -> Region | None:
        region = self._regions.get(owner)
        if region is None and may_map():
            try:
                region = self._regions[owner] = Region(self._fd, owner)
            except OSError:
                return None
        return region

    def _read(self, address: int, lease: Lease) -> memoryview:
        """Take a copy, where there are no addresses for the region."""
        at = lease.owner * SPACE + lease.slot * WORDS * WORD
        found = memoryview(os.pread(self._fd, WORDS * WORD, at)).cast("Q")
        _compare(address, lease, found.tolist())
        data = bytearray(lease.size)
        with memoryview(data) as view:
            done = 0
            while done < lease.size:
                done += os.preadv(self._fd, [view[done:]], lease.owner * SPACE + TABLE + lease.start + done)
        os.pwrite(self._fd, bytes(WORD), at)
        return memoryview(data)

    def _give_back(self, key: tuple[int, int]) -> None:
        block = self._live.pop(key, None)
        if block is None or self._is_over:
            return
        if block.is_parted:
            block.region.share(block.lease.start, block.lease.size)
        block.region.words[block.lease.slot * WORDS + STATE] = 0

    def forget(self, is_dead: Callable[[int], bool]) -> None:
        """Let go of the regions of processes that have died. What is in use of them stays as long as it is."""
        with self._lock:
            for owner in [owner for owner in self._regions if is_dead(owner)]:
                del self._regions[owner]

    # Forks and the end

    def hold_still(self) -> None:
        """Before a fork: part what is in use from the file, so that the child keeps what it has now."""
        self._lock.acquire()
        self._part()

    def go_on(self) -> None:
        """After it, in the parent."""
        self._lock.release()

    def disown(self) -> None:
        """In the child: nothing of this is its own to give back."""
        self._lock = threading.RLock()
        self._is_over = True

    def close(self) -> None:
        """At the end of the system: what is in use stays so, without the file."""
        with self._lock:
            self._part()
            self._is_over = True
            self._regions.clear()

    def _part(self) -> None:
        if self._is_over:
            return
        for block in list(self._live.values()):
            if not block.is_parted:
                block.region.part(block.lease.start, block.lease.size)
                block.is_parted = True


class _Block:
    __slots__ = ("gone", "is_parted", "lease", "region")

    def __init__(self, region: Region, lease: Lease, gone: weakref.ref[ctypes.Array[ctypes.c_ubyte]]) -> None:
        self.region, self.lease, self.gone, self.is_parted = region, lease, gone, False


def _check(lease: Lease) -> None:
    end = lease.start + lease.size
    if not (0 < lease.slot < LEASES and 0 < lease.owner < SPACE and lease.size and end <= LARGEST_DATA):
        raise LeaseError(f"{lease} is outside the shared memory")


def _compare(address: int, lease: Lease, found: list[int]) -> None:
    wanted = [0, 0, 0, 0]
    wanted[STATE], wanted[NUMBER] = address << WHO_SHIFT | SENT, lease.number
    wanted[START], wanted[SIZE] = lease.start, lease.size
    if found != wanted:
        raise LeaseError(f"{lease} does not hold: {found}")
