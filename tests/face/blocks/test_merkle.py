"""The Merkle tree of RFC 6962, with the vectors that CometBFT's own tests have."""

from __future__ import annotations

from hashlib import sha256

import pytest

from peerage.blocks.merkle import root


def recursive(leaves: list[bytes]) -> bytes:
    """The definition, word for word."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha256(b"\x01" + recursive(leaves[:half]) + recursive(leaves[half:])).digest()


@pytest.mark.parametrize(
    ("leaves", "expected"),
    [
        ([], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ([b"\x01\x02\x03"], "054edec1d0211f624fed0cbca9d4f9400b0e491c43742af2c5b0abebf0c990d8"),
        ([b""], "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (
            [b"\x01\x02\x03", b"\x04\x05\x06"],
            "82e6cfce00453804379b53962939eaa7906b39904be0813fcadd31b100773c4b",
        ),
        (
            [b"\x01\x02", b"\x03\x04", b"\x05\x06", b"\x07\x08", b"\x09\x0a"],
            "f326493eceab4f2d9ffbc78c59432a0a005d6ea98392045c74df5d14a113be18",
        ),
    ],
)
def test_roots_are_those_of_cometbft(leaves: list[bytes], expected: str) -> None:
    """As its crypto/merkle computes them."""
    assert root(leaves).hex() == expected


@pytest.mark.parametrize("count", range(70))
def test_roots_are_those_of_the_definition(count: int) -> None:
    """Whether the number of leaves is a power of two or not."""
    leaves = [b"leaf %d" % number for number in range(count)]
    assert root(leaves) == recursive(leaves)


def test_a_node_is_no_leaf() -> None:
    """Two leaves and one that looks like their node have different roots (a second preimage)."""
    left, right = (sha256(b"\x00" + leaf).digest() for leaf in (b"a", b"b"))
    assert root([b"a", b"b"]) != root([left + right])
