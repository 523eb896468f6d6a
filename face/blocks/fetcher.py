"""The reactor that fetches blocks: CometBFT's blocksync, as a peer that has no blocks itself.

It asks each peer what it has, asks for blocks as `Fetch` plans, has commits checked in other processes, and keeps what is
proved until it is taken. Peers that lie, are silent or slow are let go for as long as it runs.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from google.protobuf.message import DecodeError

from peerage.actors.reactors.peer_handle import Peer
from peerage.actors.reactors.reactor import Envelope, Reactor
from peerage.actors.runtime import ActorRef
from peerage.blocks.block_file import BlockFileError
from peerage.blocks.block_folder import BlockStore
from peerage.blocks.chain import Chain, Position
from peerage.blocks.checker import CheckCommits, CommitsChecked
from peerage.blocks.errors import ValidatorSetError
from peerage.blocks.fetch import Drop, Fetch, Job, Proved
from peerage.blocks.fetch_plan import FetchLimits
from peerage.blocks.validator_set import ValidatorSet
from peerage.messages import BLOCKSYNC, blocksync

__all__ = ["AddSet", "Begin", "BlockFetcher", "Fetched", "TakeFetched"]

TICK_S = 0.25
STATUS_S = 5.0  # between questions to all what they have; CometBFT asks every 10 s
BATCH_SIGNATURES = 256  # in one message to a checker: 25 ms of work
MOST_HELD_BYTES = 64 * 1024 * 1024  # proved and not taken; nothing is asked for beyond


@dataclass(frozen=True, slots=True)
class Begin:
    """To a BlockFetcher: fetch from here. An ask, answered with None.

    Attributes: chain_id, position, sets, as of `Chain`; last, as of `Fetch`; limits; checkers, the CommitCheckers;
        file, with blocks from an earlier run.
    """

    chain_id: str
    position: Position
    sets: tuple[ValidatorSet, ...]
    last: int | None
    limits: FetchLimits
    checkers: tuple[ActorRef, ...]
    file: BlockStore | None = None


@dataclass(frozen=True, slots=True)
class AddSet:
    """To a BlockFetcher: the validators that it wanted. An ask; its answer is what is wrong with them, or nothing."""

    validators: ValidatorSet


@dataclass(frozen=True, slots=True)
class TakeFetched:
    """To a BlockFetcher: ask for the next proved blocks, and how it stands. Attributes: bytes, of blocks at most, but for
    the first.
    """

    bytes: int = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Fetched:
    """From a BlockFetcher.

    Attributes:
        has_begun: False from one that was not told to, or was restarted: of the others, only `said` counts then.
        said: how many peers have said what they have.
        blocks: the next proved ones, in order.
        sets: of validators that are known.
        dropped: peers let go since the last answer.
        wanted_set: height and hash of the set that is needed to go on.
        is_done: whether there is nothing to come.
        next: the block that is being waited for.
        reach, highest, lowest: which blocks the peers say to have (see `FetchPlan`).
        peers: who is connected and gives blocks.
        signatures: how many were checked so far; check_seconds, the processor time of that.
    """

    has_begun: bool
    said: int = 0
    blocks: tuple[Proved, ...] = ()
    sets: tuple[ValidatorSet, ...] = ()
    dropped: tuple[Drop, ...] = ()
    wanted_set: tuple[int, bytes] | None = None
    is_done: bool = False
    next: int = 0
    reach: int = 0
    highest: int = 0
    lowest: int | None = None
    peers: tuple[str, ...] = ()
    all_have_said: bool = False
    signatures: int = 0
    check_seconds: float = 0.0


class BlockFetcher(Reactor):
    """Fetches blocks once it is told to `Begin`."""

    # As bytes: who sends what cannot be decoded is let go like any liar, and not only disconnected.
    channels: ClassVar = (replace(BLOCKSYNC, message=None),)

    def on_start(self) -> None:
        self._fetch: Fetch | None = None
        self._begin: Begin | None = None
        self._gone: set[str] = set()  # those we have let go
        self._said: dict[str, tuple[int, int]] = {}  # what they have, until it begins
        self._untaken: deque[Proved] = deque()
        self._untaken_bytes = 0
        self._dropped: list[Drop] = []
        self._loads: dict[ActorRef, set[int]] = {}
        self._jobs: dict[int, Job] = {}  # under way
        self._check_seconds = 0.0
        self._next_status = 0.0
        self.runtime.call_later(TICK_S, self._tick)

    # --- peers -----------------------------------------------------------------------------------------------------------

    def add_peer(self, peer: Peer) -> None:
        if peer.id in self._gone:
            peer.stop("blocks: let go before")
        elif peer.has_channel(BLOCKSYNC.id):
            peer.try_send(BLOCKSYNC.id, blocksync.Message(status_request=blocksync.StatusRequest()))
            if self._fetch is not None:
                self._fetch.plan.join(peer.id, self.runtime.now())

    def remove_peer(self, peer: Peer, reason: str) -> None:
        self._said.pop(peer.id, None)
        if self._fetch is not None:
            self._fetch.plan.leave(peer.id)
            self._go_on()

    def receive(self, envelope: Envelope) -> None:
        peer = envelope.source
        try:
            message = blocksync.Message.FromString(envelope.message)
        except DecodeError:
            message = blocksync.Message()
        kind = message.WhichOneof("sum")
        if kind == "status_request":
            # An honest answer of a node without blocks: CometBFT's own says the same while it has none.
            peer.try_send(BLOCKSYNC.id, blocksync.Message(status_response=blocksync.StatusResponse()))
        elif kind == "block_request":
            none = blocksync.NoBlockResponse(height=message.block_request.height)
            peer.try_send(BLOCKSYNC.id, blocksync.Message(no_block_response=none))
        elif self._fetch is None:
            if kind == "status_response":
                self._said[peer.id] = message.status_response.base, message.status_response.height
        else:
            self._hear(self._fetch, peer.id, message, len(envelope.message))
            self._go_on()

    def _hear(self, fetch: Fetch, peer: str, message: blocksync.Message, size: int) -> None:
        kind = message.WhichOneof("sum")
        now = self.runtime.now()
        if kind == "status_response":
            fetch.says(peer, message.status_response.base, message.status_response.height, now)
        elif kind == "no_block_response":
            fetch.refused(peer, message.no_block_response.height, now)
        elif kind == "block_response":
            fetch.arrived(peer, message.block_response.block, size, now)
        else:
            fetch.part_with(peer, "it sent what is no message of block sync")

    # --- what the program says -------------------------------------------------------------------------------------------

    def handle(self, message: Any) -> Any:
        if isinstance(message, TakeFetched):
            return self._hand_over(message.bytes)
        if isinstance(message, CommitsChecked):
            self._note_checked(message)
        elif isinstance(message, AddSet):
            return self._add_set(message.validators)
        elif isinstance(message, Begin):
            self._start_fetch(message)
        return None

    def _start_fetch(self, begin: Begin) -> None:
        self._begin = begin
        self._fetch = Fetch(Chain(begin.chain_id, begin.position, *begin.sets), begin.last, begin.limits)
        for checker in begin.checkers:
            self._loads[checker] = set()
            self.runtime.watch(checker)
        now = self.runtime.now()
        file = begin.file
        if file is not None and file.heights:
            self._fetch.plan.join(file.name, now, is_own=True)
            self._fetch.plan.says(file.name, file.heights[0], file.heights[-1], now)
        for peer in self.peers.values():
            if peer.has_channel(BLOCKSYNC.id):
                self._fetch.plan.join(peer.id, now)
                if peer.id in self._said:
                    self._fetch.says(peer.id, *self._said[peer.id], now)
        self._said.clear()
        self._next_status = now  # of those who have not said it yet, and as news of the others
        self._go_on()

    def _add_set(self, validators: ValidatorSet) -> str:
        if self._fetch is None or self._fetch.wanted_set is None:
            return ""
        try:
            self._fetch.add_set(validators)
        except ValidatorSetError as error:
            return str(error)
        self._go_on()
        return ""

    def _hand_over(self, most: int) -> Fetched:
        fetch = self._fetch
        if fetch is None:
            return Fetched(has_begun=False, said=len(self._said))
        blocks: list[Proved] = []
        size = 0
        while self._untaken and (not blocks or size + len(self._untaken[0].encoded) <= most):
            blocks.append(self._untaken.popleft())
            size += len(blocks[-1].encoded)
        self._untaken_bytes -= size
        dropped, self._dropped = tuple(self._dropped), []
        wanted = fetch.wanted_set
        answer = Fetched(
            has_begun=True,
            blocks=tuple(blocks),
            sets=fetch.chain.sets,
            dropped=dropped,
            wanted_set=None if wanted is None else (wanted.height, wanted.hash),
            is_done=fetch.is_done and not self._untaken,
            next=fetch.chain.position.height,
            reach=fetch.plan.reach,
            highest=fetch.plan.highest,
            lowest=fetch.plan.lowest_base,
            peers=tuple(sorted(self.peers)),
            all_have_said=fetch.plan.all_have_said,
            signatures=fetch.signatures,
            check_seconds=self._check_seconds,
        )
        self._go_on()
        return answer

    # --- work --------------------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        self.runtime.call_later(TICK_S, self._tick)
        if self._fetch is None:
            return
        now = self.runtime.now()
        if now >= self._next_status:
            self._next_status = now + STATUS_S
            self.broadcast(BLOCKSYNC.id, blocksync.Message(status_request=blocksync.StatusRequest()))
        self._fetch.look_at_clock(now)
        self._go_on()

    def _go_on(self) -> None:
        """Do what the fetch has left to be done."""
        fetch = self._fetch
        if fetch is None:
            return
        while True:
            self._part_with_dropped(fetch)
            self._untaken.extend(fetch.proved)
            self._untaken_bytes += sum(len(each.encoded) for each in fetch.proved)
            fetch.proved.clear()
            if self._untaken_bytes > MOST_HELD_BYTES or not self._send_requests(fetch):
                break
        self._send_jobs(fetch)

    def _send_requests(self, fetch: Fetch) -> bool:
        """Returns: whether something has come at once, out of a file."""
        begin = self._begin
        assert begin is not None
        from_file = []
        for name, height in fetch.requests(self.runtime.now()):
            if begin.file is not None and name == begin.file.name:
                from_file.append(height)
                continue
            peer = self.peers.get(name)
            request = blocksync.Message(block_request=blocksync.BlockRequest(height=height))
            if peer is None or not peer.try_send(BLOCKSYNC.id, request):
                fetch.plan.refused(name, height, self.runtime.now())
        for height in from_file:
            assert begin.file is not None
            try:
                block = begin.file.read(height)
            except BlockFileError as error:
                fetch.part_with(begin.file.name, str(error))
                break
            fetch.arrived(begin.file.name, block, block.ByteSize(), self.runtime.now())
        return bool(from_file)

    def _part_with_dropped(self, fetch: Fetch) -> None:
        for drop in fetch.dropped:
            self._dropped.append(drop)
            self._gone.add(drop.peer)
            peer = self.peers.get(drop.peer)
            if peer is not None:
                peer.stop(f"blocks: {drop.reason}")
        fetch.dropped.clear()

    def _send_jobs(self, fetch: Fetch) -> None:
        """Spread the checks over the processes, so many at once that a message costs little beside them."""
        batch: list[Job] = []
        for job in fetch.jobs:
            if batch and (
                batch[0].validators is not job.validators
                or (len(batch) + 1) * len(job.validators) > BATCH_SIGNATURES
            ):
                self._send_batch(batch)
                batch = []
            batch.append(job)
        if batch:
            self._send_batch(batch)
        fetch.jobs.clear()

    def _send_batch(self, batch: list[Job]) -> None:
        assert self._begin is not None
        checker = min(self._loads, key=lambda ref: len(self._loads[ref]))
        self._loads[checker].update(job.number for job in batch)
        self._jobs.update((job.number, job) for job in batch)
        commits = {job.number: (job.height, job.commit) for job in batch}
        checker.tell(
            CheckCommits(self._begin.chain_id, batch[0].validators, commits, self.actor_ref), exempt=True
        )

    def _note_checked(self, message: CommitsChecked) -> None:
        self._check_seconds += message.seconds
        for load in self._loads.values():
            load.difference_update(message.tallies)
        for number in message.tallies:
            self._jobs.pop(number, None)
        if self._fetch is not None:
            self._fetch.checked(message.tallies)
            self._go_on()

    def on_down(self, ref: ActorRef, reason: Any) -> None:
        """A checker has ended: the others do what it had to."""
        lost = self._loads.pop(ref, None)
        if lost is None:
            return
        if not self._loads:
            raise RuntimeError(f"no process is left to check signatures: {reason}")
        again = [self._jobs[number] for number in sorted(lost) if number in self._jobs]
        if self._fetch is not None:
            self._fetch.jobs[:0] = again
            self._go_on()
