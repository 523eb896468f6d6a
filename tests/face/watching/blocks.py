"""Blocks cut into parts with their proofs, as CometBFT cuts them."""

from __future__ import annotations

from hashlib import sha256

from peerage.messages import types
from peerage.watching.block_parts import PART_BYTES


def split_point(total: int) -> int:
    """The largest power of two below the total."""
    point = 1
    while point * 2 < total:
        point *= 2
    return point


def root_and_aunts(leaves: list[bytes]) -> tuple[bytes, list[list[bytes]]]:
    """The root over these leaf hashes, and for each leaf the hashes beside its way up, the lowest first."""
    if len(leaves) == 1:
        return leaves[0], [[]]
    point = split_point(len(leaves))
    left, left_aunts = root_and_aunts(leaves[:point])
    right, right_aunts = root_and_aunts(leaves[point:])
    aunts = [[*each, right] for each in left_aunts] + [[*each, left] for each in right_aunts]
    return sha256(b"\1" + left + right).digest(), aunts


def parts_of(data: bytes, part_bytes: int = PART_BYTES) -> tuple[bytes, list[types.Part]]:
    """The root, and the parts."""
    pieces = [data[at : at + part_bytes] for at in range(0, len(data), part_bytes)]
    leaves = [sha256(b"\0" + piece).digest() for piece in pieces]
    root, aunts = root_and_aunts(leaves)
    return root, [
        types.Part(
            index=index,
            bytes=piece,
            proof=types.Proof(total=len(pieces), index=index, leaf_hash=leaves[index], aunts=aunts[index]),
        )
        for index, piece in enumerate(pieces)
    ]


def block_of(
    height: int, *transactions: bytes, validators: int = 4, absent: tuple[int, ...] = ()
) -> types.Block:
    """A block with the commit of the one before it."""
    signatures = [
        types.CommitSig(
            block_id_flag=types.BLOCK_ID_FLAG_ABSENT if index in absent else types.BLOCK_ID_FLAG_COMMIT
        )
        for index in range(validators)
    ]
    return types.Block(
        header=types.Header(height=height, proposer_address=bytes([height]) * 20),
        data=types.Data(txs=transactions),
        last_commit=types.Commit(height=height - 1, signatures=signatures),
    )
