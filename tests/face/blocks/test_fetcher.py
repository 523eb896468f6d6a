"""The reactor: an honest peer without blocks, which asks, checks in other processes, and names who lies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from peerage.actors.runtime import THREAD, ActorRef
from peerage.blocks.block_file import BlockFile
from peerage.blocks.block_id import BlockID, block_id_of
from peerage.blocks.chain import Position
from peerage.blocks.checker import CommitChecker
from peerage.blocks.fetch import Drop
from peerage.blocks.fetch_plan import FetchLimits
from peerage.blocks.fetcher import AddSet, Begin, BlockFetcher, Fetched, TakeFetched
from peerage.messages import BLOCKSYNC, blocksync, types
from peerage.testing import FakePeer, ReactorHarness, run_actor, wait_until
from tests.face.blocks.made_chain import CHAIN_ID, Signers, copy_of, make_chain

FOUR = Signers.make(10, 10, 10, 10)
FIVE = Signers.make(10, 10, 10, 10, 5)
BLOCKS = make_chain(12, FOUR)
CHANGING = make_chain(12, FOUR, changed=FIVE, changed_at=6)
CHANNEL = BLOCKSYNC.id
LIMITS = FetchLimits(per_peer=2, window=6, timeout=60.0)


@pytest.fixture
def harness() -> Iterator[ReactorHarness[BlockFetcher]]:
    with ReactorHarness(BlockFetcher) as running:
        yield running


@pytest.fixture
def checkers() -> Iterator[tuple[ActorRef, ...]]:
    with ExitStack() as stack:
        yield tuple(stack.enter_context(run_actor(CommitChecker, place=THREAD)) for _ in range(2))


def begin(
    harness: ReactorHarness[BlockFetcher],
    checkers: tuple[ActorRef, ...],
    last: int | None = 10,
    file: BlockFile | None = None,
) -> None:
    position = Position(1, BlockID(), FOUR.set.hash)
    harness.ask(Begin(CHAIN_ID, position, (FOUR.set,), last, LIMITS, checkers, file))


def message(peer: FakePeer) -> blocksync.Message:
    return blocksync.Message.FromString(peer.expect(CHANNEL))


def meet(harness: ReactorHarness[BlockFetcher], height: int = 12) -> FakePeer:
    """A peer that is asked what it has, and says it."""
    peer = harness.connect()
    assert message(peer).WhichOneof("sum") == "status_request"
    peer.send(CHANNEL, blocksync.Message(status_response=blocksync.StatusResponse(base=1, height=height)))
    return peer


def serve(peer: FakePeer, blocks: list[types.Block], count: int) -> None:
    """Give blocks for so many requests, whatever else is asked in between."""
    while count:
        asked = message(peer)
        if asked.WhichOneof("sum") == "block_request":
            block = copy_of(blocks[asked.block_request.height - 1])
            peer.send(CHANNEL, blocksync.Message(block_response=blocksync.BlockResponse(block=block)))
            count -= 1


def take(harness: ReactorHarness[BlockFetcher], count: int) -> list[Fetched]:
    """All answers until so many blocks came."""
    answers: list[Fetched] = []

    def enough() -> bool:
        answers.append(harness.ask(TakeFetched(1)))
        return sum(len(each.blocks) for each in answers) >= count

    wait_until(enough)
    return answers


def test_a_peer_that_asks_is_told_that_there_is_nothing(harness: ReactorHarness[BlockFetcher]) -> None:
    """The status of a node without blocks, and no block: as CometBFT's own answers while it has none."""
    peer = harness.connect()
    assert message(peer).WhichOneof("sum") == "status_request"
    peer.send(CHANNEL, blocksync.Message(status_request=blocksync.StatusRequest()))
    answer = message(peer)
    assert answer == blocksync.Message(status_response=blocksync.StatusResponse(base=0, height=0))
    peer.send(CHANNEL, blocksync.Message(block_request=blocksync.BlockRequest(height=3)))
    assert message(peer) == blocksync.Message(no_block_response=blocksync.NoBlockResponse(height=3))


def test_blocks_are_fetched_proved_and_handed_over_in_order(
    harness: ReactorHarness[BlockFetcher], checkers: tuple[ActorRef, ...]
) -> None:
    """A few bytes at a time, for whoever takes them slowly."""
    assert not harness.ask(TakeFetched()).has_begun
    begin(harness, checkers)
    serve(meet(harness), BLOCKS, 11)
    answers = take(harness, 10)
    blocks = [block for answer in answers for block in answer.blocks]
    assert [block.height for block in blocks] == list(range(1, 11))
    assert [block.id for block in blocks] == [block_id_of(block) for block in BLOCKS[:10]]
    assert max(len(answer.blocks) for answer in answers) == 1
    assert harness.ask(TakeFetched()).is_done
    assert answers[-1].signatures == 40


