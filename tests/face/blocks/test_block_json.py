"""Blocks as CometBFT's RPC shows them, there and back."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.blocks.block_id import block_id_of
from peerage.blocks.block_json import BlockJsonError, block_of_json, json_of_block
from tests.face.blocks.made_chain import Signers, make_chain
from tests.face.blocks.recorded import VERSIONS, recorded


@pytest.mark.parametrize("version", VERSIONS)
def test_blocks_are_shown_as_cometbft_shows_them(version: str) -> None:
    """Every field, and nothing else: what a tool reads from /block, it reads from these lines."""
    chain = recorded(version)
    for shown, block in zip(chain.shown, chain.blocks, strict=True):
        assert json_of_block(block, block_id_of(block)) == shown


def test_evidence_comes_back_as_it_was() -> None:
    """It is kept as its bytes."""
    block = make_chain(1, Signers.make(1))[0]
    block.evidence.evidence.add().duplicate_vote_evidence.total_voting_power = 3
    assert block_of_json(json_of_block(block, block_id_of(block))) == block


@pytest.mark.parametrize("nanos", [0, 1, 500_000_000, 999_999_999])
@pytest.mark.parametrize("seconds", [-62_135_596_800, 0, 1_700_000_000, 253_402_300_799])
def test_times_have_as_many_digits_as_they_need(seconds: int, nanos: int) -> None:
    """From year 1 to year 9999."""
    block = make_chain(1, Signers.make(1))[0]
    block.header.time.seconds, block.header.time.nanos = seconds, nanos
    shown = json_of_block(block, block_id_of(block))
    assert not shown["block"]["header"]["time"].endswith("0Z") or nanos == 0
    assert block_of_json(shown) == block


@pytest.mark.parametrize(
    "shown",
    [{}, {"block": None}, {"block": {"header": {}}}, {"block": {"header": {"version": {"block": "x"}}}}],
)
def test_what_is_no_block_is_refused(shown: dict[str, Any]) -> None:
    """With one error, whatever is wrong."""
    with pytest.raises(BlockJsonError, match="no block as /block shows it"):
        block_of_json(shown)


def test_a_wrong_time_is_refused() -> None:
    """Rather than guessed."""
    block = make_chain(1, Signers.make(1))[0]
    shown = json_of_block(block, block_id_of(block))
    shown["block"]["header"]["time"] = "yesterday"
    with pytest.raises(BlockJsonError, match="yesterday"):
        block_of_json(shown)
