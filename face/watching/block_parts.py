"""Blocks as they come, in parts; and which of them was decided.

A part proves to which block it belongs: its Merkle proof leads to the root that proposals and votes name. So parts that a
liar sends make a block of their own, and never spoil another one.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError

from peerage.messages import types
from peerage.wire.errors import RemoteError

__all__ = ["BlockParts", "BrokenProofError", "DecidedBlock"]

MOST_PARTS: Final = 1601  # of a block: 100 MiB in parts of 64 KiB; CometBFT's MaxBlockPartsCount
PART_BYTES: Final = 65_536
HASH_BYTES: Final = 32
MOST_BLOCKS: Final = 3
"""Of one height, that one peer may be the first to bring something of: a block in each round."""
MOST_BYTES: Final = 256 * 1024 * 1024
"""Of all blocks that are not decided yet; what one peer brings first is a quarter of that at most."""


class BrokenProofError(RemoteError):
    """A part of a block does not prove where it belongs.

    Args: height; what, is wrong with it.
    """

    def __init__(self, height: int, what: str) -> None:
        super().__init__(height, what)
        self.height, self.what = height, what

    def __str__(self) -> str:
        return f"part of block {self.height}: {self.what}"


class DecidedBlock(NamedTuple):
    """A block as it was decided. Args: root, of its parts."""

    height: int
    root: bytes
    size: int
    block: types.Block


def root_of(part: types.Part, height: int) -> bytes:
    """The root of the tree that a part proves to be in. Raises: BrokenProofError. Source: RFC 6962, 2.1, by SHA-256."""
    proof, index = part.proof, part.index
    if not 0 < proof.total <= MOST_PARTS or not 0 <= index < proof.total or proof.index != index:
        raise BrokenProofError(height, f"number {index} ({proof.index}) of {proof.total}")
    if not 0 < len(part.bytes) <= PART_BYTES or (index < proof.total - 1 and len(part.bytes) != PART_BYTES):
        raise BrokenProofError(height, f"{len(part.bytes)} bytes in part {index} of {proof.total}")
    found = sha256(b"\0" + part.bytes).digest()
    if found != proof.leaf_hash:
        raise BrokenProofError(height, "the hash is that of other bytes")
    aunts = list(proof.aunts)
    if len(aunts) > MOST_PARTS.bit_length() or any(len(aunt) != HASH_BYTES for aunt in aunts):
        raise BrokenProofError(height, f"a proof of {len(aunts)} hashes")
    root = _climbed(index, proof.total, found, aunts)
    if root is None:
        raise BrokenProofError(height, f"a proof of {len(aunts)} hashes for {proof.total} parts")
    return root


def _climbed(index: int, total: int, leaf: bytes, aunts: list[bytes]) -> bytes | None:
    if total == 1:
        return None if aunts else leaf
    if not aunts:
        return None
    aunt = aunts.pop()  # the highest one comes last
    left = 1 << ((total - 1).bit_length() - 1)  # the largest power of two below the total
    if index < left:
        below = _climbed(index, left, leaf, aunts)
        return None if below is None else sha256(b"\1" + below + aunt).digest()
    below = _climbed(index - left, total - left, leaf, aunts)
    return None if below is None else sha256(b"\1" + aunt + below).digest()


class _Parts:
    """One block's. Args: first, the peer that brought something of it first."""

    def __init__(self, total: int, first: str) -> None:
        self.total, self.first = total, first
        self.parts: dict[int, tuple[bytes, str]] = {}  # and who brought it first

    @property
    def is_complete(self) -> bool:
        return len(self.parts) == self.total


class BlockParts:
    """Parts of the blocks that are not decided yet. The caller says for which heights it wants them, by `forget_below`.

    A peer has a share of the room, so that nobody takes it all for blocks that nobody decides.

    Args: most_bytes, of all parts together; what is beyond that is not kept.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._heights: dict[int, dict[bytes, _Parts]] = {}
        self._most_bytes = most_bytes
        self._sizes: Counter[str] = Counter()  # by peer

    def add(self, height: int, part: types.Part, peer: str) -> bytes:
        """A peer has brought a part. Returns: the root of its block. Raises: BrokenProofError."""
        root = root_of(part, height)
        blocks = self._heights.setdefault(height, {})
        block = blocks.get(root)
        if block is None:
            if sum(each.first == peer for each in blocks.values()) >= MOST_BLOCKS:
                return root
            block = blocks[root] = _Parts(part.proof.total, peer)
        if part.index not in block.parts and self._has_room(peer, len(part.bytes)):
            block.parts[part.index] = part.bytes, peer
            self._sizes[peer] += len(part.bytes)
        return root

    def take(self, height: int, root: bytes) -> DecidedBlock | None:
        """The block with this root, if it is complete and can be read; then nothing is kept of its height any more."""
        parts = self._heights.get(height, {}).get(root)
        if parts is None or not parts.is_complete:
            return None
        self._forget(height)
        data = b"".join(parts.parts[index][0] for index in range(parts.total))
        try:
            block = types.Block.FromString(data)
        except DecodeError:  # nobody who checks blocks has decided that
            return None
        return DecidedBlock(height, root, len(data), block)

    def forget_below(self, height: int) -> None:
        """Drop what there is of lower heights."""
        for each in [each for each in self._heights if each < height]:
            self._forget(each)

    def _has_room(self, peer: str, size: int) -> bool:
        return (
            self._sizes[peer] + size <= self._most_bytes // 4
            and self._sizes.total() + size <= self._most_bytes
        )

    def _forget(self, height: int) -> None:
        for block in self._heights.pop(height).values():
            for data, peer in block.parts.values():
                self._sizes[peer] -= len(data)
        self._sizes = +self._sizes  # without those that have nothing