def test_a_liar_is_stopped_with_the_reason_and_not_let_in_again(
    harness: ReactorHarness[BlockFetcher], checkers: tuple[ActorRef, ...]
) -> None:
    """The others are not, and give what it did not."""
    begin(harness, checkers)
    liar = meet(harness)
    wrong = [copy_of(block) for block in BLOCKS]
    wrong[0].data.txs[0] = b"mine"
    serve(liar, wrong, 1)
    assert "block 1: its data_hash is" in liar.expect_stopped()
    again = harness.connect(peer_id=liar.id)
    assert again.expect_stopped() == "blocks: let go before"
    serve(meet(harness), BLOCKS, 11)
    answers = take(harness, 10)
    assert [(drop.peer, drop.is_liar) for answer in answers for drop in answer.dropped] == [(liar.id, True)]


def test_peers_that_came_before_the_beginning_are_all_asked(
    harness: ReactorHarness[BlockFetcher], checkers: tuple[ActorRef, ...]
) -> None:
    """Not the first alone: whoever is a liar among them is found."""
    peers = [meet(harness) for _ in range(3)]
    wait_until(lambda: harness.ask(TakeFetched()).said == 3)
    begin(harness, checkers)
    asked = {message(peer).block_request.height for peer in peers}
    assert len(asked) == 3
    assert max(asked) <= LIMITS.window


@pytest.mark.parametrize("nonsense", [b"", b"\xff", blocksync.Message().SerializeToString() + b"\x7a\x00"])
def test_what_is_no_message_ends_the_connection(
    harness: ReactorHarness[BlockFetcher], checkers: tuple[ActorRef, ...], nonsense: bytes
) -> None:
    """As CometBFT does; and its sender is named."""
    begin(harness, checkers)
    peer = meet(harness)
    peer.send(CHANNEL, nonsense)
    assert "it sent what is no message of block sync" in peer.expect_stopped()
    assert [drop.peer for drop in wait_until_dropped(harness)] == [peer.id]


def test_new_validators_are_asked_for_and_checked(
    harness: ReactorHarness[BlockFetcher], checkers: tuple[ActorRef, ...]
) -> None:
    """Wrong ones are refused, with their hash."""
    begin(harness, checkers)
    peer = meet(harness)
    serve(peer, CHANGING, 6)
    assert take(harness, 5)[-1].next == 6
    wait_until(lambda: harness.ask(TakeFetched()).wanted_set == (6, FIVE.set.hash))
    assert "expected" in harness.ask(AddSet(Signers.make(1).set))
    assert harness.ask(AddSet(FIVE.set)) == ""
    serve(peer, CHANGING, 5)
    assert take(harness, 5)[-1].is_done


def test_a_file_gives_what_it_has_and_is_checked(
    harness: ReactorHarness[BlockFetcher], checkers: tuple[ActorRef, ...], tmp_path: Path
) -> None:
    """A peer is asked for the rest alone."""
    file = BlockFile(tmp_path / "blocks.pb")
    for block in BLOCKS[:7]:
        file.append(block.header.height, block_id_of(block), block.SerializeToString())
    file.close()
    begin(harness, checkers, file=file)
    serve(meet(harness), BLOCKS, 4)
    blocks = [block for answer in take(harness, 10) for block in answer.blocks]
    assert [block.giver == file.name for block in blocks] == [True] * 7 + [False] * 3


def test_a_file_with_a_wrong_block_is_told(
    harness: ReactorHarness[BlockFetcher], checkers: tuple[ActorRef, ...], tmp_path: Path
) -> None:
    """As a peer would be."""
    file = BlockFile(tmp_path / "blocks.pb")
    for number, block in enumerate(BLOCKS[:7]):
        wrong = copy_of(block)
        if number == 3:
            wrong.data.txs[0] = b"mine"
        file.append(block.header.height, block_id_of(block), wrong.SerializeToString())
    file.close()
    begin(harness, checkers, file=file)
    dropped = wait_until_dropped(harness)
    assert [drop.peer for drop in dropped] == [file.name]
    assert "block 4: its data_hash" in dropped[0].reason


def wait_until_dropped(harness: ReactorHarness[BlockFetcher]) -> list[Drop]:
    dropped: list[Drop] = []

    def told() -> bool:
        dropped.extend(harness.ask(TakeFetched()).dropped)
        return bool(dropped)

    wait_until(told)
    return dropped


def test_what_a_dead_checker_had_to_do_is_done_by_another(harness: ReactorHarness[BlockFetcher]) -> None:
    """Nothing waits for it."""
    with (
        run_actor(CommitChecker, place=THREAD) as dying,
        run_actor(CommitChecker, place=THREAD) as living,
    ):
        begin(harness, (dying, living))
        dying.stop()
        serve(meet(harness), BLOCKS, 11)
        assert take(harness, 10)[-1].is_done
