"""The hash of a list: CometBFT's Merkle tree, which is RFC 6962's with SHA-256.

    root([])        = sha256("")
    root([leaf])    = sha256(0x00 | leaf)
    root(leaves)    = sha256(0x01 | root(the first k) | root(the others)),  k the largest power of two below their number

The two prefixes keep a leaf from being taken for a node. Source: CometBFT, crypto/merkle.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

__all__ = ["root"]


def root(leaves: Iterable[bytes]) -> bytes:
    """The hash of these items in their order, 32 bytes."""
    # From the leaves upwards, pairing neighbours: a lone last node rises as it is. That is the same tree, for each left half
    # of it is full, and it needs no recursion, whose depth a hostile list would choose.
    level = [sha256(b"\x00" + leaf).digest() for leaf in leaves]
    if not level:
        return sha256().digest()
    while len(level) > 1:
        above = [
            sha256(b"\x01" + level[index] + level[index + 1]).digest()
            for index in range(0, len(level) - 1, 2)
        ]
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0]
