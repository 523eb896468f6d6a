"""Who signs blocks: validators, their power, and the hash by which a header names the set of them.

The set is a list in the order of its commits' signatures: by power, the most first, then by address. A list that comes from
elsewhere in any order or with any addresses is worth nothing before its hash is compared.
Source: CometBFT, types/validator_set.go.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Self

from peerage.blocks.errors import NoValidatorsError, UnsupportedKeyError, ValidatorSetError
from peerage.blocks.fields import message_field, number_field, text_field
from peerage.blocks.merkle import root

__all__ = ["MAX_VALIDATORS", "Validator", "ValidatorSet"]

KEY_BYTES = 32
ADDRESS_BYTES = 20
MAX_VALIDATORS = 10_000  # CometBFT's types.MaxVotesCount
MAX_TOTAL_POWER = 2**63 // 8  # CometBFT's types.MaxTotalVotingPower
ED25519 = "tendermint/PubKeyEd25519"


@dataclass(frozen=True, slots=True)
class Validator:
    """One validator. Attributes: public_key, ed25519, 32 bytes; power, above 0."""

    public_key: bytes
    power: int

    @property
    def address(self) -> bytes:
        """The first 20 bytes of the key's SHA-256."""
        return sha256(self.public_key).digest()[:ADDRESS_BYTES]

    def encoded(self) -> bytes:
        """The leaf that it is in the set's hash."""
        return message_field(1, text_field(1, self.public_key)) + number_field(2, self.power)


@dataclass(frozen=True)
class ValidatorSet:
    """Those who sign the blocks of some heights. Attributes: validators, in the order of their signatures."""

    validators: tuple[Validator, ...]

    def __post_init__(self) -> None:
        if not 0 < len(self.validators) <= MAX_VALIDATORS:
            raise ValidatorSetError(f"{len(self.validators)} validators: 1 to {MAX_VALIDATORS} are expected")
        if self.total_power > MAX_TOTAL_POWER:
            raise ValidatorSetError(f"voting power {self.total_power}: at most {MAX_TOTAL_POWER} is expected")

    @classmethod
    def of_genesis(cls, genesis: Mapping[str, Any]) -> Self:
        """The set that a genesis file names, which signs the initial height unless the application changes it.

        Raises: NoValidatorsError, UnsupportedKeyError, ValidatorSetError.
        """
        found = _validators(genesis.get("validators") or (), "power")
        if not found:
            raise NoValidatorsError
        return cls(tuple(sorted(found, key=lambda each: (-each.power, each.address))))

    @classmethod
    def of_rpc(cls, validators: Iterable[Mapping[str, Any]]) -> Self:
        """The set that CometBFT's RPC lists at `/validators`, all pages of it.

        Raises: UnsupportedKeyError, ValidatorSetError.
        """
        return cls(tuple(_validators(validators, "voting_power")))

    @cached_property
    def hash(self) -> bytes:
        """The hash by which headers name this set."""
        return root(each.encoded() for each in self.validators)

    @cached_property
    def addresses(self) -> tuple[bytes, ...]:
        return tuple(each.address for each in self.validators)

    @cached_property
    def total_power(self) -> int:
        return sum(each.power for each in self.validators)

    def __len__(self) -> int:
        return len(self.validators)


def _validators(listed: Iterable[Mapping[str, Any]], power: str) -> list[Validator]:
    try:
        return [_validator(each["pub_key"], each[power]) for each in listed]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValidatorSetError(f"a validator without {error}: pub_key and {power} are expected") from error


def _validator(key: Mapping[str, Any], power: object) -> Validator:
    kind = str(key["type"])
    if kind != ED25519:
        raise UnsupportedKeyError(kind[:64])
    try:
        raw = base64.b64decode(key["value"], validate=True)
        number = int(str(power)[:20])
    except (binascii.Error, ValueError) as error:
        raise ValidatorSetError(f"a validator's key or power cannot be read: {error}") from error
    if len(raw) != KEY_BYTES or number <= 0:
        raise ValidatorSetError(
            f"a validator with a key of {len(raw)} bytes and power {number}: {KEY_BYTES} and more than 0 are expected"
        )
    return Validator(raw, number)
