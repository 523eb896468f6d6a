"""Files of blocks: JSON lines as CometBFT's RPC shows blocks, or protobuf messages with their lengths before them.

    blocks.jsonl    {"block_id": …, "block": …} and a newline, a block a line
    anything else   length, a varint | Block, as CometBFT encodes it | length | Block | …

Each holds consecutive heights. A block is written by one call, so that a file has whole blocks but perhaps for its end, if
the machine or the process was killed in that moment: that end is cut off when the file is opened again.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from google.protobuf.message import DecodeError

from peerage.blocks.block_id import BlockID
from peerage.blocks.block_json import BlockJsonError, block_of_json, json_of_block
from peerage.messages import types
from peerage.wire.errors import VarintOverflowError, VarintTruncatedError
from peerage.wire.varint import MAX_UVARINT_BYTES, decode_uvarint, encode_uvarint

__all__ = ["BlockFile", "BlockFileError"]

MAX_BLOCK_BYTES = 100 * 1024 * 1024  # CometBFT's types.MaxBlockSizeBytes
MAX_LINE_BYTES = 2 * MAX_BLOCK_BYTES
LINES = {".jsonl", ".json", ".ndjson"}


class BlockFileError(ValueError):
    """A file holds something that is no block. Attributes: path; what is wrong."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(path, what)
        self.path, self.what = path, what

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


class BlockFile:
    """A file of blocks, to go on with. It is not there until the first block is written.

    Args: path, whose ending says the format.
    Raises: BlockFileError, it holds something else; OSError.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.cut_bytes = 0
        """How many bytes at its end were no whole block, when it was opened."""
        self._is_lines = path.suffix.lower() in LINES
        self._offsets = array("q")
        self._end = 0
        self._first = 0
        self._file: IO[bytes] | None = None
        if path.exists():
            self._look_through()

    @property
    def name(self) -> str:
        """What it is called among those who give blocks."""
        return f"file {self.path}"

    @property
    def heights(self) -> range:
        """Which blocks it has."""
        return range(self._first, self._first + len(self._offsets))

    def read(self, height: int) -> types.Block:
        """One of its blocks. Raises: BlockFileError; OSError."""
        index = height - self._first
        start = self._offsets[index]
        end = self._offsets[index + 1] if index + 1 < len(self._offsets) else self._end
        with self.path.open("rb") as file:
            file.seek(start)
            block = self._decoded(file.read(end - start), start)
        if block.header.height != height:
            raise BlockFileError(
                self.path, f"found block {block.header.height} at byte {start}, expected {height}"
            )
        return block

    def append(self, height: int, block_id: BlockID, encoded: bytes) -> None:
        """Write the next block. Raises: BlockFileError, another process writes, too; OSError; ValueError, it is not the next
        one.
        """
        if self._offsets and height != self.heights.stop:
            raise ValueError(f"block {height} after {self.heights[-1]}")
        if self._is_lines:
            shown = json_of_block(types.Block.FromString(encoded), block_id)
            record = json.dumps(shown, separators=(",", ":")).encode() + b"\n"
        else:
            record = encode_uvarint(len(encoded)) + encoded
        file = self._opened()
        file.seek(self._end)
        written = 0
        while written < len(record):
            written += file.write(record[written:])
        if not self._offsets:
            self._first = height
        self._offsets.append(self._end)
        self._end += len(record)

    def close(self) -> None:
        """Have all of it on the disk. Raises: OSError."""
        if self._file is not None:
            file, self._file = self._file, None
            with file:
                if _is_regular(file):  # a device need not know how
                    os.fsync(file.fileno())

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_file": None}

    # --- inside ------------------------------------------------------------------------------------------------------------

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
            file = os.fdopen(os.open(self.path, flags, 0o666), "wb", buffering=0)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                is_ours = (
                    not stat.S_ISREG(os.fstat(file.fileno()).st_mode)
                    or file.seek(0, os.SEEK_END) == self._end
                )
            except BlockingIOError:
                is_ours = False
            if not is_ours:
                file.close()
                raise BlockFileError(self.path, "another process writes to it")
            self._file = file
        return self._file

    def _look_through(self) -> None:
        """Find where each block begins, and cut off an end that is none."""
        with self.path.open("rb") as file:
            for start, end in self._lines(file) if self._is_lines else self._lengths(file):
                self._offsets.append(start)
                self._end = end
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            beginning = file.read(self._offsets[1] if len(self._offsets) > 1 else self._end)
        if self._offsets:
            self._first = self._decoded(beginning, 0).header.height
        elif size:
            raise BlockFileError(self.path, "no block in it, and it is not empty: another file is expected")
        if size > self._end:
            self.cut_bytes = size - self._end
            os.truncate(self.path, self._end)

    def _lines(self, file: IO[bytes]) -> Iterator[tuple[int, int]]:
        start = 0
        while (line := file.readline(MAX_LINE_BYTES)).endswith(b"\n"):
            yield start, start + len(line)
            start += len(line)
        if len(line) >= MAX_LINE_BYTES:
            raise BlockFileError(self.path, f"the line at byte {start} is longer than any block")

    def _lengths(self, file: IO[bytes]) -> Iterator[tuple[int, int]]:
        size = os.fstat(file.fileno()).st_size
        start = 0
        while start < size:
            file.seek(start)
            try:
                length, used = decode_uvarint(file.read(MAX_UVARINT_BYTES))
            except VarintTruncatedError:
                return
            except VarintOverflowError as error:
                raise BlockFileError(self.path, f"no length of a block at byte {start}") from error
            if length > MAX_BLOCK_BYTES:
                raise BlockFileError(
                    self.path,
                    f"a block of {length} bytes at byte {start}: at most {MAX_BLOCK_BYTES} are expected",
                )
            end = start + used + length
            if end > size:
                return
            yield start, end
            start = end

    def _decoded(self, record: bytes, start: int) -> types.Block:
        try:
            if self._is_lines:
                return block_of_json(json.loads(record))
            return types.Block.FromString(record[decode_uvarint(record)[1] :])
        except (DecodeError, BlockJsonError, ValueError, RecursionError) as error:
            raise BlockFileError(self.path, f"no block at byte {start}: {error}"[:200]) from error


def _is_regular(file: IO[bytes]) -> bool:
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
