"""What is known of the transactions that peers bring: each counts once, however many peers bring it.

A transaction is told when nobody is likely to bring it any more, with all that was learned of it. After that its hash is
remembered, so that a peer that comes late does not make it new. Both memories are bounded: whoever floods a watcher makes it
tell earlier and forget sooner, nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, NamedTuple

__all__ = ["SeenTransaction", "TransactionLedger"]

TOLD_AFTER_S: Final = 5.0
"""Peers hand on a transaction within a second, or when they have room for it."""

MOST_OPEN: Final = 200_000
"""Transactions that wait to be told: about 500 bytes each."""

MOST_TOLD: Final = 1_000_000
"""Hashes of transactions that were told: about 110 bytes each. A hundred seconds of 10,000 a second; a CometBFT node
remembers 10,000 (`mempool.cache_size`)."""


class SeenTransaction(NamedTuple):
    """One transaction, told once.

    Args:
        hash: SHA-256 of its bytes, as CometBFT has it: 32 bytes.
        size: of the transaction in bytes.
        at: when it came first, in seconds of the clock that the ledger was given.
        first: who brought it first; "" when nobody did: it was in a block.
        spread: seconds from the first to the last peer that brought it.
        peers: how many brought it.
        height: of the block that holds it; 0 when none was seen yet.
    """

    hash: bytes
    size: int
    at: float
    first: str
    spread: float
    peers: int
    height: int


class _Open:
    """A transaction that is not told yet."""

    __slots__ = ("first_at", "height", "last_at", "peers", "size")

    def __init__(self, size: int, at: float, peers: list[str], height: int = 0) -> None:
        self.size, self.first_at, self.last_at, self.peers, self.height = size, at, at, peers, height

    def seen(self, digest: bytes) -> SeenTransaction:
        first = self.peers[0] if self.peers else ""
        spread = self.last_at - self.first_at
        return SeenTransaction(digest, self.size, self.first_at, first, spread, len(self.peers), self.height)


class TransactionLedger:
    """Who brought which transaction when.

    Args: told_after, seconds that a transaction waits for further peers; most_open, transactions that may wait for
        peers, and as many to be taken; most_remembered, hashes that are remembered.

    Attributes: count, how many different ones there were; missed, how many of these were never taken, because `take` was not
        called for too long.
    """

    def __init__(
        self, told_after: float = TOLD_AFTER_S, most_open: int = MOST_OPEN, most_remembered: int = MOST_TOLD
    ) -> None:
        self._told_after, self._most_open, self._half = told_after, most_open, max(1, most_remembered // 2)
        self._open: dict[bytes, _Open] = {}
        # Their hashes as they came. A dictionary has that order, too, but finding its first item again takes ever longer.
        self._order: deque[bytes] = deque()
        # Two generations: when the younger one is full, the elder is forgotten.
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()
        self._ready: deque[SeenTransaction] = deque()
        self.count = 0
        self.missed = 0

    def bring(self, transactions: Iterable[bytes], peer: str, now: float) -> list[bytes]:
        """A peer brings transactions. Returns: their hashes."""
        digests = []
        for transaction in transactions:
            digest = sha256(transaction).digest()
            digests.append(digest)
            if not self.again(digest, peer, now):
                self._add(digest, _Open(len(transaction), now, [peer]))
        return digests

    def again(self, digest: bytes, peer: str, now: float) -> bool:
        """A peer brings the transaction with this hash. Returns: whether it is known; a new one is not noted."""
        entry = self._open.get(digest)
        if entry is not None:
            peers = entry.peers
            if peer not in peers:
                if not peers:  # a block was quicker
                    entry.first_at = now
                peers.append(peer)
                entry.last_at = now
            return True
        return digest in self._young or digest in self._old

    def commit(self, transactions: Iterable[tuple[bytes, int]], height: int, now: float) -> None:
        """A block of this height was decided. Args: transactions, hashes and sizes."""
        for digest, size in transactions:
            entry = self._open.get(digest)
            if entry is not None:
                entry.height = entry.height or height
            elif digest not in self._young and digest not in self._old:
                self._add(digest, _Open(size, now, [], height))

    def take(self, now: float, most: int) -> list[SeenTransaction]:
        """Those that can be told, in the order in which they came; each is given once.

        Args: now, infinity for all; most, that are given at once: whoever gets so many asks again.
        """
        before = now - self._told_after
        while self._order and len(self._ready) < most and self._open[self._order[0]].first_at <= before:
            self._tell_first()
        return [self._ready.popleft() for _ in range(min(most, len(self._ready)))]

    def __len__(self) -> int:
        """How many wait to be told."""
        return len(self._open) + len(self._ready)

    def _add(self, digest: bytes, entry: _Open) -> None:
        self.count += 1
        self._open[digest] = entry
        self._order.append(digest)
        if len(self._open) > self._most_open:
            self._tell_first()
            if len(self._ready) > self._most_open:
                self._ready.popleft()
                self.missed += 1

    def _tell_first(self) -> None:
        digest = self._order.popleft()
        self._ready.append(self._open.pop(digest).seen(digest))
        self._young.add(digest)
        if len(self._young) >= self._half:
            self._young, self._old = set(), self._young
