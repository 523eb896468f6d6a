"""The channels of CometBFT's own reactors, as their descriptors declare them.

They have been the same from v0.34 to v0.40 and in v1. Source: `GetChannels` of CometBFT's reactors.
"""

from __future__ import annotations

from typing import Final

from peerage.messages.proto.blocksync_pb2 import Message as BlocksyncMessage
from peerage.messages.proto.consensus_pb2 import Message as ConsensusMessage
from peerage.messages.proto.mempool_pb2 import Message as MempoolMessage
from peerage.messages.proto.mempool_pb2 import Txs
from peerage.messages.proto.statesync_pb2 import Message as StatesyncMessage
from peerage.messages.proto.types_pb2 import EvidenceList
from peerage.wire.channel import ChannelDescriptor

__all__ = [
    "BLOCKSYNC",
    "CHANNELS",
    "CONSENSUS",
    "CONSENSUS_DATA",
    "CONSENSUS_STATE",
    "CONSENSUS_VOTE",
    "CONSENSUS_VOTE_SET_BITS",
    "EVIDENCE",
    "MEMPOOL",
    "STATESYNC",
    "STATESYNC_CHUNK",
    "STATESYNC_SNAPSHOT",
    "mempool_channel",
]

MAX_TX_BYTES: Final = 1024 * 1024  # default of `mempool.max_tx_bytes`
_MIB: Final = 1024 * 1024
_MAX_BLOCK: Final = 100 * _MIB
_BLOCK_PREFIX: Final = 5  # bytes that a BlockResponse has before its block
_CONSENSUS_SENDS: Final = 100

CONSENSUS_STATE: Final = ChannelDescriptor(
    0x20, 6, _CONSENSUS_SENDS, recv_message_capacity=_MIB, message=ConsensusMessage
)
"""Where each peer stands: `NewRoundStep`, `NewValidBlock`, `HasVote`, `VoteSetMaj23`; in v1 `HasProposalBlockPart`."""

CONSENSUS_DATA: Final = ChannelDescriptor(0x21, 10, _CONSENSUS_SENDS, 50 * 4096, _MIB, ConsensusMessage)
"""Proposals and parts of blocks: `Proposal`, `ProposalPOL`, `BlockPart`."""

CONSENSUS_VOTE: Final = ChannelDescriptor(0x22, 7, _CONSENSUS_SENDS, 100 * 100, _MIB, ConsensusMessage)
"""`Vote`."""

CONSENSUS_VOTE_SET_BITS: Final = ChannelDescriptor(0x23, 1, 2, 1024, _MIB, ConsensusMessage)
"""`VoteSetBits`."""

EVIDENCE: Final = ChannelDescriptor(0x38, 6, recv_message_capacity=_MIB, message=EvidenceList)
"""Evidence of misbehaving validators: an `EvidenceList`, without a `Message` around it."""

BLOCKSYNC: Final = ChannelDescriptor(0x40, 5, 1000, 50 * 4096, _MAX_BLOCK + _BLOCK_PREFIX, BlocksyncMessage)
"""Old blocks, asked for one by one. A block has at most 100 MiB."""

STATESYNC_SNAPSHOT: Final = ChannelDescriptor(
    0x60, 5, 10, recv_message_capacity=4_000_000, message=StatesyncMessage
)
"""Which snapshots a peer has."""

STATESYNC_CHUNK: Final = ChannelDescriptor(
    0x61, 3, 10, recv_message_capacity=16_000_000, message=StatesyncMessage
)
"""Their contents."""


def mempool_channel(max_tx_bytes: int = MAX_TX_BYTES) -> ChannelDescriptor:
    """The channel of transactions, 0x30: `Txs`.

    Args: max_tx_bytes, as the network's nodes have it in `mempool.max_tx_bytes`. A longer transaction ends the connection.
    """
    largest = MempoolMessage(txs=Txs(txs=[bytes(max_tx_bytes)])).ByteSize()
    return ChannelDescriptor(0x30, 5, recv_message_capacity=largest, message=MempoolMessage)


MEMPOOL: Final = mempool_channel()
"""Transactions of at most 1 MiB."""

CONSENSUS: Final = (CONSENSUS_STATE, CONSENSUS_DATA, CONSENSUS_VOTE, CONSENSUS_VOTE_SET_BITS)
"""The four channels of CometBFT's consensus reactor."""

STATESYNC: Final = (STATESYNC_SNAPSHOT, STATESYNC_CHUNK)
"""The two channels of CometBFT's state sync reactor."""

CHANNELS: Final = (*CONSENSUS, MEMPOOL, EVIDENCE, BLOCKSYNC, *STATESYNC)
"""All of them, by ID."""
