"""Files of blocks: gone on with, cut where they are torn, refused where they are something else."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from peerage.blocks.block_file import BlockFile, BlockFileError
from peerage.blocks.block_id import block_id_of
from tests.face.blocks.made_chain import Signers, make_chain

BLOCKS = make_chain(5, Signers.make(1), first=7)
NAMES = ("blocks.jsonl", "blocks.pb")


def write(path: Path, first: int = 0, last: int = 5) -> None:
    file = BlockFile(path)
    for block in BLOCKS[first:last]:
        file.append(block.header.height, block_id_of(block), block.SerializeToString())
    file.close()


@pytest.mark.parametrize("name", NAMES)
def test_what_was_written_is_read_and_gone_on_with(tmp_path: Path, name: str) -> None:
    """In several runs as in one."""
    path = tmp_path / name
    assert BlockFile(path).heights == range(0)
    assert not path.exists()
    write(path, 0, 2)
    write(path, 2, 5)
    file = BlockFile(path)
    assert (file.heights, file.cut_bytes) == (range(7, 12), 0)
    assert [file.read(height) for height in file.heights] == BLOCKS
    whole = tmp_path / f"whole {name}"
    write(whole)
    assert whole.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_torn_end_is_cut_off(tmp_path: Path, name: str) -> None:
    """Wherever the last block was torn; the blocks before are kept."""
    path = tmp_path / name
    write(path, 0, 2)
    kept = path.stat().st_size
    write(path, 2, 3)
    whole = path.read_bytes()
    for size in (kept + 1, (kept + len(whole)) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        file = BlockFile(path)
        assert (file.heights, file.cut_bytes, path.stat().st_size) == (range(7, 9), size - kept, kept)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", [b"hello\n" * 100, b"\xff" * 30, b'{"block": 1}\n', b"{}"])
def test_something_else_is_refused_and_left_as_it_is(tmp_path: Path, name: str, content: bytes) -> None:
    """Nobody's notes are overwritten."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BlockFileError, match=r"blocks\."):
        BlockFile(path)
    assert path.read_bytes() == content


def test_a_missing_block_in_the_middle_is_found(tmp_path: Path) -> None:
    """When it is read."""
    path = tmp_path / NAMES[0]
    write(path)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:1] + lines[2:]))
    with pytest.raises(BlockFileError, match=r"found block 9 at byte \d+, expected 8"):
        BlockFile(path).read(8)


def test_blocks_are_written_in_order(tmp_path: Path) -> None:
    """A gap would be a fault of ours."""
    path = tmp_path / NAMES[0]
    write(path, 0, 1)
    with pytest.raises(ValueError, match="block 9 after 7"):
        BlockFile(path).append(9, block_id_of(BLOCKS[2]), BLOCKS[2].SerializeToString())


def test_lines_are_what_rpc_shows(tmp_path: Path) -> None:
    """With the ID beside the block."""
    path = tmp_path / NAMES[0]
    write(path)
    shown = json.loads(path.read_text().splitlines()[1])
    assert shown["block"]["header"]["height"] == "8"
    assert shown["block_id"]["hash"] == block_id_of(BLOCKS[1]).hash.hex().upper()


def test_a_file_can_be_read_by_another_process(tmp_path: Path) -> None:
    """Without being looked through again."""
    path = tmp_path / NAMES[1]
    write(path)
    file = BlockFile(path)
    file.read(7)
    assert pickle.loads(pickle.dumps(file)).read(11) == BLOCKS[4]
    assert file.name == f"file {path}"


def test_two_do_not_write_to_one_file(tmp_path: Path) -> None:
    """Neither at the same time, nor when the other has gone on since it was looked through."""
    path = tmp_path / NAMES[1]
    late = BlockFile(path)
    first = BlockFile(path)
    arguments = [(block.header.height, block_id_of(block), block.SerializeToString()) for block in BLOCKS]
    first.append(*arguments[0])
    with pytest.raises(BlockFileError, match="another process writes to it"):
        late.append(*arguments[0])
    first.append(*arguments[1])
    first.close()
    with pytest.raises(BlockFileError, match="another process writes to it"):
        late.append(*arguments[0])
    write(path, 2, 5)
    assert BlockFile(path).heights == range(7, 12)


def test_a_device_takes_blocks_too() -> None:
    """Nothing is there to be gone on with."""
    file = BlockFile(Path("/dev/null"))
    for block in BLOCKS:
        file.append(block.header.height, block_id_of(block), block.SerializeToString())
    assert file.heights == range(7, 12)
    file.close()
