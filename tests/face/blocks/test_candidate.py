"""A block by itself: it is of the chain and height that were asked for, and its header is that of its content."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from peerage.blocks.candidate import examine
from peerage.blocks.errors import BadBlockError
from peerage.messages import types
from tests.face.blocks.made_chain import CHAIN_ID, Signers, make_chain
from tests.face.blocks.recorded import VERSIONS, recorded

SIGNERS = Signers.make(1)


@pytest.mark.parametrize("version", VERSIONS)
def test_real_blocks_are_right_by_themselves(version: str) -> None:
    """All of them, the first included."""
    for height, candidate in enumerate(recorded(version).candidates, 1):
        assert candidate.height == height
        assert candidate.size == len(candidate.block.SerializeToString())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda block: block.data.txs.append(b"mine"), "its data_hash is"),
        (lambda block: block.data.ClearField("txs"), "its data_hash is"),
        (lambda block: setattr(block.last_commit, "round", 5), ""),
        (
            lambda block: setattr(block.last_commit.signatures[0], "signature", bytes(64)),
            "its last_commit_hash",
        ),
        (
            lambda block: block.evidence.evidence.add().duplicate_vote_evidence.SetInParent(),
            "its evidence_hash",
        ),
        (lambda block: setattr(block.header, "height", 9), "its header says height 9"),
        (lambda block: setattr(block.header, "chain_id", "x\x1b"), "it is of chain"),
        (lambda block: setattr(block.header, "validators_hash", b""), "its validators_hash has 0 bytes"),
        (lambda block: setattr(block.last_commit, "height", 7), "its commit is of height 7"),
        (lambda block: setattr(block.last_commit.block_id, "hash", b"z"), "its commit is for another block"),
    ],
)
def test_an_altered_block_is_refused(change: Callable[[types.Block], None], reason: str) -> None:
    """With what is wrong, and nothing in it that could confuse a terminal. A commit's round is in no hash of its block: that
    one the signatures tell.
    """
    block = make_chain(3, SIGNERS)[2]
    change(block)
    if not reason:
        examine(CHAIN_ID, 3, block, "peer")
        return
    with pytest.raises(BadBlockError) as caught:
        examine(CHAIN_ID, 3, block, "peer")
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


def test_only_the_first_block_needs_no_commit() -> None:
    """Elsewhere its absence is a lie."""
    first = make_chain(1, SIGNERS, first=5)[0]
    examine(CHAIN_ID, 5, first, "peer", may_be_first=True)
    with pytest.raises(BadBlockError, match="its commit is of height 0"):
        examine(CHAIN_ID, 5, first, "peer")


def test_an_empty_block_is_refused() -> None:
    """As any bytes that are a message."""
    with pytest.raises(BadBlockError):
        examine(CHAIN_ID, 1, types.Block(), "peer", may_be_first=True)
