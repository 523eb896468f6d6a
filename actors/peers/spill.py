"""A bounded queue on disk for messages that a reactor has no room for: the channel policy *spill* (design 4).

    entry    channel, 1 | length, 4 (little-endian) | message        one after the other, read in the same order

Nothing is kept in memory per message, so a flood of empty messages is bounded by the file too. The last 64 KiB are buffered
and written together.
"""

from __future__ import annotations

import os
import struct
import tempfile
from contextlib import suppress
from pathlib import Path

__all__ = ["SpillQueue"]

_HEADER = struct.Struct("<BI")
_CHUNK = 64 * 1024  # one system call for many small messages, either way


class SpillQueue:
    """First in, first out. The bytes are in an unlinked temporary file, so that a kill leaves nothing behind.

    Args:
        limit: how many bytes may be in the file; each message takes 5 more than its own.
        directory: where to put the file, because the system's directory for temporary files may be in memory.
    """

    def __init__(self, limit: int, directory: Path | None = None) -> None:
        self._limit = limit
        self._file = tempfile.TemporaryFile(buffering=0, dir=directory)  # noqa: SIM115 - lives as long as the queue
        self._fd = self._file.fileno()
        self._begin = 0  # offset of the oldest message
        self._end = 0
        self._tail = bytearray()  # the newest messages, not written yet
        self._count = 0
        self._ahead = b""  # bytes read ahead, from offset `_ahead_at` of the file
        self._ahead_at = 0

    def __len__(self) -> int:
        return self._count

    @property
    def size(self) -> int:
        """Bytes waiting."""
        return self._end - self._begin

    def push(self, channel_id: int, data: bytes | memoryview) -> bool:
        """Append a message.

        Returns: False when the limit would be passed or the disk is full; nothing is kept then.
        """
        length = _HEADER.size + len(data)
        if self._end + length > self._limit or (len(self._tail) >= _CHUNK and not self._write()):
            return False
        self._tail += _HEADER.pack(channel_id, len(data))
        self._tail += data
        self._end += length
        self._count += 1
        if len(self._tail) >= _CHUNK:
            self._write()
        return True

    def pop(self) -> tuple[int, bytes]:
        """Take the oldest message: (channel, data). Raises: IndexError when there is none."""
        if not self._count:
            raise IndexError("the queue is empty")
        channel_id, length = _HEADER.unpack(self._read(self._begin, _HEADER.size))
        data = self._read(self._begin + _HEADER.size, length)
        self._begin += _HEADER.size + length
        self._count -= 1
        if not self._count:  # all read: the file starts over
            # only to give disk space back: the file is overwritten from its beginning anyway
            with suppress(OSError):
                self._file.truncate(0)
            self._clear()
        return channel_id, data

    def close(self) -> None:
        """Close the file, which deletes it."""
        self._clear()
        self._file.close()

    @property
    def _written(self) -> int:
        return self._end - len(self._tail)

    def _write(self) -> bool:
        """Write the tail. Returns: False when the disk is full; it is tried again with the next message."""
        try:
            done = os.pwrite(self._fd, self._tail, self._written) == len(self._tail)
        except OSError:
            return False
        if done:
            self._tail = bytearray()
        return done

    def _read(self, offset: int, length: int) -> bytes:
        begin = offset - self._written
        if begin >= 0:  # entries are written whole
            return bytes(self._tail[begin : begin + length])
        begin = offset - self._ahead_at
        if not 0 <= begin <= begin + length <= len(self._ahead):
            if length > _CHUNK:  # nothing of it is needed again
                return os.pread(self._fd, length, offset)
            wanted = min(_CHUNK, self._written - offset)
            self._ahead, self._ahead_at, begin = os.pread(self._fd, wanted, offset), offset, 0
        return self._ahead[begin : begin + length]

    def _clear(self) -> None:
        self._count = self._begin = self._end = self._ahead_at = 0
        self._tail, self._ahead = bytearray(), b""
