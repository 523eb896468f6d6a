"""Blocks are put together from parts that prove where they belong."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from peerage.messages import types
from peerage.watching import BlockParts, BrokenProofError
from peerage.watching.block_parts import MOST_BLOCKS, PART_BYTES
from tests.face.watching.blocks import block_of, parts_of

LARGE = block_of(7, *(bytes([number]) * 30_000 for number in range(20)))  # ten parts


def test_a_block_is_complete_with_its_last_part_in_whatever_order_they_come() -> None:
    """And is given once."""
    data = LARGE.SerializeToString()
    root, parts = parts_of(data)
    assert len(parts) == 10
    blocks = BlockParts()
    for part in reversed(parts):
        assert blocks.take(7, root) is None
        assert blocks.add(7, part, "anna") == root
    found = blocks.take(7, root)
    assert found is not None
    assert (found.block, found.size, found.root) == (LARGE, len(data), root)
    assert blocks.take(7, root) is None


@pytest.mark.parametrize("total", range(1, 18))
def test_a_proof_leads_to_the_root_of_its_block(total: int) -> None:
    """Whatever the tree's shape."""
    root, parts = parts_of(bytes(PART_BYTES) * (total - 1) + b"end")
    assert {BlockParts().add(1, part, "anna") for part in parts} == {root}


def changed(
    *, aunts: Sequence[bytes] | None = None, size: int | None = None, **fields: int | bytes
) -> types.Part:
    """A good part of three, but for this."""
    part: types.Part = parts_of(bytes(2 * PART_BYTES + 1))[1][1]
    if aunts is not None:
        del part.proof.aunts[:]
        part.proof.aunts.extend(aunts)
    if size is not None:
        part.bytes = part.bytes[:size]
    for name, value in fields.items():
        setattr(part.proof, name, value)
    return part


@pytest.mark.parametrize(
    "part",
    [
        changed(total=0),
        changed(total=1),
        changed(total=5),
        changed(total=100_000),
        changed(index=0),
        changed(leaf_hash=bytes(32)),
        changed(aunts=[]),
        changed(aunts=[bytes(32)] * 3),
        changed(aunts=[bytes(31)] * 2),
        changed(aunts=[bytes(32)] * 1000),
        changed(size=100),
        changed(size=0),
    ],
    ids=lambda part: f"{part.proof.total}/{part.proof.index}/{len(part.bytes)}/{len(part.proof.aunts)}",
)
def test_a_part_that_proves_nothing_is_refused(part: types.Part) -> None:
    """Its peer is stopped for that."""
    with pytest.raises(BrokenProofError, match="part of block 7"):
        BlockParts().add(7, part, "anna")


def test_a_liars_parts_do_not_spoil_the_block() -> None:
    """They prove to belong to another one."""
    root, parts = parts_of(LARGE.SerializeToString())
    blocks = BlockParts()
    for part in parts_of(bytes(600_000))[1]:
        assert blocks.add(7, part, "anna") != root
    for part in parts:
        blocks.add(7, part, "anna")
    assert blocks.take(7, root) is not None


def test_what_one_peer_brings_takes_no_room_from_the_others() -> None:
    """In bytes, and in blocks of one height."""
    root, parts = parts_of(LARGE.SerializeToString())
    blocks = BlockParts(most_bytes=40 * PART_BYTES)
    for part in parts_of(bytes(30 * PART_BYTES))[1]:
        blocks.add(7, part, "liar")
    for number in range(100):
        blocks.add(8, parts_of(b"%d" % number)[1][0], "liar")
    for part in parts:
        blocks.add(7, part, "anna")
        blocks.add(8, part, "bert")
    assert blocks.take(7, root) is not None
    assert blocks.take(8, root) is not None


def test_what_is_kept_is_bounded() -> None:
    """A block that finds no room is not put together; one peer is the first with three of a height at most."""
    root, parts = parts_of(LARGE.SerializeToString())
    blocks = BlockParts(most_bytes=36 * PART_BYTES)
    for part in parts:
        blocks.add(7, part, "anna")
    assert blocks.take(7, root) is None
    blocks = BlockParts()
    for number in range(MOST_BLOCKS):
        blocks.add(7, parts_of(b"%d" % number)[1][0], "anna")
    late_root, (late,) = parts_of(block_of(7).SerializeToString())
    blocks.add(7, late, "anna")
    assert blocks.take(7, late_root) is None
    blocks.add(7, late, "bert")
    assert blocks.take(7, late_root) is not None


def test_lower_heights_are_forgotten() -> None:
    """And make room."""
    root, parts = parts_of(LARGE.SerializeToString())
    blocks = BlockParts(most_bytes=40 * PART_BYTES)
    for height in (6, 7):
        blocks.forget_below(height)
        for part in parts:
            blocks.add(height, part, "anna")
    assert blocks.take(6, root) is None
    assert blocks.take(7, root) is not None


def test_a_block_that_nobody_can_read_is_none() -> None:
    """No validator would have decided that."""
    root, (part,) = parts_of(b"\xff\xff\xff")
    blocks = BlockParts()
    blocks.add(7, part, "anna")
    assert blocks.take(7, root) is None
