"""The ledger of heights: what peers bring of them becomes a report for each that was decided."""

from __future__ import annotations

import pytest

from peerage.messages import types
from peerage.watching import HeightLedger, HeightReport, Place
from peerage.watching.heights import (
    AHEAD,
    BEHIND,
    COMMIT,
    LATE_FOR_S,
    MOST_PARTS,
    MOST_ROUND,
    MOST_UNKNOWN,
    NEXT_BLOCK_WITHIN_S,
    MalformedVoteError,
)
from tests.face.watching.blocks import block_of

PEERS = ("anna", "bert", "cleo", "dora")
HASH, ROOT = b"h" * 32, b"r" * 32
PREVOTE, PRECOMMIT = types.SIGNED_MSG_TYPE_PREVOTE, types.SIGNED_MSG_TYPE_PRECOMMIT
BLOCK = types.BlockID(hash=HASH, part_set_header=types.PartSetHeader(total=1, hash=ROOT))


def vote(
    index: int,
    kind: types.SignedMsgType = PRECOMMIT,
    height: int = 7,
    round_: int = 0,
    block: types.BlockID = BLOCK,
) -> types.Vote:
    return types.Vote(
        type=kind,
        height=height,
        round=round_,
        block_id=block,
        validator_address=bytes([index % 256]) * 20,
        validator_index=index,
    )


def ledger_at(height: int = 7, peers: tuple[str, ...] = PEERS) -> HeightLedger:
    """All peers are there, from moment 100 on."""
    ledger = HeightLedger()
    for peer in peers:
        ledger.at(peer, Place(height, 0, 0), 1, 100.0)
    return ledger


def commit(ledger: HeightLedger, now: float, *peers: str, height: int = 7, round_: int = 0) -> None:
    for peer in peers:
        ledger.at(peer, Place(height, round_, 0), COMMIT, now)


def only(reports: list[HeightReport]) -> HeightReport:
    (report,) = reports
    return report


def test_a_height_is_decided_when_more_than_half_of_the_peers_have_committed_it() -> None:
    """So that one who says so too early moves nothing."""
    ledger = ledger_at()
    commit(ledger, 101.0, "anna", "bert")
    assert ledger.undecided_blocks() == []
    ledger.vote("anna", vote(0), 101.0)
    commit(ledger, 102.0, "cleo")
    assert ledger.undecided_blocks() == [(7, ROOT)]
    report = only(ledger.due(102.0 + NEXT_BLOCK_WITHIN_S))
    assert (report.height, report.round, report.at, report.decided_after) == (7, 0, 100.0, 2.0)
    assert (report.block_hash, report.transactions, report.validators) == (HASH, -1, 0)
    assert ledger.due(200.0) == []


def test_the_next_height_of_a_peer_says_that_it_has_committed_this_one() -> None:
    """And in which round."""
    ledger = ledger_at()
    for peer in PEERS[:3]:
        ledger.at(peer, Place(8, 0, 2), 1, 103.0)
    assert only(ledger.due(200.0)).round == 2


def test_a_report_has_proposal_votes_and_parts_of_each_round() -> None:
    """With the times since the round began for us."""
    ledger = ledger_at()
    proposal = types.Proposal(height=7, round=0, block_id=BLOCK)
    ledger.propose("bert", proposal, 100.5)
    ledger.propose("anna", proposal, 100.6)
    ledger.part(7, 0, ROOT, 0, 500, 100.5)
    ledger.part(7, 0, ROOT, 0, 500, 100.7)
    ledger.vote("anna", vote(1, PREVOTE), 101.0)
    ledger.vote("anna", vote(0, PRECOMMIT), 101.5)
    ledger.vote("bert", vote(0, PRECOMMIT), 101.75)
    ledger.at("anna", Place(7, 1, 0), 2, 102.0)
    ledger.vote("anna", vote(3, PREVOTE, round_=1, block=types.BlockID()), 102.5)
    commit(ledger, 103.0, *PEERS)
    first, second = only(ledger.due(200.0)).rounds
    assert (first.proposed_after, first.proposal_from, first.block_hash, first.parts) == (
        0.5,
        "bert",
        HASH,
        1,
    )
    assert first.prevotes == ((1, b"\1" * 20, 1.0, False, False),)
    assert first.precommits == ((0, bytes(20), 1.5, False, False),)
    assert second.prevotes == ((3, b"\3" * 20, 0.5, True, False),)
    assert (ledger.votes, ledger.parts, ledger.part_bytes) == (4, 2, 1000)


def test_who_is_late_and_who_is_missing_is_told() -> None:
    """A precommit after the decision is late; the next block's commit says how many validators there are."""
    ledger = ledger_at()
    ledger.vote("anna", vote(0), 101.0)
    ledger.vote("anna", vote(1), 101.0)
    commit(ledger, 102.0, *PEERS)
    ledger.vote("anna", vote(2), 102.5)
    for peer in PEERS:
        ledger.at(peer, Place(8, 0, 0), 1, 103.0)
    assert ledger.due(102.0 + LATE_FOR_S) == []
    ledger.block(8, block_of(8, validators=5, absent=(3,)), 99)
    report = only(ledger.due(102.0 + LATE_FOR_S))
    assert [each.is_late for each in report.rounds[0].precommits] == [False, False, True]
    assert (report.validators, report.missing, report.absent) == (5, (3, 4), (3,))


def test_the_block_says_what_was_decided() -> None:
    """Its transactions, its size, who proposed it."""
    ledger = ledger_at()
    ledger.vote("anna", vote(0), 101.0)
    commit(ledger, 102.0, *PEERS)
    ledger.block(7, block_of(7, b"a", b"b"), 321)
    assert ledger.undecided_blocks() == []
    report = only(ledger.due(200.0))
    assert (report.transactions, report.block_bytes, report.proposer) == (2, 321, b"\7" * 20)


