"""How far the chain is proved, and the rules by which the next block is.

A block is proved by the next one, whose `last_commit` holds the votes for it. When the two do not fit, one of their givers
has lied, and the rules say which: the votes of more than two thirds of the validators cannot be forged, so

    the votes are not theirs                        the later block is wrong
    the votes are theirs, but for another block     the earlier block is wrong
    the earlier one does not follow what is proved  the earlier block is wrong
"""

from __future__ import annotations

from dataclasses import dataclass

from peerage.blocks.block_id import BlockID
from peerage.blocks.candidate import Candidate
from peerage.blocks.commit_check import CommitTally
from peerage.blocks.errors import BadBlockError, UnknownSetError, ValidatorSetError
from peerage.blocks.validator_set import ValidatorSet

__all__ = ["Chain", "Position"]


@dataclass(frozen=True, slots=True)
class Position:
    """Where the next block is expected, and what is known of it.

    Attributes:
        height: of the next block to prove.
        last_block_id: of the one before; None where nothing is known of that.
        validators_hash: of those who sign it; b"" where that is not known, and then `trusted_hash` is.
        trusted_hash: the next block's own hash, from somewhere that is trusted; b"" if there is none.
    """

    height: int
    last_block_id: BlockID | None = None
    validators_hash: bytes = b""
    trusted_hash: bytes = b""


class Chain:
    """A chain as far as it is proved.

    Args:
        chain_id: the network's.
        position: where to begin. Either its validators_hash or its trusted_hash must be there: without one of them any
            peer could invent a chain.
        sets: of validators that are known already.
    """

    def __init__(self, chain_id: str, position: Position, *sets: ValidatorSet) -> None:
        if not (position.validators_hash or position.trusted_hash):
            raise ValueError("neither the validators nor the hash of the first block are known")
        self.chain_id = chain_id
        self.position = position
        self._sets = {each.hash: each for each in sets}

    def add_set(self, validators: ValidatorSet, expected: bytes) -> None:
        """Learn of a set of validators. Args: expected, the hash that a proved header has. Raises: ValidatorSetError."""
        if validators.hash != expected:
            raise ValidatorSetError(
                f"a set of {len(validators)} validators with the hash {validators.hash.hex().upper()},"
                f" expected {expected.hex().upper()}"
            )
        self._sets[validators.hash] = validators

    def set_of(self, candidate: Candidate) -> ValidatorSet | None:
        """Those who would have signed this block, if it is as it says, and they are known."""
        return self._sets.get(candidate.block.header.validators_hash)

    @property
    def sets(self) -> tuple[ValidatorSet, ...]:
        """All that are known."""
        return tuple(self._sets.values())

    def check_next(self, candidate: Candidate) -> ValidatorSet:
        """Check that a block follows what is proved. Returns: who must have signed it.

        Raises: BadBlockError, this block is wrong; UnknownSetError.
        """
        at, header = self.position, candidate.block.header

        def bad(reason: str) -> BadBlockError:
            return BadBlockError(at.height, reason)

        if header.height != at.height:
            raise bad(f"its header says height {header.height}")
        if at.trusted_hash and candidate.id.hash != at.trusted_hash:
            raise bad(
                f"its hash is {candidate.id.hash.hex().upper()}, expected {at.trusted_hash.hex().upper()}"
            )
        if at.last_block_id is not None and (before := BlockID.of(header.last_block_id)) != at.last_block_id:
            raise bad(f"it follows {before}, and block {at.height - 1} is {at.last_block_id}")
        if at.validators_hash and header.validators_hash != at.validators_hash:
            raise bad(
                f"its validators_hash is {header.validators_hash.hex().upper()},"
                f" expected {at.validators_hash.hex().upper()}"
            )
        validators = self._sets.get(header.validators_hash)
        if validators is None:
            raise UnknownSetError(at.height, header.validators_hash)
        return validators

    def prove(self, candidate: Candidate, tally: CommitTally) -> None:
        """Take a block that `check_next` found right, with votes for it that `check_commit` found right (no fault).

        Raises: BadBlockError, this block is wrong: another one was voted for.
        """
        if tally.fault:
            raise ValueError(f"block {candidate.height}: {tally.fault}")
        if tally.block_id != candidate.id:
            raise BadBlockError(
                candidate.height,
                f"it is {candidate.id}, but the validators have signed {tally.block_id}",
            )
        self.position = Position(
            candidate.height + 1, candidate.id, candidate.block.header.next_validators_hash
        )
