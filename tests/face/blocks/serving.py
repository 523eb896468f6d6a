"""A reactor that gives blocks as CometBFT's does, or as a test wants it to lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from peerage import Envelope, Peer, Reactor
from peerage.messages import BLOCKSYNC, blocksync


class BlockServer(Reactor):
    """Has these blocks, as it says.

    Args: blocks, encoded; first, the height of the first of them; asked, a file that is there once it was asked for one.
    """

    channels: ClassVar = (BLOCKSYNC,)

    def __init__(self, blocks: Sequence[bytes], first: int = 1, asked: Path | None = None) -> None:
        super().__init__()
        self._blocks, self._first, self._asked = blocks, first, asked

    def add_peer(self, peer: Peer) -> None:
        peer.try_send(BLOCKSYNC.id, self._status())

    def receive(self, envelope: Envelope) -> None:
        message = envelope.message
        if message.WhichOneof("sum") == "status_request":
            envelope.source.try_send(BLOCKSYNC.id, self._status())
        elif message.WhichOneof("sum") == "block_request":
            if self._asked is not None:
                self._asked.touch()
            envelope.source.try_send(BLOCKSYNC.id, self._block(message.block_request.height))

    def _status(self) -> blocksync.Message:
        last = self._first + len(self._blocks) - 1
        return blocksync.Message(status_response=blocksync.StatusResponse(base=self._first, height=last))

    def _block(self, height: int) -> blocksync.Message:
        index = height - self._first
        if not 0 <= index < len(self._blocks):
            return blocksync.Message(no_block_response=blocksync.NoBlockResponse(height=height))
        answer = blocksync.Message()
        answer.block_response.block.ParseFromString(self._blocks[index])
        return answer
