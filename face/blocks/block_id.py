"""What names a block: the hash of its header, and that of the parts in which it is sent around.

    block ID     = header hash | parts: their number, the root of their tree
    header hash  = root of its 14 fields, each encoded by itself
    parts        = the encoded block, cut every 64 KiB

Source: CometBFT, types/block.go and types/part_set.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from google.protobuf.message import Message

from peerage.blocks.fields import message_field, number_field, text_field, timestamp
from peerage.blocks.merkle import root
from peerage.messages import types

__all__ = [
    "PART_BYTES",
    "BlockID",
    "block_id_of",
    "commit_hash",
    "data_hash",
    "evidence_hash",
    "header_hash",
    "parts_of",
]

PART_BYTES = 65_536  # CometBFT's types.BlockPartSizeBytes


@dataclass(frozen=True, slots=True)
class BlockID:
    """What a commit signs. `BlockID()` is the "no block" before the first.

    Attributes: hash, of the header; total, how many parts; parts_hash, the root of their tree.
    """

    hash: bytes = b""
    total: int = 0
    parts_hash: bytes = b""

    @classmethod
    def of(cls, message: types.BlockID) -> BlockID:
        """What a message says."""
        parts = message.part_set_header
        return cls(message.hash, parts.total, parts.hash)

    @property
    def is_zero(self) -> bool:
        return not (self.hash or self.total or self.parts_hash)

    def encoded(self) -> bytes:
        """As in a header, and as in a vote that is signed."""
        parts = number_field(1, self.total) + text_field(2, self.parts_hash)
        return text_field(1, self.hash) + message_field(2, parts)

    def __str__(self) -> str:
        # A peer may say hashes of any length.
        return f"{self.hash[:32].hex().upper()}:{self.total}:{self.parts_hash[:6].hex().upper()}"


def block_id_of(block: types.Block) -> BlockID:
    """The ID that this block has."""
    return BlockID(header_hash(block.header), *parts_of(block.SerializeToString(deterministic=True)))


def header_hash(header: types.Header) -> bytes:
    """The hash by which a block is known."""
    version = header.version
    return root(
        (
            number_field(1, version.block) + number_field(2, version.app),
            text_field(1, header.chain_id.encode()),
            number_field(1, header.height),
            timestamp(header.time),
            BlockID.of(header.last_block_id).encoded(),
            *(
                text_field(1, value)
                for value in (
                    header.last_commit_hash,
                    header.data_hash,
                    header.validators_hash,
                    header.next_validators_hash,
                    header.consensus_hash,
                    header.app_hash,
                    header.last_results_hash,
                    header.evidence_hash,
                    header.proposer_address,
                )
            ),
        )
    )


def data_hash(data: types.Data) -> bytes:
    """The hash of the transactions: the tree's leaves are their hashes."""
    return root(sha256(tx).digest() for tx in data.txs)


def commit_hash(commit: types.Commit) -> bytes:
    """The hash of a commit's signatures. What they sign is in the header anyway."""
    return root(
        number_field(1, each.block_id_flag)
        + text_field(2, each.validator_address)
        + message_field(3, timestamp(each.timestamp))
        + text_field(4, each.signature)
        for each in commit.signatures
    )


def evidence_hash(evidence: types.EvidenceList) -> bytes:
    """The hash of the evidence in a block: each item as it is inside its `Evidence`."""
    return root(_inner(each).SerializeToString(deterministic=True) for each in evidence.evidence)


def _inner(evidence: types.Evidence) -> Message:
    kind = evidence.WhichOneof("sum")
    inner: Message = evidence if kind is None else getattr(evidence, kind)
    return inner


def parts_of(encoded: bytes) -> tuple[int, bytes]:
    """How many parts an encoded block is sent in, and the root of their tree."""
    view = range(0, len(encoded), PART_BYTES)
    return len(view), root(encoded[start : start + PART_BYTES] for start in view)
