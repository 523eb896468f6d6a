"""What is asked of the watching reactors, and what they answer: values that travel between our own processes."""

from __future__ import annotations

from typing import NamedTuple

from peerage.watching.heights import HeightReport
from peerage.watching.transactions import SeenTransaction

__all__ = ["ConsensusTaken", "InBlock", "MempoolTaken", "Take"]


class Take(NamedTuple):
    """Ask a watcher for what it has to tell. Args: most, transactions or heights; is_last, all that it has."""

    most: int
    is_last: bool = False


class MempoolTaken(NamedTuple):
    """What a MempoolWatcher answers.

    Args: transactions, each once; messages, that came in all; different, transactions; missed, that were not taken
        in time; waiting, that are not told yet.
    """

    transactions: list[SeenTransaction]
    messages: int
    different: int
    missed: int
    waiting: int


class ConsensusTaken(NamedTuple):
    """What a ConsensusWatcher answers.

    Args: heights, that were decided; height and round, where most peers are; votes, parts, part_bytes, that came in all;
        peers, by ID: the height of each, 0 when it has not said it.
    """

    heights: list[HeightReport]
    height: int
    round: int
    votes: int
    parts: int
    part_bytes: int
    peers: dict[str, int]


class InBlock(NamedTuple):
    """From one watcher to the other: a block was decided. Args: transactions, hash and size."""

    height: int
    transactions: list[tuple[bytes, int]]
