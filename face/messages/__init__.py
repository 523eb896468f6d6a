"""The messages of CometBFT's own channels, decoded: mempool, evidence, block sync, consensus, state sync.

A reactor names a channel of this package and gets its messages as protobuf objects:

    class Transactions(Reactor):
        channels = [MEMPOOL]

        def receive(self, envelope: Envelope) -> None:
            for tx in envelope.message.txs.txs: ...

The modules `mempool`, `consensus`, `blocksync`, `statesync` and `types` hold the classes by CometBFT's names. Nothing here
is imported unless it is asked for: a node that only relays needs none of it.
"""

from peerage.messages.channels import (
    BLOCKSYNC,
    CHANNELS,
    CONSENSUS,
    CONSENSUS_DATA,
    CONSENSUS_STATE,
    CONSENSUS_VOTE,
    CONSENSUS_VOTE_SET_BITS,
    EVIDENCE,
    MEMPOOL,
    STATESYNC,
    STATESYNC_CHUNK,
    STATESYNC_SNAPSHOT,
    mempool_channel,
)
from peerage.messages.proto import blocksync_pb2 as blocksync
from peerage.messages.proto import consensus_pb2 as consensus
from peerage.messages.proto import mempool_pb2 as mempool
from peerage.messages.proto import statesync_pb2 as statesync
from peerage.messages.proto import types_pb2 as types
from peerage.messages.sum import EmptySumError, unwrap

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
    "EmptySumError",
    "blocksync",
    "consensus",
    "mempool",
    "mempool_channel",
    "statesync",
    "types",
    "unwrap",
]
