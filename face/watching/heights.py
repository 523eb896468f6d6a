"""How each height was decided: proposals, votes, parts, by round; and who was late.

Nobody tells a watcher who the validators are, and votes are not verified. What it reports is what its peers brought, and
where peers disagree, what most of them say: a height is decided when more than half of the peers say that they committed
it, and the commit in the next block says how many validators there are.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from statistics import median_low
from typing import Final, NamedTuple

from peerage.messages import types
from peerage.watching.following import Place
from peerage.wire.errors import RemoteError

__all__ = ["HeightLedger", "HeightReport", "MalformedVoteError", "RoundReport", "VoteReport"]

AHEAD: Final = 2
BEHIND: Final = 4
"""Heights around the peers' of which something is kept: others would be lies, or too old."""
KEPT: Final = 64
"""Heights that wait to be reported; of a chain that makes ten blocks a second, those of six seconds."""
MOST_ROUND: Final = 8

MOST_VALIDATORS: Final = 10_000  # CometBFT's MaxVotesCount
MOST_UNKNOWN: Final = 1000
"""Validators that are believed in before a commit says how many there are; then it is twice as many as it says."""
MOST_PARTS: Final = 2048
"""Different parts of the blocks of one round that are counted: the largest block has 1601."""
MOST_BACKED: Final = 2
"""Blocks of one round that one peer may bring precommits for: an honest one brings them for one."""
ADDRESS_BYTES: Final = 20
HASH_BYTES: Final = 32
MOST_CONFLICTS: Final = 1000

COMMIT: Final = 8  # a step of a round, as CometBFT numbers them

LATE_FOR_S: Final = 2.0
"""So long late precommits are waited for, once a height is decided."""
NEXT_BLOCK_WITHIN_S: Final = 15.0
"""Longer, and a height is reported without the commit that the next block has of it."""


