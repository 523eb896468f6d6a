"""One fetch of a chain's blocks: who gives them, which are proved, and who has lied. Rules without I/O.

What is to be done is left in three lists, for whoever runs this to take: `jobs` (commits to check), `dropped` (peers to part
with, and why) and `proved` (blocks, in order).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from peerage.blocks.block_id import BlockID
from peerage.blocks.candidate import Candidate, examine
from peerage.blocks.chain import Chain
from peerage.blocks.commit_check import CommitTally
from peerage.blocks.errors import BadBlockError, UnknownSetError
from peerage.blocks.fetch_plan import FetchLimits, FetchPlan
from peerage.blocks.validator_set import ValidatorSet
from peerage.messages import types

__all__ = ["Drop", "Fetch", "Job", "Proved"]


@dataclass(frozen=True, slots=True)
class Job:
    """A commit to check. Attributes: number; height, of the block that it is for; commit, its bytes; validators."""

    number: int
    height: int
    commit: bytes
    validators: ValidatorSet


@dataclass(frozen=True, slots=True)
class Proved:
    """A block that the network has committed.

    Attributes: encoded, its bytes; giver, whose block it was; next_validators_hash, of those who sign the next one.
    """

    height: int
    id: BlockID
    encoded: bytes
    giver: str
    next_validators_hash: bytes


@dataclass(frozen=True, slots=True)
class Drop:
    """A peer that we part with, and why."""

    peer: str
    reason: str
    is_liar: bool


class Fetch:
    """Fetches one chain from its position on.

    Args:
        chain: as far as it is proved.
        last: the last block to prove; None for the last one that can be.
        limits: how much is asked for at a time.
    """

    def __init__(self, chain: Chain, last: int | None, limits: FetchLimits = FetchLimits()) -> None:  # noqa: B008 - a frozen value
        self.chain = chain
        self.last = last
        # The block after the last one has the votes for it.
        self.plan = FetchPlan(chain.position.height, None if last is None else last + 1, limits)
        self.jobs: list[Job] = []
        self.dropped: list[Drop] = []
        self.proved: list[Proved] = []
        self.wanted_set: UnknownSetError | None = None
        """The set of validators without which nothing goes on."""
        self.signatures = 0
        """How many were looked at."""
        self._first = chain.position.height
        self._held: dict[int, Candidate] = {}
        self._tallies: dict[int, CommitTally] = {}  # by height of the block that the votes are for
        self._asked: dict[int, int] = {}  # that height → number of the job
        self._number = 0

    @property
    def is_done(self) -> bool:
        """Whether the last block is proved; False for ever if none is named."""
        return self.last is not None and self.chain.position.height > self.last

    # --- what happens ------------------------------------------------------------------------------------------------

    def says(self, peer: str, base: int, height: int, now: float) -> None:
        """A peer says which blocks it has."""
        self._drop(peer, self.plan.says(peer, base, height, now), is_liar=True)

    def refused(self, peer: str, height: int, now: float) -> None:
        """A peer says that it has not the block it was asked for."""
        self._drop(peer, self.plan.refused(peer, height, now), is_liar=True)

    def arrived(self, peer: str, block: types.Block, size: int, now: float) -> None:
        """A peer has given a block. Args: size, of the message, in bytes."""
        height = block.header.height
        is_needed = self.plan.arrived(peer, height, size, now)
        if is_needed is None and self.plan.knows(peer):
            self._drop(peer, f"it gave a block of height {height}, which it was not asked for", is_liar=True)
        if not is_needed:
            return
        try:
            self._held[height] = examine(
                self.chain.chain_id, height, block, peer, may_be_first=height == self._first
            )
        except BadBlockError as error:
            self.plan.discard(height)
            self._drop(peer, str(error), is_liar=True)
            return
        self._ask_for_check(height - 1)
        self._ask_for_check(height)
        self.advance()

    def checked(self, tallies: Mapping[int, CommitTally]) -> None:
        """Commits were checked. Args: tallies, by the number of the job."""
        current = {number: height for height, number in self._asked.items() if number in tallies}
        for number, height in current.items():
            self._tallies[height] = tallies[number]
            self.signatures += tallies[number].checked
        self.advance()

    def add_set(self, validators: ValidatorSet) -> None:
        """The set that was wanted. Raises: ValidatorSetError, it is another one."""
        assert self.wanted_set is not None
        self.chain.add_set(validators, self.wanted_set.hash)
        self.wanted_set = None
        for height in sorted(self._held):
            self._ask_for_check(height)
        self.advance()

    def look_at_clock(self, now: float) -> None:
        """Part with those who are late."""
        for peer, reason in self.plan.overdue(now):
            self._drop(peer, reason, is_liar=False)

    def part_with(self, peer: str, reason: str) -> None:
        """Part with a peer that broke the protocol."""
        self._drop(peer, reason, is_liar=True)

    # --- proving -------------------------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Prove what can be."""
        while self.wanted_set is None and not self.is_done:
            height = self.chain.position.height
            candidate = self._held.get(height)
            if candidate is None:
                return
            try:
                self.chain.check_next(candidate)
            except BadBlockError as error:
                self._reject(candidate, error)
                continue
            except UnknownSetError as error:
                self.wanted_set = error
                return
            later, tally = self._held.get(height + 1), self._tallies.get(height)
            if later is None or tally is None:
                return
            if tally.fault:
                self._reject(later, BadBlockError(height + 1, tally.fault))
                continue
            try:
                self.chain.prove(candidate, tally)
            except BadBlockError as error:
                self._reject(candidate, error)
                continue
            self._take(candidate)

    def _take(self, candidate: Candidate) -> None:
        height = candidate.height
        del self._held[height]
        self._forget_check(height)
        self.plan.proved()
        next_hash = candidate.block.header.next_validators_hash
        self.proved.append(Proved(height, candidate.id, candidate.encoded, candidate.giver, next_hash))

    def _ask_for_check(self, height: int) -> None:
        """Have the votes for a block checked, once it and the one after it are here."""
        candidate, later = self._held.get(height), self._held.get(height + 1)
        if candidate is None or later is None or height in self._asked:
            return
        # By the set that the block names, which is the right one if the block is: the chain is asked later.
        validators = self.chain.set_of(candidate)
        if validators is not None:
            self._number += 1
            self._asked[height] = self._number
            self.jobs.append(
                Job(self._number, height, later.block.last_commit.SerializeToString(), validators)
            )

    def _forget_check(self, height: int) -> None:
        self._asked.pop(height, None)
        self._tallies.pop(height, None)

    def _reject(self, candidate: Candidate, error: BadBlockError) -> None:
        """A block is wrong: nothing of what its giver gave is kept."""
        self._discard(candidate.height)
        self._drop(candidate.giver, str(error), is_liar=True)

    def _drop(self, peer: str, reason: str, *, is_liar: bool) -> None:
        if not reason:
            return
        self.plan.leave(peer)
        for height in [height for height, each in self._held.items() if each.giver == peer]:
            self._discard(height)
        self.dropped.append(Drop(peer, reason, is_liar))

    def _discard(self, height: int) -> None:
        """Want a block anew, and with it the check of the votes in it and of those for it."""
        self._held.pop(height, None)
        self._forget_check(height)
        self._forget_check(height - 1)
        self.plan.discard(height)

    # --- what to do ------------------------------------------------------------------------------------------------------

    def requests(self, now: float) -> Iterator[tuple[str, int]]:
        """Whom to ask for which block now."""
        return iter(()) if self.is_done else self.plan.requests(now)
