"""Whether a set of validators has signed what a commit says.

This is the work that takes time, so it is done in processes of its own (`checker`): it needs the commit and the set, not the
chain.
"""

from __future__ import annotations

from dataclasses import dataclass

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from peerage.blocks.block_id import BlockID
from peerage.blocks.sign_bytes import PrecommitBytes
from peerage.blocks.validator_set import ValidatorSet
from peerage.messages import types

__all__ = ["CommitTally", "check_commit"]

SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class CommitTally:
    """What was found in a commit.

    Attributes:
        block_id: the block that it is for.
        power: of those whose signatures for that block are right.
        total_power: of the set.
        checked: how many signatures were looked at.
        fault: why the commit cannot be one of this set; "" if more than two thirds of the power signed it.
    """

    block_id: BlockID
    power: int
    total_power: int
    checked: int
    fault: str = ""


def check_commit(chain_id: str, validators: ValidatorSet, height: int, commit: types.Commit) -> CommitTally:
    """Check every signature of a commit, also those after two thirds, and those for nil.

    A wrong signature is not counted. It is no fault by itself, for the commit's hash stands in the next header.
    """
    block_id = BlockID.of(commit.block_id)
    total = validators.total_power

    def tally(fault: str, power: int = 0, checked: int = 0) -> CommitTally:
        return CommitTally(block_id, power, total, checked, fault)

    if commit.height != height:
        return tally(f"its commit is of height {commit.height}, expected {height}")
    if len(commit.signatures) != len(validators):
        return tally(
            f"its commit has {len(commit.signatures)} signatures, and there are {len(validators)} validators"
        )
    signed = PrecommitBytes(chain_id, commit)
    power = checked = wrong = 0
    first_wrong = 0
    for index, (validator, address, vote) in enumerate(
        zip(validators.validators, validators.addresses, commit.signatures, strict=True)
    ):
        if vote.block_id_flag == types.BLOCK_ID_FLAG_ABSENT:
            continue
        for_block = vote.block_id_flag == types.BLOCK_ID_FLAG_COMMIT
        if not for_block and vote.block_id_flag != types.BLOCK_ID_FLAG_NIL:
            return tally(f"its commit's vote {index} has the unknown flag {vote.block_id_flag}")
        if vote.validator_address != address:
            return tally(
                f"its commit's vote {index} is of {vote.validator_address[:20].hex().upper()},"
                f" expected {address.hex().upper()}"
            )
        checked += 1
        if _is_signed(validator.public_key, signed.of(vote.timestamp, for_block=for_block), vote.signature):
            power += validator.power if for_block else 0
        else:
            first_wrong = first_wrong if wrong else index
            wrong += 1
    if 3 * power > 2 * total:
        return tally("", power, checked)
    forged = f"; {wrong} signatures are wrong, the first that of validator {first_wrong}" if wrong else ""
    return tally(
        f"its commit has {power} of {total} voting power, more than two thirds are expected{forged}",
        power,
        checked,
    )


def _is_signed(public_key: bytes, message: bytes, signature: bytes) -> bool:
    if len(signature) != SIGNATURE_BYTES:
        return False
    try:
        # libsodium's own form, signature before message: 10,300 a second and core, `cryptography` 5,700
        # (tests/bench/signatures.py).
        crypto_sign_open(signature + message, public_key)
    except BadSignatureError:
        return False
    return True
