"""Blocks of a CometBFT network: what they hash to, who signed them, and how they are fetched and checked.

Everything here but `fetcher` and `checker` is plain rules without I/O: they can be used on blocks from anywhere.
"""

from peerage.blocks.block_id import BlockID, block_id_of
from peerage.blocks.block_json import BlockJsonError, block_of_json, json_of_block
from peerage.blocks.candidate import Candidate, examine
from peerage.blocks.chain import Chain, Position
from peerage.blocks.commit_check import CommitTally, check_commit
from peerage.blocks.errors import (
    BadBlockError,
    BlocksError,
    NoValidatorsError,
    UnknownSetError,
    UnsupportedKeyError,
    ValidatorSetError,
)
from peerage.blocks.validator_set import Validator, ValidatorSet

__all__ = [
    "BadBlockError",
    "BlockID",
    "BlockJsonError",
    "BlocksError",
    "Candidate",
    "Chain",
    "CommitTally",
    "NoValidatorsError",
    "Position",
    "UnknownSetError",
    "UnsupportedKeyError",
    "Validator",
    "ValidatorSet",
    "ValidatorSetError",
    "block_id_of",
    "block_of_json",
    "check_commit",
    "examine",
    "json_of_block",
]
