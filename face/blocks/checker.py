"""Checks commits' signatures in a process of its own: one of these runs on each core that there is for it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from peerage.actors.runtime import ActorRef, ProcessActor
from peerage.blocks.commit_check import CommitTally, check_commit
from peerage.blocks.validator_set import ValidatorSet
from peerage.messages import types

__all__ = ["CheckCommits", "CommitChecker", "CommitsChecked"]


@dataclass(frozen=True, slots=True)
class CheckCommits:
    """Ask for commits to be checked.

    Attributes: chain_id; validators, who should have signed them; commits, by a number of the asker's: their height, and
        their bytes; answer_to, who is told `CommitsChecked`.
    """

    chain_id: str
    validators: ValidatorSet
    commits: dict[int, tuple[int, bytes]]
    answer_to: ActorRef


@dataclass(frozen=True, slots=True)
class CommitsChecked:
    """What was found, by the asker's numbers. Attributes: seconds, of processor time that it took."""

    tallies: dict[int, CommitTally]
    seconds: float


class CommitChecker(ProcessActor):
    """Checks what it is told to, in order."""

    def on_receive(self, message: CheckCommits) -> None:
        began = time.process_time()
        tallies = {
            number: check_commit(
                message.chain_id, message.validators, height, types.Commit.FromString(encoded)
            )
            for number, (height, encoded) in message.commits.items()
        }
        message.answer_to.tell(CommitsChecked(tallies, time.process_time() - began), if_there=True)
