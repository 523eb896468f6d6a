"""What validators sign, with the vectors of CometBFT's own tests."""

from __future__ import annotations

from peerage.blocks.sign_bytes import PrecommitBytes
from peerage.messages import types

ZERO_TIME_S = -62_135_596_800  # Go's


def test_a_vote_is_signed_as_cometbft_signs_it() -> None:
    """A precommit of height and round 1 for no block, without a chain: a vector of its types/vote_test.go."""
    vote = types.CommitSig()
    vote.timestamp.seconds = ZERO_TIME_S
    signed = PrecommitBytes("", types.Commit(height=1, round=1)).of(vote.timestamp, for_block=False)
    assert list(signed) == [
        *(0x21, 0x8, 0x2, 0x11, 1, 0, 0, 0, 0, 0, 0, 0, 0x19, 1, 0, 0, 0, 0, 0, 0, 0),
        *(0x2A, 0xB, 0x8, 0x80, 0x92, 0xB8, 0xC3, 0x98, 0xFE, 0xFF, 0xFF, 0xFF, 1),
    ]


def test_the_chain_comes_last() -> None:
    """The same with a chain ID."""
    vote = types.CommitSig()
    vote.timestamp.seconds = ZERO_TIME_S
    signed = PrecommitBytes("test_chain_id", types.Commit(height=1, round=1)).of(
        vote.timestamp, for_block=False
    )
    assert signed[0] == 0x30
    assert signed.endswith(b"\x32\x0dtest_chain_id")


def test_votes_for_a_block_and_for_nil_differ() -> None:
    """A vote for nil has no block ID."""
    commit = types.Commit(height=1)
    commit.block_id.hash = b"h"
    signed = PrecommitBytes("c", commit)
    vote = types.CommitSig()
    assert b"\x22\x05\x0a\x01h\x12\x00" in signed.of(vote.timestamp)
    assert b"h" not in signed.of(vote.timestamp, for_block=False)
