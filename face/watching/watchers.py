"""The reactors of a watching node, by the names that they have in it."""

from __future__ import annotations

from typing import Any, Final

from peerage.watching.consensus_watcher import ConsensusWatcher
from peerage.watching.mempool_watcher import MempoolWatcher
from peerage.watching.transactions import TOLD_AFTER_S

__all__ = ["CONSENSUS_WATCHER", "MEMPOOL_WATCHER", "watchers"]

MEMPOOL_WATCHER: Final = "MEMPOOL"
CONSENSUS_WATCHER: Final = "CONSENSUS"


def watchers(told_after: float = TOLD_AFTER_S) -> dict[str, Any]:
    """What to give a Node as `reactors`."""
    return {
        MEMPOOL_WATCHER: (MempoolWatcher, told_after),
        CONSENSUS_WATCHER: (ConsensusWatcher, MEMPOOL_WATCHER),
    }
