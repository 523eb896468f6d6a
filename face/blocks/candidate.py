"""A block as a peer gave it, once all is right with it that can be seen without its neighbours."""

from __future__ import annotations

from dataclasses import dataclass

from peerage.blocks.block_id import BlockID, commit_hash, data_hash, evidence_hash, header_hash, parts_of
from peerage.blocks.errors import BadBlockError
from peerage.messages import types
from peerage.wire.remote_text import shown

__all__ = ["Candidate", "examine"]

HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Candidate:
    """A block that agrees with itself. Whether it is the network's, its neighbours say.

    Attributes:
        block: itself; encoded, its bytes; id, what it hashes to.
        giver: who gave it.
    """

    block: types.Block
    encoded: bytes
    id: BlockID
    giver: str

    @property
    def height(self) -> int:
        return self.block.header.height

    @property
    def size(self) -> int:
        """Bytes, as it travels."""
        return len(self.encoded)


def examine(
    chain_id: str, height: int, block: types.Block, giver: str, *, may_be_first: bool = False
) -> Candidate:
    """Check that a block is of this chain and height, and that its header is that of its content.

    Args: height, which was asked for; giver, who gave it; may_be_first, whether it may be the chain's first, which alone
        has no commit.
    Raises: BadBlockError.
    """
    header, commit = block.header, block.last_commit
    last_block_id = BlockID.of(header.last_block_id)
    is_first = may_be_first and last_block_id.is_zero

    def need(ok: bool, reason: str) -> None:
        if not ok:
            raise BadBlockError(height, reason)

    need(header.chain_id == chain_id, f"it is of chain {shown(header.chain_id)!r}, expected {chain_id!r}")
    need(header.height == height, f"its header says height {header.height}")
    for name in ("validators_hash", "next_validators_hash"):
        size = len(getattr(header, name))
        need(size == HASH_BYTES, f"its {name} has {size} bytes, expected {HASH_BYTES}")
    _need_same(height, "data_hash", header.data_hash, data_hash(block.data))
    _need_same(height, "last_commit_hash", header.last_commit_hash, commit_hash(commit))
    _need_same(height, "evidence_hash", header.evidence_hash, evidence_hash(block.evidence))
    if is_first:
        need(not commit.signatures, "it names none before, and has votes for it")
    else:
        need(commit.height == height - 1, f"its commit is of height {commit.height}")
        need(
            BlockID.of(commit.block_id) == last_block_id,
            "its commit is for another block than its header names",
        )
    encoded = block.SerializeToString(deterministic=True)
    return Candidate(block, encoded, BlockID(header_hash(header), *parts_of(encoded)), giver)


def _need_same(height: int, name: str, said: bytes, found: bytes) -> None:
    if said != found:
        raise BadBlockError(
            height,
            f"its {name} is {said.hex().upper()[:64]}, but its content hashes to {found.hex().upper()}",
        )
