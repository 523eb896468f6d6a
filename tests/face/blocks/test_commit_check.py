"""Votes in a commit: right ones are counted, wrong ones are not, and two thirds are not enough."""

from __future__ import annotations

import pytest

from peerage.blocks.commit_check import check_commit
from peerage.messages import types
from tests.face.blocks.made_chain import CHAIN_ID, Signers, make_chain, sign
from tests.face.blocks.recorded import VERSIONS, recorded

FOUR = Signers.make(10, 10, 10, 10)


def commit_of_first(signers: Signers = FOUR, absent: tuple[int, ...] = ()) -> types.Commit:
    """The votes for block 1."""
    return make_chain(2, signers, absent=absent)[1].last_commit


@pytest.mark.parametrize("version", VERSIONS)
def test_cometbfts_own_signatures_are_right(version: str) -> None:
    """All that are there, over a change of the validators and with one of them away."""
    chain = recorded(version)
    sets = {found.hash: found for found in chain.sets.values()}
    powers = set()
    for block, later in zip(chain.blocks, chain.blocks[1:], strict=False):
        votes = later.last_commit
        found = check_commit(chain.chain_id, sets[block.header.validators_hash], block.header.height, votes)
        assert found.fault == ""
        there = [vote for vote in votes.signatures if vote.block_id_flag != types.BLOCK_ID_FLAG_ABSENT]
        assert found.checked == len(there)
        powers.add((found.power, found.total_power))
    assert {(40, 40), (30, 37)} <= powers


@pytest.mark.parametrize(("absent", "is_enough"), [((), True), ((0,), True), ((0, 1), False)])
def test_more_than_two_thirds_must_have_signed(absent: tuple[int, ...], is_enough: bool) -> None:
    """Three of four are enough, two are not."""
    found = check_commit(CHAIN_ID, FOUR.set, 1, commit_of_first(absent=absent))
    assert (found.fault == "") is is_enough
    assert found.power == 40 - 10 * len(absent)


def test_exactly_two_thirds_are_not_enough() -> None:
    """Two of three with the same power."""
    three = Signers.make(1, 1, 1)
    found = check_commit(CHAIN_ID, three.set, 1, commit_of_first(three, absent=(1,)))
    assert found.fault == "its commit has 2 of 3 voting power, more than two thirds are expected"


def test_a_forged_signature_is_not_counted() -> None:
    """It is named, and the power of the others counts."""
    commit = commit_of_first(absent=(0,))
    commit.signatures[2].signature = bytes(64)
    found = check_commit(CHAIN_ID, FOUR.set, 1, commit)
    assert found.power == 20
    assert found.fault.endswith("; 1 signatures are wrong, the first that of validator 2")


def test_a_vote_of_another_chain_height_or_time_is_not_counted() -> None:
    """Each of them is signed."""
    commit = commit_of_first()
    assert check_commit("other", FOUR.set, 1, commit).power == 0
    commit.signatures[0].timestamp.nanos += 100
    assert check_commit(CHAIN_ID, FOUR.set, 1, commit).power == 30
    assert "of height 1, expected 2" in check_commit(CHAIN_ID, FOUR.set, 2, commit).fault


def test_a_vote_for_nil_is_checked_and_not_counted() -> None:
    """The power is that for the block alone."""
    commit = commit_of_first()
    vote = commit.signatures[1]
    vote.block_id_flag = types.BLOCK_ID_FLAG_NIL
    found = check_commit(CHAIN_ID, FOUR.set, 1, commit)
    assert (found.power, found.checked, found.fault) == (
        30,
        4,
        "",
    )  # it was signed for the block: a wrong one
    nil = sign(CHAIN_ID, 1, found.block_id, FOUR)
    assert nil.signatures[1].signature != vote.signature or found.power == 30


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda commit: commit.signatures.pop(), "has 3 signatures, and there are 4 validators"),
        (
            lambda commit: setattr(commit.signatures[1], "validator_address", b"x" * 20),
            f"vote 1 is of {'78' * 20}",
        ),
        (lambda commit: setattr(commit.signatures[0], "block_id_flag", 9), "unknown flag 9"),
        (lambda commit: setattr(commit.signatures[0], "signature", b"short"), ""),
    ],
)
def test_a_commit_of_another_shape_is_none(change: object, fault: str) -> None:
    """Whoever sent it: nothing raises."""
    commit = commit_of_first()
    assert callable(change)
    change(commit)
    found = check_commit(CHAIN_ID, FOUR.set, 1, commit)
    assert fault in found.fault
    assert found.power <= 30
