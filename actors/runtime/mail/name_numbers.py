"""What each process remembers of the system's names and groups, and how it knows that it is still true.

The root keeps the one table of the system (`processes/name_table.py`). Asking it is a round trip, too much for each message
that is published or routed. So it numbers its changes, in a file that every process maps into memory:

    cell:  how often any of the names that share it has changed 8             a name's cell is the hash of its key

A process keeps an answer together with the number that it read before it asked, and uses the answer for as long as the
number is the same. The root counts a change before it answers whoever has asked for it. So whoever hears of a change, by
whatever way, never uses an answer that is older than the change: there is no news that could be late.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
import zlib
from typing import Any

CELLS = 4096  # names that share one only make each other's answers be asked for again
CELL = struct.Struct("<Q")
FILE = "names"
REMEMBERED = 4096  # answers of each process; when there are more, all are forgotten
GONE = -1  # a number that no cell ever has: what was remembered with it is asked for again


def cell_of(key: str) -> int:
    """Which cell has the number of this key: `=name` or `+group`. Python's own hash differs between processes."""
    return zlib.crc32(key.encode()) % CELLS


class NameNumbers:
    """The cells, as the root writes them. Until the first change there is no file: most systems never need one."""

    def __init__(self, directory: str) -> None:
        self._path = f"{directory}/{FILE}"
        self._cells: memoryview | None = None

    def changed(self, key: str) -> None:
        """Count a change. Raises: OSError, when the file cannot be made: then nobody may be told that it has happened."""
        if self._cells is None:
            self._cells = _mapped(self._path)
        self._cells[cell_of(key)] += 1


def _mapped(path: str) -> memoryview:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_EXCL, 0o600)
    try:
        # A hole in the file, written to when the disk is full, would kill the process with SIGBUS.
        os.posix_fallocate(fd, 0, CELLS * CELL.size)
        return memoryview(mmap.mmap(fd, CELLS * CELL.size)).cast("Q")
    finally:
        os.close(fd)


class RememberedNames:
    """What one process remembers of the root's answers; all its threads share it.

    If the directory was removed and made again, the file is not in it. Those who have mapped it go on with it, as the root
    does; others remember nothing and ask each time, which is slower and as right.
    """

    def __init__(self, directory: str) -> None:
        self._path = f"{directory}/{FILE}"
        self._cells: memoryview | None = None
        self._answers: dict[str, tuple[int, Any]] = {}

    def number(self, key: str) -> int:
        """The number of a key's changes now; to be read before the root is asked. GONE when it is not known."""
        cells = self._cells
        if cells is None:
            with contextlib.suppress(OSError):
                fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    mapped = mmap.mmap(fd, CELLS * CELL.size, prot=mmap.PROT_READ)
                finally:
                    os.close(fd)
                cells = self._cells = memoryview(mapped).cast("Q")
        return GONE if cells is None else cells[cell_of(key)]

    def get(self, key: str) -> tuple[bool, Any]:
        """Returns: whether the answer about this key is known and still true, and the answer."""
        number, answer = self._answers.get(key, (GONE, None))
        return number != GONE and number == self.number(key), answer

    def keep(self, key: str, number: int, answer: Any) -> None:
        """Remember an answer, with the number that was read before the root was asked for it."""
        if number != GONE:
            if len(self._answers) >= REMEMBERED:
                self._answers.clear()
            self._answers[key] = number, answer
