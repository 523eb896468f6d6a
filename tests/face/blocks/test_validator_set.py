"""Sets of validators: their hash, their order, and what is none."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.blocks.errors import NoValidatorsError, UnsupportedKeyError, ValidatorSetError
from peerage.blocks.validator_set import ED25519, Validator, ValidatorSet
from tests.face.blocks.recorded import VERSIONS, recorded

KEY = {"type": ED25519, "value": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_genesis_gives_the_set_that_the_first_header_names(version: str) -> None:
    """In whatever order the file lists them."""
    chain = recorded(version)
    found = ValidatorSet.of_genesis(chain.genesis)
    assert found.hash == chain.blocks[0].header.validators_hash
    turned = chain.genesis | {"validators": chain.genesis["validators"][::-1]}
    assert ValidatorSet.of_genesis(turned).hash == found.hash


@pytest.mark.parametrize("version", VERSIONS)
def test_rpc_gives_the_sets_that_the_headers_name(version: str) -> None:
    """The first, and the one after a validator's power has changed."""
    chain = recorded(version)
    assert len({found.hash for found in chain.sets.values()}) == 2
    for height, found in chain.sets.items():
        assert found.hash == chain.blocks[height - 1].header.validators_hash


def test_addresses_are_those_of_the_keys() -> None:
    """As the commits have them."""
    chain = recorded(VERSIONS[0])
    votes = chain.blocks[1].last_commit.signatures
    assert [
        vote.validator_address or address
        for vote, address in zip(votes, chain.sets[1].addresses, strict=True)
    ] == [*chain.sets[1].addresses]


@pytest.mark.parametrize(
    ("listed", "error"),
    [
        ([], NoValidatorsError),
        (
            [{"pub_key": {"type": "tendermint/PubKeySecp256k1", "value": ""}, "power": "1"}],
            UnsupportedKeyError,
        ),
        ([{"pub_key": KEY}], ValidatorSetError),
        ([{"pub_key": KEY, "power": "0"}], ValidatorSetError),
        ([{"pub_key": KEY, "power": "much"}], ValidatorSetError),
        ([{"pub_key": KEY, "power": str(2**62)}], ValidatorSetError),
        ([{"pub_key": {"type": ED25519, "value": "AAAA"}, "power": "1"}], ValidatorSetError),
        ([{"pub_key": {"type": ED25519, "value": "!"}, "power": "1"}], ValidatorSetError),
        (["x"], ValidatorSetError),
    ],
)
def test_what_is_no_set_is_refused(listed: list[Any], error: type[ValidatorSetError]) -> None:
    """With the reason, whoever says it."""
    with pytest.raises(error):
        ValidatorSet.of_genesis({"validators": listed})


def test_a_set_is_bounded() -> None:
    """No more validators than CometBFT has, and no more power."""
    with pytest.raises(ValidatorSetError, match="10001 validators"):
        ValidatorSet((Validator(bytes(32), 1),) * 10_001)
    with pytest.raises(ValidatorSetError, match="0 validators"):
        ValidatorSet(())
