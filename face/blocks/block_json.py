"""A block as CometBFT's RPC shows it at `/block`: JSON that every tool of the field reads, and back.

Hashes and addresses are hexadecimal, transactions and signatures base64, 64-bit numbers texts. Evidence alone is kept as the
base64 of its protobuf message, for its JSON differs between versions.
"""

from __future__ import annotations

import base64
import binascii
import calendar
import re
import time
from collections.abc import Mapping
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from peerage.blocks.block_id import BlockID
from peerage.messages import types

__all__ = ["BlockJsonError", "block_of_json", "json_of_block"]

_HASHES = (
    "last_commit_hash",
    "data_hash",
    "validators_hash",
    "next_validators_hash",
    "consensus_hash",
    "app_hash",
    "last_results_hash",
    "evidence_hash",
    "proposer_address",
)
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z", re.ASCII)


class BlockJsonError(ValueError):
    """A JSON value is no block as CometBFT's RPC shows it."""


def json_of_block(block: types.Block, block_id: BlockID) -> dict[str, Any]:
    """The `result` of `/block`."""
    header = block.header
    versions = {"block": header.version.block, "app": header.version.app}
    return {
        "block_id": _json_of_id(block_id),
        "block": {
            "header": {
                "version": {name: str(number) for name, number in versions.items() if number},
                "chain_id": header.chain_id,
                "height": str(header.height),
                "time": _text(header.time),
                "last_block_id": _json_of_id(BlockID.of(header.last_block_id)),
                **{name: _hex(getattr(header, name)) for name in _HASHES},
            },
            "data": {"txs": [_base64(tx) for tx in block.data.txs]},
            "evidence": {"evidence": [_base64(each.SerializeToString()) for each in block.evidence.evidence]},
            "last_commit": {
                "height": str(block.last_commit.height),
                "round": block.last_commit.round,
                "block_id": _json_of_id(BlockID.of(block.last_commit.block_id)),
                "signatures": [
                    {
                        "block_id_flag": int(each.block_id_flag),
                        "validator_address": _hex(each.validator_address),
                        "timestamp": _text(each.timestamp),
                        "signature": _base64(each.signature) if each.signature else None,
                    }
                    for each in block.last_commit.signatures
                ],
            },
        },
    }


def block_of_json(result: Mapping[str, Any]) -> types.Block:
    """The block that `json_of_block`, or `/block`, shows. Whether it has the ID that is said there is for the caller to ask.

    Raises: BlockJsonError.
    """
    try:
        return _block(result["block"])
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error) as error:
        raise BlockJsonError(f"no block as /block shows it: {type(error).__name__} {error}"[:200]) from error


def _block(shown: Mapping[str, Any]) -> types.Block:
    block = types.Block()
    # Submessages that CometBFT always writes, empty or not: a block without them would have other parts.
    block.data.SetInParent()
    block.evidence.SetInParent()
    header, said = block.header, shown["header"]
    version = said["version"]
    header.version.SetInParent()
    header.version.block, header.version.app = int(version.get("block", 0)), int(version.get("app", 0))
    header.chain_id, header.height = said["chain_id"], int(said["height"])
    _set_time(header.time, said["time"])
    header.last_block_id.CopyFrom(_id(said["last_block_id"]))
    for name in _HASHES:
        setattr(header, name, bytes.fromhex(said[name]))
    block.data.txs.extend(base64.b64decode(tx, validate=True) for tx in shown["data"]["txs"] or ())
    for each in shown["evidence"]["evidence"] or ():
        block.evidence.evidence.add().ParseFromString(base64.b64decode(each, validate=True))
    commit, told = block.last_commit, shown["last_commit"]
    commit.height, commit.round = int(told["height"]), int(told["round"])
    commit.block_id.CopyFrom(_id(told["block_id"]))
    for vote in told["signatures"] or ():
        added = commit.signatures.add(
            block_id_flag=vote["block_id_flag"],
            validator_address=bytes.fromhex(vote["validator_address"]),
            signature=base64.b64decode(vote["signature"] or "", validate=True),
        )
        _set_time(added.timestamp, vote["timestamp"])
    return block


def _json_of_id(block_id: BlockID) -> dict[str, Any]:
    return {
        "hash": _hex(block_id.hash),
        "parts": {"total": block_id.total, "hash": _hex(block_id.parts_hash)},
    }


def _id(shown: Mapping[str, Any]) -> types.BlockID:
    parts = shown["parts"]
    found = types.BlockID(hash=bytes.fromhex(shown["hash"]))
    found.part_set_header.SetInParent()
    found.part_set_header.total, found.part_set_header.hash = parts["total"], bytes.fromhex(parts["hash"])
    return found


def _text(moment: Timestamp) -> str:
    """RFC 3339 with as many digits as it needs, as Go writes it."""
    # Python's own dates begin with year 1, and so may a vote's time; `gmtime` knows no bound.
    day = time.gmtime(moment.seconds)
    date = f"{day.tm_year:04d}-{day.tm_mon:02d}-{day.tm_mday:02d}"
    fraction = f".{moment.nanos:09d}".rstrip("0") if moment.nanos else ""
    return f"{date}T{day.tm_hour:02d}:{day.tm_min:02d}:{day.tm_sec:02d}{fraction}Z"


def _set_time(target: Timestamp, text: str) -> None:
    found = _TIME.fullmatch(text)
    if found is None:
        raise BlockJsonError(f"time {text[:40]!r}, expected like 2024-01-31T12:00:00.5Z")
    year, month, day, hour, minute, second = (int(group) for group in found.groups()[:6])
    target.SetInParent()
    target.seconds = calendar.timegm((year, month, day, hour, minute, second))
    target.nanos = int((found[7] or "").ljust(9, "0"))


def _hex(value: bytes) -> str:
    return value.hex().upper()


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
