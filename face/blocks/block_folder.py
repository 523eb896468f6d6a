"""A folder of blocks: a file for each, named by its height, with the protobuf message as CometBFT encodes it.

A file gets its name when it is whole. What has no such name is let be.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeAlias

from google.protobuf.message import DecodeError

from peerage.blocks.block_file import BlockFile, BlockFileError
from peerage.blocks.block_id import BlockID
from peerage.messages import types

__all__ = ["BlockFolder", "BlockStore", "open_store"]

_NAME = re.compile(r"(\d{12,19})\.pb", re.ASCII)


class BlockFolder:
    """A folder of blocks of consecutive heights, to go on with. It is made when the first block is written.

    Args: path.
    Raises: BlockFileError, blocks are missing in it; OSError.
    """

    cut_bytes = 0
    """A folder has no torn end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        found = sorted(
            int(match[1])
            for file in (path.iterdir() if path.exists() else ())
            if (match := _NAME.fullmatch(file.name))
        )
        self.heights = range(found[0], found[-1] + 1) if found else range(0)
        """Which blocks it has."""
        if len(found) != len(self.heights):
            missing = next(height for height in self.heights if height not in set(found))
            raise BlockFileError(path, f"it has blocks up to {found[-1]}, but not {missing}")

    @property
    def name(self) -> str:
        """What it is called among those who give blocks."""
        return f"folder {self.path}"

    def read(self, height: int) -> types.Block:
        """One of its blocks. Raises: BlockFileError; OSError."""
        file = self._file(height)
        try:
            block = types.Block.FromString(file.read_bytes())
        except DecodeError as error:
            raise BlockFileError(file, f"no block: {error}"[:200]) from error
        if block.header.height != height:
            raise BlockFileError(file, f"it has block {block.header.height}")
        return block

    def append(self, height: int, _block_id: BlockID, encoded: bytes) -> None:
        """Write the next block. Raises: OSError; ValueError, it is not the next one."""
        if self.heights and height != self.heights.stop:
            raise ValueError(f"block {height} after {self.heights[-1]}")
        self.path.mkdir(exist_ok=True)
        draft = self.path / ".draft"
        draft.write_bytes(encoded)
        draft.replace(self._file(height))
        self.heights = range(self.heights.start if self.heights else height, height + 1)

    def close(self) -> None:
        """Nothing is left to be done."""

    def _file(self, height: int) -> Path:
        return self.path / f"{height:012d}.pb"


BlockStore: TypeAlias = BlockFile | BlockFolder


def open_store(path: Path, *, is_folder: bool = False) -> BlockStore:
    """What is there, or will be. Args: is_folder, whether it shall be one where nothing is yet.

    Raises: BlockFileError, OSError.
    """
    return BlockFolder(path) if is_folder or path.is_dir() else BlockFile(path)
