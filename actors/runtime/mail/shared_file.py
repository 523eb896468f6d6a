"""The memory that the processes of one system share: one file in memory, without a name, in which each has a region.

A process writes what it sends into its own region, and the receiver reads it there. The regions are far apart, and of each
only what is in use takes memory. The file goes with the last process that has it open, however that ends, and no limit
of /dev/shm applies to it. Its size is sealed: no page that is mapped can cease to be there.

    region:  table of leases, 32 KiB | the data

    lease:   state 8 | number 8 | where its data begins, in the data 8 | size 8

The first lease is none: its first word is how many of them have been used. A state is 0 for a lease that is free, otherwise
`who << 8 | SENT` while the message is on its way to the address `who`, and `who << 8 | TAKEN` while the process whose own
host has the serial `who` uses the data. Only the owner of the region gives a lease, only the receiver takes it, and whoever
is done with it stores the 0: that needs no message, and outlives both of them.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import resource
from collections.abc import Callable
from pickle import PickleBuffer
from typing import Any

TABLE = 32 * 1024  # bytes
WORDS = 4  # of a lease
LEASES = TABLE // 8 // WORDS
STATE, NUMBER, START, SIZE = range(WORDS)
SENT, TAKEN = 1, 2
WHO_SHIFT = 8
LARGEST_DATA = 1 << 30  # bytes of a region
SPACE = 1 << 33  # between two regions
END = 1 << 62
PAGE = mmap.PAGESIZE

# linux/mman.h, linux/falloc.h
MAP_FIXED, MAP_NORESERVE = 0x10, 0x4000
MADV_POPULATE_WRITE = 23
FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE = 1, 2
READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE


def _library() -> Any:
    library = ctypes.CDLL(None, use_errno=True)
    address, length = ctypes.c_void_p, ctypes.c_size_t
    library.mmap.argtypes = [address, length, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
    library.mmap.restype = address
    library.munmap.argtypes = [address, length]
    library.madvise.argtypes = [address, length, ctypes.c_int]
    library.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_long, ctypes.c_long]
    return library


_libc = _library()
_FAILED = ctypes.c_void_p(-1).value


def create() -> int:
    """Make the file of a system. Returns: its descriptor, -1 where the operating system or a limit does not allow it."""
    if ctypes.sizeof(ctypes.c_long) < 8:  # addresses are too few for regions that are far apart
        return -1
    try:
        fd = os.memfd_create("peerage", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except (OSError, AttributeError):
        return -1
    try:
        os.ftruncate(fd, END)  # which RLIMIT_FSIZE may forbid
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    except (OSError, OverflowError):
        os.close(fd)
        return -1
    return fd


def may_map() -> bool:
    """Whether there are addresses to spare. Where they are limited, a region would take from what the program needs."""
    return resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY


def up_to_page(size: int) -> int:
    return -(-size // PAGE) * PAGE


class Region:
    """One process's region, as another process, or itself, has it in its memory.

    Attributes: words, of its leases; offset, of its data in the file.

    Raises: OSError, when it cannot be mapped.
    """

    def __init__(self, fd: int, serial: int) -> None:
        self._fd = fd
        self.offset = serial * SPACE + TABLE
        self._mapping = Mapping(fd, serial * SPACE, TABLE + LARGEST_DATA)
        self.words: memoryview[int] = self._mapping.view(0, TABLE).cast("Q")

    def block(self, start: int, size: int) -> ctypes.Array[ctypes.c_ubyte]:
        """What shows a part of the data, and keeps it mapped."""
        return self._mapping.array(TABLE + start, size)

    def view(self, start: int, size: int) -> memoryview:
        return self._mapping.view(TABLE + start, size)

    def part(self, start: int, size: int) -> None:
        """Let a part of the data be this process's alone from now on, at the same addresses.

        Its pages are copied when they are written to, which is done here: afterwards nothing of it is the file's, and
        a forked child has it as any other memory. Threads that write to it meanwhile lose nothing.
        """
        self._map_again(start, size, mmap.MAP_PRIVATE)
        at, length = self._mapping.address + TABLE + start, up_to_page(size)
        if _libc.madvise(at, length, MADV_POPULATE_WRITE):  # before Linux 5.14
            view = self.view(start, size)
            for number in range(0, size, PAGE):
                view[number] = view[number]

    def share(self, start: int, size: int) -> None:
        """Undo `part`."""
        self._map_again(start, size, mmap.MAP_SHARED)

    def _map_again(self, start: int, size: int, kind: int) -> None:
        at = self._mapping.address + TABLE + start
        _map(at, up_to_page(size), kind | MAP_FIXED, self._fd, self.offset + start)


class Mapping:
    """A stretch of the file in this process's memory, until nobody has a view of it any more."""

    def __init__(self, fd: int, offset: int, length: int) -> None:
        self._length = length
        self.address = _map(None, length, mmap.MAP_SHARED | MAP_NORESERVE, fd, offset)

    def array(self, start: int, size: int) -> ctypes.Array[ctypes.c_ubyte]:
        # A type of ctypes is made for each length, and is garbage; so it is made for powers of two only.
        kind = ctypes.c_ubyte * (1 << max(0, size - 1).bit_length())
        array = kind.from_address(self.address + start)
        array.mapping = self  # type: ignore[attr-defined]  # keeps it
        return array

    def view(self, start: int, size: int) -> memoryview:
        return bytes_of(self.array(start, size), size)

    def __del__(
        self, munmap: Callable[[int, int], int] = _libc.munmap
    ) -> None:  # the module may be gone before
        if hasattr(self, "address"):
            munmap(self.address, self._length)


def bytes_of(array: ctypes.Array[ctypes.c_ubyte], size: int) -> memoryview:
    """The first bytes of an array, as plain bytes: memoryview itself says of ctypes that they are foreign."""
    return PickleBuffer(array).raw()[:size]


def _map(address: int | None, length: int, flags: int, fd: int, offset: int) -> int:
    found: int = _libc.mmap(address, length, READ_WRITE, flags, fd, offset)
    if found == _FAILED:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return found


def punch(fd: int, start: int, stop: int) -> None:
    """Give a part of the file's memory back: it is read as zeros from now on."""
    _libc.fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, start, stop - start)
