"""Where a fetch begins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from peerage.blocks.block_id import BlockID
from peerage.blocks.validator_set import ED25519
from peerage.commands.blocks_start import find_start
from peerage.commands.exit_status import MistakeError
from tests.face.blocks.recorded import VERSIONS, recorded

HASH = "ab" * 32
RPC = "http://127.0.0.1:1"
VALIDATOR = {
    "pub_key": {"type": ED25519, "value": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
    "power": "1",
}


def written(tmp_path: Path, genesis: object) -> Path:
    file = tmp_path / "genesis.json"
    file.write_text(genesis if isinstance(genesis, str) else json.dumps(genesis))
    return file


@pytest.mark.parametrize("version", VERSIONS)
def test_a_genesis_says_chain_height_and_validators(tmp_path: Path, version: str) -> None:
    """As CometBFT wrote it, or as RPC's /genesis gives it."""
    chain = recorded(version)
    for genesis in (chain.genesis, {"result": {"genesis": chain.genesis}}):
        start = find_start(written(tmp_path, genesis), None, None, None)
        assert start.chain_id == chain.chain_id
        assert (start.position.height, start.position.last_block_id) == (1, BlockID())
        assert start.position.validators_hash == chain.blocks[0].header.validators_hash
        assert [each.hash for each in start.sets] == [start.position.validators_hash]


def test_a_chain_may_begin_with_any_height(tmp_path: Path) -> None:
    """The genesis says with which."""
    genesis = {"chain_id": "x", "initial_height": "700", "validators": [VALIDATOR]}
    assert find_start(written(tmp_path, genesis), None, None, None).position.height == 700


def test_a_trusted_block_says_height_and_hash() -> None:
    """In either case, with or without 0x."""
    for digits in (HASH, HASH.upper(), f"0x{HASH}"):
        start = find_start(None, f"12:{digits}", RPC, "net")
        assert (start.position.height, start.position.trusted_hash.hex(), start.sets) == (12, HASH, ())
        assert (start.chain_id, start.position.last_block_id) == ("net", None)


@pytest.mark.parametrize(
    ("genesis", "said"),
    [
        ("{", "no JSON"),
        ("[]", "with a chain_id is expected"),
        ({"chain_id": 5}, "with a chain_id is expected"),
        ({"chain_id": "x"}, "names no validators (the application chooses them): begin with --trusted"),
        (
            {
                "chain_id": "x",
                "validators": [
                    {"pub_key": {"type": "tendermint/PubKeyBls12_381", "value": ""}, "power": "1"}
                ],
            },
            "a validator's key is 'tendermint/PubKeyBls12_381': only ed25519",
        ),
        ({"chain_id": "x", "initial_height": "soon", "validators": [VALIDATOR]}, "initial_height is 'soon'"),
    ],
)
def test_what_is_no_genesis_is_refused(tmp_path: Path, genesis: Any, said: str) -> None:
    """With the file's name, and what is wrong in it."""
    file = written(tmp_path, genesis)
    with pytest.raises(MistakeError) as caught:
        find_start(file, None, None, None)
    assert str(file) in caught.value.message
    assert said in caught.value.message


@pytest.mark.parametrize("trusted", ["", "5", "x:" + HASH, "0:" + HASH, "5:abc", "5:zz", f"5:{HASH}00"])
def test_what_is_no_trusted_block_is_refused(trusted: str) -> None:
    """With what is expected."""
    with pytest.raises(MistakeError, match="expected a height and the hash"):
        find_start(None, trusted, RPC, "net")


def test_a_missing_file_or_network_is_said(tmp_path: Path) -> None:
    """Each by its option."""
    with pytest.raises(MistakeError, match=r"--genesis: .* No such file"):
        find_start(tmp_path / "no.json", None, None, None)
    with pytest.raises(MistakeError, match="--network: none given"):
        find_start(None, f"5:{HASH}", RPC, None)