def test_a_block_is_the_one_that_most_peers_bring_precommits_for() -> None:
    """A liar may have as many validators as it likes, and is still one peer."""
    ledger = ledger_at()
    lie = types.BlockID(hash=b"l" * 32, part_set_header=types.PartSetHeader(total=1, hash=b"l" * 32))
    for index in range(4):
        ledger.vote("anna", vote(index, block=lie), 101.0)
    for peer in ("bert", "cleo"):
        ledger.vote(peer, vote(0), 101.5)
    commit(ledger, 102.0, *PEERS)
    assert ledger.undecided_blocks() == [(7, ROOT)]
    assert only(ledger.due(200.0)).rounds[0].conflicts == 2


def test_most_peers_say_where_the_network_is() -> None:
    """One that is far ahead, or says so, moves nothing."""
    ledger = ledger_at()
    ledger.at("dora", Place(10**15, 0, 0), 1, 101.0)
    assert (ledger.height, ledger.height_of("dora"), ledger.height_of("emil")) == (7, 10**15, 0)
    ledger.leave("dora")
    assert ledger.height_of("dora") == 0


def test_what_is_far_from_where_the_network_is_is_not_kept() -> None:
    """Lies cost no memory."""
    ledger = ledger_at()
    assert [height for height in range(100) if ledger.wants(height)] == [*range(7 - BEHIND, 7 + AHEAD + 1)]
    for number in range(1000):
        ledger.vote("anna", vote(0, height=1000 + number), 101.0)
        ledger.vote("anna", vote(0, round_=MOST_ROUND + 1 + number), 101.0)
    commit(ledger, 102.0, *PEERS)
    assert [each.round for each in only(ledger.due(200.0)).rounds] == [0]


def test_one_peer_cannot_fill_a_round() -> None:
    """Blocks that it backs alone keep out no other one; validators that are too many, and parts, are not kept."""
    ledger = ledger_at()
    for number in range(100):
        block = types.BlockID(
            hash=bytes([number]) * 32, part_set_header=types.PartSetHeader(hash=bytes([number]) * 32)
        )
        ledger.vote("anna", vote(0, block=block), 101.0)
        ledger.vote("anna", vote(MOST_UNKNOWN + number), 101.0)
    for number in range(2 * MOST_PARTS):
        ledger.part(7, 0, ROOT, number, 1, 101.0)
    for peer in ("bert", "cleo"):
        ledger.vote(peer, vote(1), 101.5)
    commit(ledger, 102.0, *PEERS)
    assert ledger.undecided_blocks() == [(7, ROOT)]
    (found,) = only(ledger.due(200.0)).rounds
    assert (len(found.precommits), found.parts) == (2, MOST_PARTS)


def test_a_commit_says_how_many_validators_are_believed_in() -> None:
    """Twice as many, so that there may be more of them soon."""
    ledger = ledger_at()
    ledger.at("anna", Place(8, 0, 0), 1, 100.0)
    ledger.block(8, block_of(8, validators=4), 99)
    ledger.vote("anna", vote(17, height=8), 101.0)
    ledger.vote("anna", vote(18, height=8), 101.0)
    commit(ledger, 102.0, *PEERS, height=8)
    found = next(each for each in ledger.due(200.0) if each.height == 8)
    assert [each.validator for each in found.rounds[0].precommits] == [17]


def test_a_quick_chain_is_reported_whole() -> None:
    """Heights wait for late votes although the network has gone on."""
    ledger = ledger_at()
    reports = []
    for height in range(7, 107):
        for peer in PEERS:
            ledger.at(peer, Place(height, 0, 0), 1, 100.0 + height / 10)
        ledger.block(height, block_of(height), 99)
        reports += ledger.due(100.0 + height / 10)
    assert [each.height for each in reports] == [*range(7, 86)]


def test_what_was_reported_does_not_come_again() -> None:
    """Late votes are not kept."""
    ledger = ledger_at()
    commit(ledger, 102.0, *PEERS)
    assert len(ledger.due(200.0)) == 1
    ledger.vote("anna", vote(0), 201.0)
    commit(ledger, 202.0, *PEERS)
    assert ledger.due(300.0) == []


@pytest.mark.parametrize(
    "bad",
    [
        types.Vote(type=types.SIGNED_MSG_TYPE_PROPOSAL, height=7, validator_address=bytes(20)),
        types.Vote(type=PREVOTE, height=0, validator_address=bytes(20)),
        types.Vote(type=PREVOTE, height=7, round=-1, validator_address=bytes(20)),
        types.Vote(type=PREVOTE, height=7, validator_index=-1, validator_address=bytes(20)),
        types.Vote(type=PREVOTE, height=7, validator_index=10_000, validator_address=bytes(20)),
        types.Vote(type=PREVOTE, height=7, validator_address=bytes(19)),
        types.Vote(type=PREVOTE, height=7, validator_address=bytes(20), block_id=types.BlockID(hash=b"x")),
    ],
    ids=["type", "height", "round", "no index", "index", "address", "hash"],
)
def test_a_vote_that_cannot_be_is_refused(bad: types.Vote) -> None:
    """Its peer is stopped for that."""
    with pytest.raises(MalformedVoteError):
        ledger_at().vote("anna", bad, 101.0)


@pytest.mark.parametrize(
    ("place", "step"), [(Place(-1, 0, 0), 1), (Place(7, -1, 0), 1), (Place(7, 0, -2), 1), (Place(7, 0, 0), 9)]
)
def test_a_place_that_cannot_be_is_refused(place: Place, step: int) -> None:
    """Likewise."""
    with pytest.raises(MalformedVoteError):
        ledger_at().at("anna", place, step, 101.0)
