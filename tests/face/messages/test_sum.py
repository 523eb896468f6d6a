"""What a message holds."""

from __future__ import annotations

import pytest

from peerage.messages import EmptySumError, consensus, mempool, types, unwrap


def test_the_message_inside_is_given() -> None:
    """A reactor matches on its class."""
    vote = consensus.Vote(vote=types.Vote(height=7))
    assert unwrap(consensus.Message(vote=vote)) == vote


def test_a_message_without_a_sum_is_given_back() -> None:
    """Evidence travels as a list."""
    evidence = types.EvidenceList()
    assert unwrap(evidence) is evidence


@pytest.mark.parametrize("encoded", [b"", b"\x7a\x00"], ids=["nothing", "a field of a later version"])
def test_a_message_with_nothing_that_we_know_is_refused(encoded: bytes) -> None:
    """The error names the message."""
    with pytest.raises(EmptySumError, match=r"tendermint\.mempool\.Message"):
        unwrap(mempool.Message.FromString(encoded))
