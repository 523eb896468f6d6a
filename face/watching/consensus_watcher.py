"""The reactor that sees how heights are decided. It tells each peer where it is, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, ClassVar

from google.protobuf.message import Message

from peerage import ChannelDescriptor, Envelope, Peer, Reactor
from peerage.messages import CONSENSUS, CONSENSUS_STATE, EmptySumError, consensus, unwrap
from peerage.watching.block_parts import BlockParts, root_of
from peerage.watching.following import Follower, Place
from peerage.watching.heights import BEHIND, HeightLedger, MalformedVoteError
from peerage.watching.takings import ConsensusTaken, InBlock, Take

__all__ = ["ConsensusWatcher"]

CHECK_S = 0.25


class ConsensusWatcher(Reactor):
    """Keeps a HeightLedger; ask it `Take(most)` for a ConsensusTaken.

    Args: mempool, the name of the reactor that is told which transactions a decided block holds; "" for none.
    """

    channels: ClassVar[Sequence[ChannelDescriptor]] = CONSENSUS

    def __init__(self, mempool: str = "") -> None:
        super().__init__()
        self._mempool = mempool
        self._ledger = HeightLedger()
        self._parts = BlockParts()
        self._complete = 0
        self._followers: dict[str, Follower] = {}
        self._see: dict[type[Message], Callable[[Peer, Any, float], None]] = {
            consensus.NewRoundStep: self._at,
            consensus.Proposal: self._proposal,
            consensus.BlockPart: self._part,
            consensus.Vote: self._vote,
        }

    def on_start(self) -> None:
        self.runtime.call_later(CHECK_S, self._check)

    def init_peer(self, peer: Peer) -> None:
        self._followers[peer.info.connection] = Follower()

    def receive(self, envelope: Envelope) -> None:
        try:
            message = unwrap(envelope.message)
        except EmptySumError as error:
            raise MalformedVoteError(str(error)) from None
        if see := self._see.get(type(message)):
            see(envelope.source, message, time.time())

    def remove_peer(self, peer: Peer, reason: str) -> None:
        self._followers.pop(peer.info.connection, None)
        self._ledger.leave(peer.id)

    def handle(self, message: Any) -> Any:
        if not isinstance(message, Take):
            return None
        ledger = self._ledger
        peers: dict[str, int] = {peer.id: ledger.height_of(peer.id) for peer in self.peers.values()}
        heights = ledger.due(float("inf") if message.is_last else time.time())
        return ConsensusTaken(
            heights, ledger.height, ledger.round, ledger.votes, ledger.parts, ledger.part_bytes, peers
        )

    def _at(self, peer: Peer, step: consensus.NewRoundStep, now: float) -> None:
        place = Place(step.height, step.round, step.last_commit_round, step.seconds_since_start_time)
        self._ledger.at(peer.id, place, step.step, now)
        self._tell(peer, self._followers[peer.info.connection].at(place, self._complete, now))
        self._parts.forget_below(self._ledger.height - BEHIND)
        self._assemble()

    def _proposal(self, peer: Peer, message: consensus.Proposal, now: float) -> None:
        self._ledger.propose(peer.id, message.proposal, now)

    def _vote(self, peer: Peer, message: consensus.Vote, now: float) -> None:
        self._ledger.vote(peer.id, message.vote, now)

    def _part(self, peer: Peer, message: consensus.BlockPart, now: float) -> None:
        if not self._ledger.wants(message.height):
            return
        part = message.part
        if self._ledger.lacks_block(message.height):
            root = self._parts.add(message.height, part, peer.id)
        else:
            root = root_of(part, message.height)  # another peer brings it, too
        self._ledger.part(message.height, message.round, root, part.index, len(part.bytes), now)
        self._assemble()

    def _assemble(self) -> None:
        """Take the blocks that are decided and complete."""
        for height, root in self._ledger.undecided_blocks():
            found = self._parts.take(height, root)
            if found is None:
                continue
            self._ledger.block(height, found.block, found.size)
            self._complete = max(self._complete, height)
            if self._mempool:
                transactions = [(sha256(each).digest(), len(each)) for each in found.block.data.txs]
                self.node.names.reactor(self._mempool).tell(InBlock(height, transactions))
            self._go_on()

    def _check(self) -> None:
        self._go_on()
        self.runtime.call_later(CHECK_S, self._check)

    def _go_on(self) -> None:
        now = time.time()
        for peer in self.peers.values():
            if follower := self._followers.get(peer.info.connection):
                self._tell(peer, follower.due(self._complete, now))

    @staticmethod
    def _tell(peer: Peer, place: Place | None) -> None:
        """Tell a peer where we are. With a hundred places in its queue there is always room for the next one."""
        if place is not None:
            step = consensus.NewRoundStep(
                height=place.height,
                round=place.round,
                step=place.step,
                seconds_since_start_time=place.seconds,
                last_commit_round=place.last_commit_round,
            )
            peer.try_send(CONSENSUS_STATE.id, consensus.Message(new_round_step=step))
