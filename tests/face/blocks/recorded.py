"""Chains that real CometBFT validators made (tests/vectors/blocks.json), with changed validators, absent votes, many parts.

Made by `python -m tests.interop.blocks.chain_of_validators`.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from peerage.blocks.block_id import BlockID
from peerage.blocks.block_json import block_of_json
from peerage.blocks.candidate import Candidate, examine
from peerage.blocks.chain import Chain, Position
from peerage.blocks.validator_set import ValidatorSet
from peerage.messages import types

FILE = Path(__file__).parents[2] / "vectors" / "blocks.json"
LARGE = base64.b64encode(b"large=" + b"y" * 70_000).decode()
VERSIONS = ("v0.34.35", "v0.38.26", "v1.0.1")


@dataclass(frozen=True)
class Recorded:
    """One chain. Attributes: shown, what `/block` said, from height 1 on; sets, by height."""

    genesis: dict[str, Any]
    shown: list[dict[str, Any]]
    sets: dict[int, ValidatorSet]

    @property
    def chain_id(self) -> str:
        found: str = self.genesis["chain_id"]
        return found

    @property
    def blocks(self) -> list[types.Block]:
        return [block_of_json(each) for each in self.shown]

    @property
    def candidates(self) -> list[Candidate]:
        return [
            examine(self.chain_id, height, block, "cometbft", may_be_first=height == 1)
            for height, block in enumerate(self.blocks, 1)
        ]

    def chain(self, *sets: ValidatorSet) -> Chain:
        """What one knows who has the genesis, and perhaps some sets."""
        first = ValidatorSet.of_genesis(self.genesis)
        return Chain(self.chain_id, Position(1, BlockID(), first.hash), first, *sets)


@cache
def recorded(version: str) -> Recorded:
    """The chain of this version."""
    chains = json.loads(FILE.read_text().replace('"LARGE"', f'"{LARGE}"'))["chains"]
    (found,) = (chain for chain in chains if chain["version"] == version)
    sets = {int(height): ValidatorSet.of_rpc(listed) for height, listed in found["validators"].items()}
    return Recorded(found["genesis"], found["blocks"], sets)
