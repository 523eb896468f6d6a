"""What validators sign: a precommit in CometBFT's canonical form.

    length, a varint | type, 1: 2 | height, 2: sfixed64 | round, 3: sfixed64 | block ID, 4 | time, 5 | chain ID, 6

The validator's own index and address are not in it. In a commit, all votes for the block differ in their times alone.
Source: CometBFT, types/canonical.go and types/vote.go.
"""

from __future__ import annotations

from google.protobuf.timestamp_pb2 import Timestamp

from peerage.blocks.block_id import BlockID
from peerage.blocks.fields import fixed_field, message_field, number_field, text_field, timestamp
from peerage.messages import types
from peerage.wire.varint import encode_uvarint

__all__ = ["PrecommitBytes"]

_PRECOMMIT = number_field(1, types.SIGNED_MSG_TYPE_PRECOMMIT)


class PrecommitBytes:
    """The bytes that the votes of one commit sign.

    Args: chain_id, that of the network; commit, which says height, round and block.
    """

    def __init__(self, chain_id: str, commit: types.Commit) -> None:
        place = _PRECOMMIT + fixed_field(2, commit.height) + fixed_field(3, commit.round)
        block_id = BlockID.of(commit.block_id)
        self._for_block = place + message_field(4, block_id.encoded())
        self._for_nil = place
        self._chain_id = text_field(6, chain_id.encode())

    def of(self, time: Timestamp, *, for_block: bool = True) -> bytes:
        """What was signed at this time. Args: for_block, whether the vote is for the commit's block, or for nil."""
        vote = self._for_block if for_block else self._for_nil
        vote += message_field(5, timestamp(time)) + self._chain_id
        return encode_uvarint(len(vote)) + vote
