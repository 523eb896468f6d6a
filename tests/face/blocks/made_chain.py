"""Chains that tests make themselves, with validators of their own: to lie with. Those of CometBFT are in tests/vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from nacl.signing import SigningKey

from peerage.blocks.block_id import BlockID, block_id_of, commit_hash, data_hash, evidence_hash
from peerage.blocks.chain import Chain, Position
from peerage.blocks.sign_bytes import PrecommitBytes
from peerage.blocks.validator_set import Validator, ValidatorSet
from peerage.messages import types

CHAIN_ID = "made"
BEGAN_S = 1_700_000_000


@dataclass(frozen=True)
class Signers:
    """Validators and their keys, in the order of the set."""

    keys: tuple[SigningKey, ...]
    set: ValidatorSet

    @classmethod
    def make(cls, *powers: int, seed: str = "") -> Signers:
        """As many as there are powers."""
        made = [
            (SigningKey(sha256(f"{seed} {number}".encode()).digest()), power)
            for number, power in enumerate(powers)
        ]
        pairs = [(key, Validator(bytes(key.verify_key), power)) for key, power in made]
        pairs.sort(key=lambda pair: (-pair[1].power, pair[1].address))
        return cls(tuple(key for key, _ in pairs), ValidatorSet(tuple(each for _, each in pairs)))


def make_chain(
    count: int,
    signers: Signers,
    *,
    chain_id: str = CHAIN_ID,
    first: int = 1,
    changed: Signers | None = None,
    changed_at: int = 0,
    tx: bytes = b"tx",
    absent: Sequence[int] = (),
) -> list[types.Block]:
    """Blocks of consecutive heights, each with one transaction.

    Args: changed, who signs from height changed_at on; absent, validators that never vote.
    """
    blocks: list[types.Block] = []
    last_id, last_commit = BlockID(), types.Commit()
    last_commit.block_id.part_set_header.SetInParent()

    def at(height: int) -> Signers:
        return changed if changed is not None and height >= changed_at else signers

    for height in range(first, first + count):
        now = at(height)
        block = types.Block()
        block.data.txs.append(tx + b" %d" % height)
        block.evidence.SetInParent()
        block.last_commit.CopyFrom(last_commit)
        header = block.header
        header.version.block = 11
        header.chain_id, header.height = chain_id, height
        header.time.seconds = BEGAN_S + height
        header.last_block_id.hash = last_id.hash
        header.last_block_id.part_set_header.total = last_id.total
        header.last_block_id.part_set_header.hash = last_id.parts_hash
        header.last_block_id.part_set_header.SetInParent()
        header.validators_hash, header.next_validators_hash = now.set.hash, at(height + 1).set.hash
        header.consensus_hash = header.last_results_hash = sha256(b"").digest()
        header.app_hash = b"app %d" % height
        header.proposer_address = now.set.addresses[0]
        seal(block)
        blocks.append(block)
        last_id = block_id_of(block)
        last_commit = sign(chain_id, height, last_id, now, absent)
    return blocks


def seal(block: types.Block) -> None:
    """Make the header say what the content hashes to."""
    block.header.data_hash = data_hash(block.data)
    block.header.last_commit_hash = commit_hash(block.last_commit)
    block.header.evidence_hash = evidence_hash(block.evidence)


def sign(
    chain_id: str, height: int, block_id: BlockID, signers: Signers, absent: Sequence[int] = ()
) -> types.Commit:
    """The votes of all for a block, but of those who are absent."""
    commit = types.Commit(height=height)
    commit.block_id.hash = block_id.hash
    commit.block_id.part_set_header.total = block_id.total
    commit.block_id.part_set_header.hash = block_id.parts_hash
    signed = PrecommitBytes(chain_id, commit)
    for index, (key, address) in enumerate(zip(signers.keys, signers.set.addresses, strict=True)):
        vote = commit.signatures.add()
        if index in absent:
            vote.block_id_flag = types.BLOCK_ID_FLAG_ABSENT
            vote.timestamp.seconds = -62_135_596_800  # Go's zero time
            continue
        vote.block_id_flag = types.BLOCK_ID_FLAG_COMMIT
        vote.validator_address = address
        vote.timestamp.seconds, vote.timestamp.nanos = BEGAN_S + height, index
        vote.signature = key.sign(signed.of(vote.timestamp)).signature
    return commit


def chain_from(signers: Signers, first: int = 1) -> Chain:
    """What one knows at the beginning of such a chain."""
    return Chain(CHAIN_ID, Position(first, BlockID(), signers.set.hash), signers.set)


def copy_of(block: types.Block) -> types.Block:
    """A block to change."""
    made = types.Block()
    made.CopyFrom(block)
    return made
