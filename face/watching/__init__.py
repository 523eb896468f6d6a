"""Watching a network: rules without input or output, and the two reactors of `peerage watch` that follow them.

A program of its own may use the reactors, too:

    with Node(config, reactors=watchers()) as node: ...
"""

from peerage.watching.block_parts import BlockParts, BrokenProofError, DecidedBlock
from peerage.watching.consensus_watcher import ConsensusWatcher
from peerage.watching.following import Follower, Place
from peerage.watching.heights import HeightLedger, HeightReport, RoundReport, VoteReport
from peerage.watching.mempool_watcher import MempoolWatcher
from peerage.watching.takings import ConsensusTaken, InBlock, MempoolTaken, Take
from peerage.watching.transactions import SeenTransaction, TransactionLedger
from peerage.watching.watchers import CONSENSUS_WATCHER, MEMPOOL_WATCHER, watchers

__all__ = [
    "CONSENSUS_WATCHER",
    "MEMPOOL_WATCHER",
    "BlockParts",
    "BrokenProofError",
    "ConsensusTaken",
    "ConsensusWatcher",
    "DecidedBlock",
    "Follower",
    "HeightLedger",
    "HeightReport",
    "InBlock",
    "MempoolTaken",
    "MempoolWatcher",
    "Place",
    "RoundReport",
    "SeenTransaction",
    "Take",
    "TransactionLedger",
    "VoteReport",
    "watchers",
]
