"""The reactor that sees transactions. It never sends any."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

from google.protobuf.message import DecodeError

from peerage import ChannelDescriptor, Envelope, Reactor
from peerage.messages import MEMPOOL, mempool
from peerage.watching.takings import InBlock, MempoolTaken, Take
from peerage.watching.transactions import TOLD_AFTER_S, TransactionLedger
from peerage.wire.channel import DEFAULT_RECV_MESSAGE_CAPACITY
from peerage.wire.errors import RemoteError

__all__ = ["MalformedTransactionsError", "MempoolWatcher"]


MOST_DIGEST_BYTES: Final = 32 * 1024 * 1024
"""Of messages that are known by their bytes: at 10,000 transactions a second of 250 bytes those of eight seconds."""
DIGEST_BYTES: Final = 160  # a hash and the entry for it


class MalformedTransactionsError(RemoteError):
    """What came on the mempool's channel holds no transactions. Args: size, in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size

    def __str__(self) -> str:
        return f"{self.size} bytes that are no transactions"


class MempoolWatcher(Reactor):
    """Keeps a TransactionLedger; ask it `Take(most)` for a MempoolTaken.

    Args: told_after, see TransactionLedger.
    """

    # Decoded here, and only once: a message that another peer brought, too, is known by its bytes. It may be longer than
    # CometBFT's default of `mempool.max_tx_bytes` allows: this network's nodes may allow more, and would bring such a
    # transaction again each time that they are dialled.
    channels: ClassVar[Sequence[ChannelDescriptor]] = [
        replace(MEMPOOL, message=None, recv_message_capacity=DEFAULT_RECV_MESSAGE_CAPACITY)
    ]

    def __init__(self, told_after: float = TOLD_AFTER_S) -> None:
        super().__init__()
        self._ledger = TransactionLedger(told_after)
        self._decode = mempool.Message.FromString
        self._digests: dict[bytes, bytes] = {}  # of messages that hold a single transaction
        self._digests_size = 0
        self._messages = 0

    def receive(self, envelope: Envelope) -> None:
        message, peer, now = envelope.message, envelope.source.info.id, time.time()
        self._messages += 1
        known = self._digests.get(message)
        if known is not None and self._ledger.again(known, peer, now):
            return
        try:
            transactions = self._decode(message).txs.txs
        except DecodeError:
            raise MalformedTransactionsError(len(message)) from None
        if not transactions:
            raise MalformedTransactionsError(len(message))
        digests = self._ledger.bring(transactions, peer, now)
        if len(digests) == 1:
            self._remember(message, digests[0])

    def handle(self, message: Any) -> Any:
        if isinstance(message, InBlock):
            self._ledger.commit(message.transactions, message.height, time.time())
            return None
        if not isinstance(message, Take):
            return None
        ledger = self._ledger
        taken = ledger.take(math.inf if message.is_last else time.time(), message.most)
        return MempoolTaken(taken, self._messages, ledger.count, ledger.missed, len(ledger))

    def _remember(self, message: bytes, digest: bytes) -> None:
        if self._digests_size > MOST_DIGEST_BYTES:
            self._digests.clear()
            self._digests_size = 0
        self._digests[message] = digest
        self._digests_size += len(message) + DIGEST_BYTES
