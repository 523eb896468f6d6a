"""How many tells a host has handled, kept where the counts survive the host: in a file mapped into memory.

    entry:  source address 8 | hash of the target's name 8 | tells settled 8 | dead letters among them 8

Acknowledgements tell the senders in batches. When the host is killed, those that are under way or not yet sent are lost.
The pages of this file are not, because they belong to the kernel, so each sender reads there how many of its tells were
handled. Entries live as long as the host, whichever actor bears the target's name, because the senders' counts do too. The
file is never synced: in a crash of the whole machine the senders are gone as well.

What can go wrong here (no file, a full one, an entry that was given to another pair) makes the senders report too many
losses, never too few.
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
# Pairs of sender and actor. For further pairs, tells that were handled but not acknowledged count as lost.
ENTRIES = 2048
# Pairs without an entry are counted in entry 0, which nobody reads: the hot path adds without asking whether there is one.
NO_ENTRY = 0


def path_of(directory: str, serial: int) -> str:
    return f"{directory}/{serial}.handled"


def name_hash(name: bytes) -> int:
    """64 bits of a name, so that entries have one size. Python's own hash may differ between processes."""
    return zlib.crc32(name) << 32 | zlib.adler32(name)


class HandledCounts:
    """The counts of one host, written by its thread alone. A store to `words[entry + SETTLED]` takes no call and no lock.

    Args:
        path: of the file, which must not be there yet.
        is_alive: whether an actor of this name lives in the host.

    Raises: OSError, when the file cannot be made.
    """

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
        # The source goes last: a host that is killed in the middle of this leaves an entry that no sender takes for its own.
        self.words[entry + SETTLED] = self.words[entry + DEAD] = 0
        self.words[entry + 1] = name_hash(target)
        self.words[entry] = source
        return entry

    def write_again(self, path: str) -> None:
        """Make a file with the same entries where the old one was removed.

        Raises: OSError, when that cannot be done; counting goes on in the old file then, which nobody can open any more.
        """
        fresh = _mapped(path)
        fresh[:] = self._map[:]
        self.close()
        self._map, self.words = fresh, memoryview(fresh).cast("Q")

    def _forget_the_dead(self) -> None:
        # Only when the file is full, not at each actor's end: one of the same name may start, and its senders count on.
        for key in [key for key in self._entries if not self._is_alive(key[1])]:
            entry = self._entries.pop(key)
            self.words[entry] = 0
            self._free.append(entry)

    def close(self) -> None:
        """Let go of the memory; the file stays for the senders, and the root removes it a while after the host's end."""
        self.words.release()
        self._map.close()


def _mapped(path: str) -> mmap.mmap:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_EXCL, 0o600)
    try:
        # A hole in the file, written to when the disk is full, would kill the host with SIGBUS.
        os.posix_fallocate(fd, 0, ENTRIES * ENTRY.size)
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
