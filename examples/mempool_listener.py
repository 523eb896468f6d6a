"""Listens to the transactions of a CometBFT network: each once, with its hash and who brought it first.

    peerage start --home HOME --reactor mempool_listener:MempoolListener

It sends nothing, so a node with it is a quiet peer. A transaction that many peers send is counted once, as long as it is
among the last ones: memory is bounded, whatever the network does.
"""

from __future__ import annotations

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from peerage import ChannelDescriptor, Envelope, Reactor
from peerage.messages import MEMPOOL, mempool

MOST_REMEMBERED = 100_000  # transactions: about 20 MB

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A transaction. Attributes: hash, as block explorers show it; size, bytes; first_peer, the ID of who brought it."""

    hash: str
    size: int
    first_peer: str


@dataclass(frozen=True, slots=True)
class GetSightings:
    """From our own program. Args: last, how many. Answer: a `Report`."""

    last: int = 100


@dataclass(frozen=True, slots=True)
class Report:
    """Attributes: transactions, different ones; messages, all that came; last, the newest sightings, oldest first."""

    transactions: int
    messages: int
    last: list[Sighting] = field(default_factory=list)


class MempoolListener(Reactor):
    """Notes what the mempool channel brings."""

    channels: ClassVar[Sequence[ChannelDescriptor]] = (MEMPOOL,)  # decoded, with CometBFT's capacity

    def on_start(self) -> None:
        self._seen: OrderedDict[bytes, Sighting] = OrderedDict()
        self._transactions = self._messages = 0

    def receive(self, envelope: Envelope) -> None:
        message: mempool.Message = envelope.message
        self._messages += 1
        for tx in message.txs.txs:
            digest = hashlib.sha256(tx).digest()
            if digest in self._seen:
                self._seen.move_to_end(digest)  # still under way: it is forgotten later
                continue
            self._transactions += 1
            sighting = Sighting(digest.hex().upper(), len(tx), envelope.source.id)
            self._seen[digest] = sighting
            log.debug("%s, %d bytes, from %s", sighting.hash, sighting.size, sighting.first_peer)
            if len(self._seen) > MOST_REMEMBERED:
                self._seen.popitem(last=False)

    def handle(self, message: Any) -> Report:
        if not isinstance(message, GetSightings):
            raise TypeError(f"found {message!r}, expected: GetSightings")
        newest = list(self._seen.values())[-message.last :] if message.last > 0 else []
        return Report(self._transactions, self._messages, newest)
