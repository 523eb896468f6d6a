"""Folders of blocks: gone on with, and refused where blocks are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from peerage.blocks.block_file import BlockFile, BlockFileError
from peerage.blocks.block_folder import BlockFolder, open_store
from peerage.blocks.block_id import BlockID, block_id_of
from tests.face.blocks.made_chain import Signers, make_chain

BLOCKS = make_chain(4, Signers.make(1), first=7)


def write(path: Path) -> BlockFolder:
    folder = BlockFolder(path)
    for block in BLOCKS:
        folder.append(block.header.height, block_id_of(block), block.SerializeToString())
    folder.close()
    return folder


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """With names that sort by height. A draft, and files of others, are let be."""
    path = tmp_path / "blocks"
    assert write(path).heights == range(7, 11)
    (path / ".draft").write_bytes(b"torn")
    (path / "notes.txt").write_text("mine")
    folder = BlockFolder(path)
    assert [folder.read(height) for height in folder.heights] == BLOCKS
    assert (path / "000000000007.pb").exists()
    assert folder.name == f"folder {path}"


def test_missing_and_foreign_blocks_are_told(tmp_path: Path) -> None:
    """By their height, or their file."""
    folder = write(tmp_path)
    (tmp_path / "000000000008.pb").write_bytes(BLOCKS[3].SerializeToString())
    with pytest.raises(BlockFileError, match=r"08\.pb: it has block 10"):
        folder.read(8)
    (tmp_path / "000000000008.pb").write_bytes(b"\xff")
    with pytest.raises(BlockFileError, match=r"08\.pb: no block"):
        folder.read(8)
    (tmp_path / "000000000008.pb").unlink()
    with pytest.raises(BlockFileError, match="it has blocks up to 10, but not 8"):
        BlockFolder(tmp_path)


def test_blocks_are_written_in_order(tmp_path: Path) -> None:
    """A gap would be a fault of ours."""
    folder = write(tmp_path)
    with pytest.raises(ValueError, match="block 12 after 10"):
        folder.append(12, BlockID(), b"")


def test_a_path_is_a_folder_when_it_is_one_or_shall_be(tmp_path: Path) -> None:
    """Else a file."""
    assert isinstance(open_store(tmp_path), BlockFolder)
    assert isinstance(open_store(tmp_path / "new", is_folder=True), BlockFolder)
    assert isinstance(open_store(tmp_path / "new"), BlockFile)