class MalformedVoteError(RemoteError):
    """A vote or a proposal that no CometBFT node would pass on. Args: what, with its value."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what

    def __str__(self) -> str:
        return self.what


class VoteReport(NamedTuple):
    """One validator's vote.

    Args: validator, its index; after, seconds since the round began for us; is_nil, for no block; is_late, see
        RoundReport.
    """

    validator: int
    address: bytes
    after: float
    is_nil: bool
    is_late: bool


class RoundReport(NamedTuple):
    """One round of a height.

    Args:
        proposed_after: seconds since the round began for us until its proposal came; None when none came.
        proposal_from: which peer brought it first, "" for none.
        block_hash: that it proposes.
        parts: of blocks, how many different ones came.
        prevotes, precommits: by index. A precommit is late when it came after most peers had committed.
        conflicts: votes of one validator that do not agree.
    """

    round: int
    proposed_after: float | None
    proposal_from: str
    block_hash: bytes
    parts: int
    prevotes: tuple[VoteReport, ...]
    precommits: tuple[VoteReport, ...]
    conflicts: int


class HeightReport(NamedTuple):
    """A height that was decided.

    Args:
        at: when its first round began for us, in seconds of the caller's clock; decided_after, seconds from then.
        transactions, block_bytes, proposer: of its block; -1, -1 and nothing when the block was not complete.
        validators: how many there are; 0 when the next block did not come in time.
        missing: indexes of validators whose precommit was not seen.
        absent: those that are not in the commit that the next block has.
    """

    height: int
    round: int
    at: float
    decided_after: float
    block_hash: bytes
    transactions: int
    block_bytes: int
    proposer: bytes
    validators: int
    missing: tuple[int, ...]
    absent: tuple[int, ...]
    rounds: tuple[RoundReport, ...]

    @property
    def decided(self) -> RoundReport | None:
        """The round in which it was decided, if anything was seen of that."""
        return next((each for each in self.rounds if each.round == self.round), None)

    @property
    def late(self) -> tuple[int, ...]:
        """Indexes of validators whose precommit came late."""
        decided = self.decided
        return () if decided is None else tuple(each.validator for each in decided.precommits if each.is_late)


@dataclass(slots=True)
class _Vote:
    address: bytes
    at: float
    hash: bytes
    root: bytes


@dataclass(slots=True)
class _Round:
    began: float
    proposed_at: float | None = None
    proposal_from: str = ""
    block_hash: bytes = b""
    prevotes: dict[int, _Vote] = field(default_factory=dict)
    precommits: dict[int, _Vote] = field(default_factory=dict)
    parts: set[tuple[bytes, int]] = field(default_factory=set)
    conflicts: int = 0
    backers: dict[tuple[bytes, bytes], set[str]] = field(
        default_factory=dict
    )  # of a block: who brought a precommit

    def back(self, block: tuple[bytes, bytes], peer: str) -> None:
        """A peer brings a precommit for a block."""
        backers = self.backers.get(block)
        if backers is not None and peer in backers:
            return
        if sum(peer in each for each in self.backers.values()) < MOST_BACKED:
            self.backers.setdefault(block, set()).add(peer)

    def report(self, number: int, decided_at: float | None) -> RoundReport:
        def votes(of: dict[int, _Vote], late_from: float | None) -> tuple[VoteReport, ...]:
            return tuple(
                VoteReport(
                    index,
                    vote.address,
                    vote.at - self.began,
                    not vote.hash,
                    late_from is not None and vote.at > late_from,
                )
                for index, vote in sorted(of.items())
            )

        return RoundReport(
            number,
            None if self.proposed_at is None else self.proposed_at - self.began,
            self.proposal_from,
            self.block_hash,
            len(self.parts),
            votes(self.prevotes, None),
            votes(self.precommits, decided_at),
            self.conflicts,
        )


@dataclass(slots=True)
class _Height:
    began: float
    rounds: dict[int, _Round] = field(default_factory=dict)
    committed_by: dict[str, int] = field(default_factory=dict)  # peer → round
    decided_at: float | None = None
    round: int = -1
    header: types.Header | None = None
    transactions: int = -1
    block_bytes: int = -1
    commit: types.Commit | None = None

    def most_backed(self) -> tuple[bytes, bytes] | None:
        """Hash and root of the block that most peers brought precommits for: one peer alone makes it no other."""
        decided = self.rounds.get(self.round)
        if decided is None or not decided.backers:
            return None
        return max(decided.backers, key=lambda block: len(decided.backers[block]))


class HeightLedger:
    """What peers bring of the heights that are under way.

    Attributes: height, where most peers are, 0 when there are none; votes, parts, part_bytes: messages and bytes that came
        in all.
    """

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self._heights: dict[int, _Height] = {}
        self._reported = 0
        self._most_validators = MOST_UNKNOWN
        self.height = 0
        self.votes = 0
        self.parts = 0
        self.part_bytes = 0

    def height_of(self, peer: str) -> int:
        """Where this peer is; 0 when it has not said it."""
        place = self._places.get(peer)
        return 0 if place is None else place.height

    @property
    def round(self) -> int:
        """The highest round of this height that a proposal or vote was seen of."""
        height = self._heights.get(self.height)
        return max(height.rounds, default=0) if height is not None else 0

    def wants(self, height: int) -> bool:
        """Whether something of this height is worth keeping."""
        return -BEHIND <= height - self.height <= AHEAD and height > self._reported

    # --- what peers bring ------------------------------------------------------------------------------------------

    def at(self, peer: str, place: Place, step: int, now: float) -> None:
        """A peer says where it is. Raises: MalformedVoteError."""
        if place.height < 0 or place.round < 0 or place.last_commit_round < -1 or not 1 <= step <= COMMIT:
            raise MalformedVoteError(f"round step: {place} at step {step}")
        self._places[peer] = place
        self._find_height()
        if step == COMMIT:
            self._committed(peer, place.height, place.round, now)
        if place.last_commit_round >= 0:
            self._committed(peer, place.height - 1, place.last_commit_round, now)
        if self.wants(place.height) and place.round <= MOST_ROUND:
            self._round(place.height, place.round, now)
        for height in [height for height in self._heights if not self._keeps(height)]:
            del self._heights[height]

    def leave(self, peer: str) -> None:
        """A peer is gone."""
        if self._places.pop(peer, None):
            self._find_height()

    def propose(self, peer: str, proposal: types.Proposal, now: float) -> None:
        """A peer brings a proposal. Raises: MalformedVoteError."""
        _check_block(proposal.block_id)
        if (entry := self._entry(proposal.height, proposal.round, now)) and entry.proposed_at is None:
            entry.proposed_at, entry.proposal_from, entry.block_hash = now, peer, proposal.block_id.hash

    def vote(self, peer: str, vote: types.Vote, now: float) -> None:
        """A peer brings a vote. Raises: MalformedVoteError."""
        _check_vote(vote)
        self.votes += 1
        entry = self._entry(vote.height, vote.round, now)
        if entry is None or vote.validator_index >= self._most_validators:
            return
        block = vote.block_id.hash, vote.block_id.part_set_header.hash
        is_precommit = vote.type == types.SIGNED_MSG_TYPE_PRECOMMIT
        votes = entry.precommits if is_precommit else entry.prevotes
        known = votes.setdefault(vote.validator_index, _Vote(vote.validator_address, now, *block))
        if (known.hash, known.root) != block and entry.conflicts < MOST_CONFLICTS:
            entry.conflicts += 1
        if is_precommit and block[0]:
            entry.back(block, peer)

    def part(self, height: int, round_: int, root: bytes, index: int, size: int, now: float) -> None:
        """A peer brings a part of a block. Raises: MalformedVoteError."""
        self.parts += 1
        self.part_bytes += size
        entry = self._entry(height, round_, now)
        if entry is not None and len(entry.parts) < MOST_PARTS:
            entry.parts.add((root, index))

    # --- what follows ----------------------------------------------------------------------------------------------

    def undecided_blocks(self) -> list[tuple[int, bytes]]:
        """Heights that were decided, and the root of the block's parts, where the block is not known yet."""
        found = []
        for number, height in self._heights.items():
            if height.decided_at is not None and height.header is None and (block := height.most_backed()):
                found.append((number, block[1]))
        return found

    def lacks_block(self, height: int) -> bool:
        """Whether the block of this height is not known yet."""
        entry = self._heights.get(height)
        return entry is None or entry.header is None

    def block(self, height: int, block: types.Block, size: int) -> None:
        """The block of a decided height is complete."""
        if entry := self._heights.get(height):
            entry.header, entry.transactions, entry.block_bytes = block.header, len(block.data.txs), size
        before = self._heights.get(height - 1)
        if before is not None and block.last_commit.height == height - 1:
            before.commit = block.last_commit
            self._most_validators = min(2 * len(block.last_commit.signatures) + 10, MOST_VALIDATORS)

    def due(self, now: float) -> list[HeightReport]:
        """Decided heights of which nothing more is expected; each is given once, in order."""
        found = []
        for number in sorted(self._heights):
            entry = self._heights[number]
            if entry.decided_at is None:
                continue
            waited = now - entry.decided_at
            if waited < LATE_FOR_S or (entry.commit is None and waited < NEXT_BLOCK_WITHIN_S):
                break
            found.append(self._report(number, entry))
        for report in found:
            del self._heights[report.height]
            self._reported = max(self._reported, report.height)
        return found

    def _find_height(self) -> None:
        self.height = median_low(place.height for place in self._places.values()) if self._places else 0

    def _keeps(self, height: int) -> bool:
        return -KEPT <= height - self.height <= AHEAD

    def _entry(self, height: int, round_: int, now: float) -> _Round | None:
        if height < 1 or round_ < 0:
            raise MalformedVoteError(f"height {height}, round {round_}")
        return self._round(height, round_, now) if self.wants(height) and round_ <= MOST_ROUND else None

    def _round(self, height: int, round_: int, now: float) -> _Round:
        entry = self._heights.get(height)
        if entry is None:
            entry = self._heights[height] = _Height(now)
        found = entry.rounds.get(round_)
        if found is None:
            found = entry.rounds[round_] = _Round(now)
        return found

    def _committed(self, peer: str, height: int, round_: int, now: float) -> None:
        entry = self._heights.get(height)
        if entry is None:
            return
        entry.committed_by.setdefault(peer, round_)
        if entry.decided_at is None and 2 * len(entry.committed_by) > len(self._places):
            ((entry.round, _),) = Counter(entry.committed_by.values()).most_common(1)
            entry.decided_at = now

    def _report(self, number: int, entry: _Height) -> HeightReport:
        decided = entry.rounds.get(entry.round)
        commit = entry.commit
        count = 0 if commit is None else len(commit.signatures)
        seen = decided.precommits if decided is not None else {}
        assert entry.decided_at is not None
        return HeightReport(
            number,
            entry.round,
            entry.began,
            entry.decided_at - entry.began,
            (entry.most_backed() or (b"",))[0],
            entry.transactions,
            entry.block_bytes,
            b"" if entry.header is None else entry.header.proposer_address,
            count,
            tuple(index for index in range(count) if index not in seen),
            ()
            if commit is None
            else tuple(
                index
                for index, signature in enumerate(commit.signatures)
                if signature.block_id_flag == types.BLOCK_ID_FLAG_ABSENT
            ),
            tuple(
                each.report(round_, entry.decided_at if round_ == entry.round else None)
                for round_, each in sorted(entry.rounds.items())
            ),
        )


def _check_vote(vote: types.Vote) -> None:
    if vote.type not in {types.SIGNED_MSG_TYPE_PREVOTE, types.SIGNED_MSG_TYPE_PRECOMMIT}:
        raise MalformedVoteError(f"vote of type {vote.type}")
    if not 0 <= vote.validator_index < MOST_VALIDATORS or len(vote.validator_address) != ADDRESS_BYTES:
        raise MalformedVoteError(
            f"vote of validator {vote.validator_index} with an address of {len(vote.validator_address)} bytes"
        )
    _check_block(vote.block_id)


def _check_block(block: types.BlockID) -> None:
    if len(block.hash) not in {0, HASH_BYTES} or len(block.part_set_header.hash) not in {0, HASH_BYTES}:
        raise MalformedVoteError(
            f"block hashes of {len(block.hash)} and {len(block.part_set_header.hash)} bytes"
        )
