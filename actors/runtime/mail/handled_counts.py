"""How many tells a host has handled, kept where the counts survive the host: in a file mapped into memory.

    entry:  source address 8 | hash of the target's name 8 | tells settled 8 | dead letters among them 8

Acknowledgements tell the senders in batches. When the host is killed, those that are under way or not yet sent are lost.
The pages of this file are not, so each sender reads there how many of its tells were handled. Entries live as long as
the host, whoever bears the target's name, because the senders' counts do too. Nothing need survive a crash of the whole
machine: then the senders are gone as well.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

ENTRY = struct.Struct("<QQQQ")
WORDS = ENTRY.size // 8
SETTLED, DEAD = 2, 3  # words of an entry
ENTRIES = (
    2048  # pairs of sender and actor; for further ones, tells handled but not acknowledged count as lost
)
NO_ENTRY = 0  # entry 0 is scratch paper: pairs without an entry are counted there, and nobody reads it


def path_of(directory: str, serial: int) -> str:
    return f"{directory}/{serial}.handled"


def name_hash(name: bytes) -> int:
    return zlib.crc32(name) << 32 | zlib.adler32(name)


class HandledCounts:
    """The counts of one host, written by its thread. A store to `words[entry + SETTLED]` takes no call and no lock."""

    def __init__(self, path: str, is_alive: Callable[[bytes], bool]) -> None:
        self._map = _mapped(path)
        self.words = memoryview(self._map).cast("Q")
        self._is_alive = is_alive
        self._entries: dict[tuple[int, bytes], int] = {}
        self._free = [WORDS * number for number in range(ENTRIES - 1, 0, -1)]

    def entry(self, source: int, target: bytes) -> int:
        """Where the tells of this sender to this actor are counted; NO_ENTRY when the file is full."""
        known = self._entries.get((source, target))
        if known is not None:
            return known
        if not self._free:
            self._forget_the_dead()
        if not self._free:
            return NO_ENTRY
        entry = self._entries[source, target] = self._free.pop()
        self.words[entry + SETTLED] = self.words[entry + DEAD] = 0
        self.words[entry + 1] = name_hash(target)
        self.words[entry] = source
        return entry

    def write_again(self, path: str) -> None:
        """Make a file with the same entries where the old one was removed. Raises: OSError, and nothing has changed then."""
        fresh = _mapped(path)
        fresh[:] = self._map[:]
        self.close()
        self._map, self.words = fresh, memoryview(fresh).cast("Q")

    def _forget_the_dead(self) -> None:
        for key in [key for key in self._entries if not self._is_alive(key[1])]:
            entry = self._entries.pop(key)
            self.words[entry] = 0
            self._free.append(entry)

    def close(self) -> None:
        self.words.release()
        self._map.close()


def _mapped(path: str) -> mmap.mmap:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_EXCL, 0o600)
    try:
        os.posix_fallocate(fd, 0, ENTRIES * ENTRY.size)  # a hole written to on a full disk would be a SIGBUS
        return mmap.mmap(fd, ENTRIES * ENTRY.size)
    finally:
        os.close(fd)


def read(directory: str, serial: int, source: int) -> dict[int, tuple[int, int]]:
    """Read what a dead host has counted for one sender.

    Returns: for each actor, by the hash of its name, the tells settled in all and the dead letters among them. Empty when
        there is no such file (any more).
    """
    with contextlib.suppress(OSError):
        entries = ENTRY.iter_unpack(Path(path_of(directory, serial)).read_bytes())
        return {name: (settled, dead) for sender, name, settled, dead in entries if sender == source}
    return {}
