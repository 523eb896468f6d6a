"""The reactor that sees transactions. It never sends any."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from google.protobuf.message import DecodeError

from peerage import ChannelDescriptor, Envelope, Reactor
from peerage.messages import MEMPOOL, mempool
from peerage.watching.takings import InBlock, MempoolTaken, Take
from peerage.watching.transactions import TOLD_AFTER_S, TransactionLedger
from peerage.wire.errors import RemoteError

__all__ = ["MalformedTransactionsError", "MempoolWatcher"]


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

    # Decoded here: one call for a message, where the reactor's own way costs four times as much.
    channels: ClassVar[Sequence[ChannelDescriptor]] = [replace(MEMPOOL, message=None)]

    def __init__(self, told_after: float = TOLD_AFTER_S) -> None:
        super().__init__()
        self._ledger = TransactionLedger(told_after)
        self._decode = mempool.Message.FromString

    def receive(self, envelope: Envelope) -> None:
        try:
            transactions = self._decode(envelope.message).txs.txs
        except DecodeError:
            raise MalformedTransactionsError(len(envelope.message)) from None
        if not transactions:
            raise MalformedTransactionsError(len(envelope.message))
        self._ledger.bring(transactions, envelope.source.info.id, time.time())

    def handle(self, message: Any) -> Any:
        if isinstance(message, InBlock):
            self._ledger.commit(message.transactions, message.height, time.time())
            return None
        if not isinstance(message, Take):
            return None
        ledger = self._ledger
        taken = ledger.take(math.inf if message.is_last else time.time(), message.most)
        return MempoolTaken(taken, ledger.messages, ledger.count, ledger.missed, len(ledger))
