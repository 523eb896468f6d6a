"""Hashes of blocks, beside what three versions of CometBFT say of their own."""

from __future__ import annotations

import pytest

from peerage.blocks.block_id import (
    PART_BYTES,
    BlockID,
    block_id_of,
    commit_hash,
    data_hash,
    evidence_hash,
    parts_of,
)
from peerage.messages import types
from tests.face.blocks.recorded import VERSIONS, recorded


@pytest.mark.parametrize("version", VERSIONS)
def test_every_block_has_the_id_that_cometbft_says(version: str) -> None:
    """The hash of the header, and of the parts: with transactions, absent votes, and more than one part."""
    chain = recorded(version)
    for shown, block in zip(chain.shown, chain.blocks, strict=True):
        said = shown["block_id"]
        found = block_id_of(block)
        assert (found.hash.hex().upper(), found.total) == (said["hash"], said["parts"]["total"])
        assert found.parts_hash.hex().upper() == said["parts"]["hash"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_header_has_the_hashes_of_its_content(version: str) -> None:
    """Of the transactions, the commit and the evidence."""
    for block in recorded(version).blocks:
        assert data_hash(block.data) == block.header.data_hash
        assert commit_hash(block.last_commit) == block.header.last_commit_hash
        assert evidence_hash(block.evidence) == block.header.evidence_hash


def test_recorded_blocks_have_what_is_easily_wrong() -> None:
    """Or the tests above would say little."""
    blocks = [block for version in VERSIONS for block in recorded(version).blocks]
    flags = {vote.block_id_flag for block in blocks for vote in block.last_commit.signatures}
    assert types.BLOCK_ID_FLAG_ABSENT in flags
    assert max(block_id_of(block).total for block in blocks) > 1
    assert max(len(block.data.txs) for block in blocks) > 2


def test_evidence_is_hashed_without_what_is_around_it() -> None:
    """The leaf is the duplicate vote itself, as its Bytes() gives it, not the `Evidence` that holds it."""
    evidence = types.EvidenceList()
    duplicate = evidence.evidence.add().duplicate_vote_evidence
    duplicate.total_voting_power = 10
    bare = types.Data(txs=[])
    assert evidence_hash(evidence) != evidence_hash(types.EvidenceList())
    assert evidence_hash(types.EvidenceList()) == data_hash(bare)
    assert duplicate.SerializeToString() == b"\x18\x0a"


def test_parts_are_cut_every_64_kib() -> None:
    """The last one may be short; nothing is one part less than one would think."""
    assert [parts_of(bytes(size))[0] for size in (1, PART_BYTES, PART_BYTES + 1)] == [1, 1, 2]


def test_no_block_encodes_as_cometbft_does() -> None:
    """The first header's last_block_id: empty, but with its part set header."""
    assert BlockID().encoded() == b"\x12\x00"
    assert BlockID().is_zero
    assert not BlockID(b"h").is_zero
    assert str(BlockID(b"\xab", 2, b"\xcd")) == "AB:2:CD"
