"""The reactor that sees how heights are decided, alone with peers that the test controls."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peerage.messages import CONSENSUS_DATA, CONSENSUS_STATE, CONSENSUS_VOTE, consensus, types
from peerage.testing import FakePeer, ReactorHarness, wait_until
from peerage.watching import ConsensusTaken, ConsensusWatcher, Take, following
from tests.face.watching.blocks import block_of, parts_of
from tests.face.watching.test_heights import vote

BLOCK = block_of(7, b"a=1", b"b=2")
ROOT, PARTS = parts_of(BLOCK.SerializeToString())
ID = types.BlockID(hash=b"h" * 32, part_set_header=types.PartSetHeader(total=1, hash=ROOT))
COMMIT = 8


@pytest.fixture
def harness() -> Iterator[ReactorHarness[ConsensusWatcher]]:
    with ReactorHarness(ConsensusWatcher) as started:
        yield started


def step(height: int, number: int = 1, round_: int = 0) -> consensus.Message:
    return consensus.Message(
        new_round_step=consensus.NewRoundStep(height=height, round=round_, step=number, last_commit_round=0)
    )


def told(peer: FakePeer) -> tuple[int, int, int]:
    """Where the watcher says that it is: height, round, step."""
    message = consensus.Message.FromString(peer.expect(CONSENSUS_STATE.id)).new_round_step
    return message.height, message.round, message.step


def taken(harness: ReactorHarness[ConsensusWatcher]) -> ConsensusTaken:
    answer = harness.ask(Take(100, is_last=True))
    assert isinstance(answer, ConsensusTaken)
    return answer


def test_a_peer_is_told_that_we_are_where_it_is_and_nothing_else(
    harness: ReactorHarness[ConsensusWatcher],
) -> None:
    """Before it says where that is, nothing; it is never told that we have a vote or a part."""
    anna = harness.connect()
    anna.expect_nothing()
    anna.send(CONSENSUS_STATE.id, step(7, 4))
    assert told(anna) == (7, 0, 1)
    anna.send(CONSENSUS_STATE.id, step(7, 2, 1))
    assert told(anna) == (7, 1, 2)
    anna.send(CONSENSUS_VOTE.id, consensus.Message(vote=consensus.Vote(vote=vote(0))))
    anna.send(CONSENSUS_DATA.id, consensus.Message(block_part=consensus.BlockPart(height=7, part=PARTS[0])))
    anna.wait_until_handled()
    anna.expect_nothing()


def test_a_decided_block_is_reported_and_the_next_height_followed(
    harness: ReactorHarness[ConsensusWatcher],
) -> None:
    """With its votes and its transactions."""
    anna = harness.connect()
    anna.send(CONSENSUS_STATE.id, step(7))
    told(anna)
    proposal = types.Proposal(height=7, block_id=ID)
    anna.send(CONSENSUS_DATA.id, consensus.Message(proposal=consensus.Proposal(proposal=proposal)))
    for index in range(3):
        anna.send(CONSENSUS_VOTE.id, consensus.Message(vote=consensus.Vote(vote=vote(index, block=ID))))
    anna.send(CONSENSUS_STATE.id, step(7, COMMIT))
    anna.send(CONSENSUS_STATE.id, step(8))
    anna.wait_until_handled()
    anna.expect_nothing(0.05)  # it has not got the block
    anna.send(CONSENSUS_DATA.id, consensus.Message(block_part=consensus.BlockPart(height=7, part=PARTS[0])))
    assert told(anna) == (8, 0, 1)
    answer = taken(harness)
    (report,) = answer.heights
    assert (report.height, report.transactions, len(report.rounds[0].precommits)) == (7, 2, 3)
    assert (answer.height, answer.votes, answer.parts, answer.peers) == (8, 3, 1, {anna.id: 8})


def test_a_block_that_never_comes_is_not_waited_for(
    harness: ReactorHarness[ConsensusWatcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A timer goes on."""
    monkeypatch.setattr(following, "BLOCK_WAIT_S", 0.1)
    anna = harness.connect()
    anna.send(CONSENSUS_STATE.id, step(7))
    told(anna)
    anna.send(CONSENSUS_STATE.id, step(8))
    assert told(anna) == (8, 0, 1)


@pytest.mark.parametrize(
    ("channel", "bad"),
    [
        (CONSENSUS_STATE.id, b"\xff\xff"),
        (CONSENSUS_STATE.id, b""),
        (CONSENSUS_STATE.id, step(-1).SerializeToString()),
        (CONSENSUS_VOTE.id, consensus.Message(vote=consensus.Vote()).SerializeToString()),
        (
            CONSENSUS_DATA.id,
            consensus.Message(
                block_part=consensus.BlockPart(height=7, part=types.Part(bytes=b"x"))
            ).SerializeToString(),
        ),
        (CONSENSUS_DATA.id, consensus.Message(proposal=consensus.Proposal()).SerializeToString()),
    ],
    ids=["garbage", "nothing", "height", "vote", "part", "proposal"],
)
def test_a_peer_that_sends_nonsense_is_stopped_and_the_others_go_on(
    harness: ReactorHarness[ConsensusWatcher], channel: int, bad: bytes
) -> None:
    """Whatever the message."""
    anna, bert = harness.connect(), harness.connect()
    for peer in (anna, bert):
        peer.send(CONSENSUS_STATE.id, step(7))
        told(peer)
    anna.send(channel, bad)
    anna.expect_stopped()
    bert.send(CONSENSUS_VOTE.id, consensus.Message(vote=consensus.Vote(vote=vote(0))))
    wait_until(lambda: taken(harness).votes == 1)
