"""Where `peerage blocks` begins: at a network's genesis, or at a block that the user trusts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peerage.blocks.block_id import BlockID
from peerage.blocks.chain import Position
from peerage.blocks.errors import NoValidatorsError, ValidatorSetError
from peerage.blocks.validator_set import ValidatorSet
from peerage.commands.exit_status import MistakeError
from peerage.config.quoting import shown

__all__ = ["Start", "find_start"]

MAX_GENESIS_BYTES = 1024 * 1024 * 1024
HASH_DIGITS = 64
EXPECTED = "a height and the hash of its block, like 1200:0A1B… with 64 hexadecimal digits"


@dataclass(frozen=True, slots=True)
class Start:
    """Where to begin, and the validators that are known then."""

    chain_id: str
    position: Position
    sets: tuple[ValidatorSet, ...]


def find_start(genesis: Path | None, trusted: str | None, rpc: str | None, network: str | None) -> Start:
    """Where to begin, by the command's options. Raises: MistakeError."""
    known = None if genesis is None else _read(genesis)
    chain_id = _chain_id(known, genesis, network)
    if trusted is not None:
        height, block_hash = _parse_trusted(trusted)
        if rpc is None:
            raise MistakeError(
                "--trusted: needs --rpc URL of a node that says who the validators are (it need not be trusted)"
            )
        return Start(chain_id, Position(height, trusted_hash=block_hash), ())
    if known is None:
        raise MistakeError(
            "--genesis or --trusted: none given, expected is where to begin: the network's genesis file, or a block's"
            " HEIGHT:HASH that you trust"
        )
    try:
        validators = ValidatorSet.of_genesis(known)
    except NoValidatorsError as error:
        raise MistakeError(f"--genesis: {genesis}: {error}: begin with --trusted HEIGHT:HASH") from error
    except ValidatorSetError as error:
        raise MistakeError(f"--genesis: {genesis}: {error}") from error
    initial = _initial_height(known, genesis)
    return Start(chain_id, Position(initial, BlockID(), validators.hash), (validators,))


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_GENESIS_BYTES + 1)
        if len(text) > MAX_GENESIS_BYTES:
            raise MistakeError(f"--genesis: {path}: longer than {MAX_GENESIS_BYTES} bytes")
        found = json.loads(text)
    except OSError as error:
        raise MistakeError(f"--genesis: {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise MistakeError(f"--genesis: {path}: no JSON: {error}") from error
    if isinstance(found, dict) and isinstance(found.get("result"), dict):
        found = found["result"].get("genesis", found)  # as RPC's /genesis gives it
    if not isinstance(found, dict) or not isinstance(found.get("chain_id"), str):
        raise MistakeError(f"--genesis: {path}: a genesis file with a chain_id is expected")
    return found


def _chain_id(genesis: dict[str, Any] | None, path: Path | None, network: str | None) -> str:
    if genesis is None:
        if network is None:
            raise MistakeError("--network: none given, expected is the network's chain ID, or --genesis")
        return network
    chain_id: str = genesis["chain_id"]
    if network not in {None, chain_id}:
        raise MistakeError(f"--network: found {shown(network)}, and {path} is of {shown(chain_id)}")
    return chain_id


def _initial_height(genesis: dict[str, Any], path: Path | None) -> int:
    said = genesis.get("initial_height") or 1
    try:
        return max(1, int(said))
    except (TypeError, ValueError) as error:
        raise MistakeError(f"--genesis: {path}: initial_height is {said!r}, expected a number") from error


def _parse_trusted(text: str) -> tuple[int, bytes]:
    height, _, digits = text.partition(":")
    try:
        number, block_hash = int(height), bytes.fromhex(digits.removeprefix("0x"))
    except ValueError as error:
        raise MistakeError(f"--trusted: found {text!r}, expected {EXPECTED}") from error
    if number < 1 or len(block_hash) * 2 != HASH_DIGITS:
        raise MistakeError(f"--trusted: found {text!r}, expected {EXPECTED}")
    return number, block_hash
