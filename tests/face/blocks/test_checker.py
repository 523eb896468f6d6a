"""The process that checks commits answers whoever asks."""

from __future__ import annotations

from peerage.actors.runtime import THREAD
from peerage.blocks.checker import CheckCommits, CommitChecker, CommitsChecked
from peerage.testing import Probe, run_actor
from tests.face.blocks.made_chain import CHAIN_ID, Signers, make_chain

FOUR = Signers.make(1, 1, 1, 1)


def test_commits_are_checked_and_answered_by_number() -> None:
    """Right ones and wrong ones, in one message."""
    blocks = make_chain(3, FOUR)
    right, wrong = blocks[1].last_commit, blocks[2].last_commit
    wrong.signatures[0].signature = wrong.signatures[1].signature = bytes(64)
    commits = {5: (1, right.SerializeToString()), 9: (2, wrong.SerializeToString())}
    with Probe("asker") as asker, run_actor(CommitChecker, place=THREAD) as checker:
        checker.tell(CheckCommits(CHAIN_ID, FOUR.set, commits, asker.ref))
        found = asker.fish(CommitsChecked)
    assert {number: tally.power for number, tally in found.tallies.items()} == {5: 4, 9: 2}
    assert [bool(tally.fault) for tally in found.tallies.values()] == [False, True]
