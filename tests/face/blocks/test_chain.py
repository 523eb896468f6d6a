"""The chain: who of two givers has lied, and what is needed to go on."""

from __future__ import annotations

from itertools import pairwise

import pytest

from peerage.blocks.block_id import block_id_of
from peerage.blocks.candidate import Candidate, examine
from peerage.blocks.chain import Chain, Position
from peerage.blocks.commit_check import CommitTally, check_commit
from peerage.blocks.errors import BadBlockError, UnknownSetError, ValidatorSetError
from peerage.messages import types
from tests.face.blocks.made_chain import CHAIN_ID, Signers, chain_from, copy_of, make_chain, seal
from tests.face.blocks.recorded import VERSIONS, recorded

FOUR = Signers.make(10, 10, 10, 10)


def candidates(blocks: list[types.Block]) -> list[Candidate]:
    return [
        examine(CHAIN_ID, block.header.height, block, "peer", may_be_first=block.header.height == 1)
        for block in blocks
    ]


def tally(chain: Chain, candidate: Candidate, later: Candidate) -> CommitTally:
    """What the votes in the later one say, by the set that the earlier one must have."""
    return check_commit(
        chain.chain_id, chain.check_next(candidate), candidate.height, later.block.last_commit
    )


def prove_all(chain: Chain, blocks: list[Candidate]) -> None:
    for candidate, later in pairwise(blocks):
        chain.prove(candidate, tally(chain, candidate, later))


@pytest.mark.parametrize("version", VERSIONS)
def test_cometbfts_chain_is_proved_from_its_genesis(version: str) -> None:
    """Up to the last but one, over a change of the validators."""
    chain = recorded(version)
    proved = chain.chain(*chain.sets.values())
    prove_all(proved, chain.candidates)
    assert proved.position.height == len(chain.shown)


@pytest.mark.parametrize("version", VERSIONS)
def test_without_the_new_validators_it_stops_where_they_change(version: str) -> None:
    """What is asked for is what the header names; another set is refused, the right one goes on."""
    chain = recorded(version)
    first, changed = chain.sets.values()
    proved = chain.chain()
    with pytest.raises(UnknownSetError) as caught:
        prove_all(proved, chain.candidates)
    assert caught.value.hash == changed.hash
    assert chain.blocks[caught.value.height - 1].header.validators_hash == changed.hash
    with pytest.raises(ValidatorSetError):
        proved.add_set(first, caught.value.hash)
    proved.add_set(changed, caught.value.hash)
    prove_all(proved, chain.candidates[proved.position.height - 1 :])
    assert proved.position.height == len(chain.shown)


def test_a_resealed_block_is_found_by_the_votes_for_the_true_one() -> None:
    """Altered and with a header that fits: the giver of that block has lied, not of the next."""
    blocks = make_chain(4, FOUR)
    altered = copy_of(blocks[1])
    altered.data.txs[0] = b"mine"
    seal(altered)
    first, second, third, _ = candidates([blocks[0], altered, *blocks[2:]])
    chain = chain_from(FOUR)
    chain.prove(first, tally(chain, first, candidates(blocks)[1]))
    with pytest.raises(BadBlockError, match="but the validators have signed") as caught:
        chain.prove(second, tally(chain, second, third))
    assert caught.value.height == 2
    assert chain.position.height == 2


def test_votes_of_strangers_are_no_votes() -> None:
    """A later block with votes that the validators have not given: its own giver has lied."""
    true, other = (
        candidates(make_chain(3, FOUR)),
        candidates(make_chain(3, Signers.make(1, 1, 1, 1, seed="x"))),
    )
    chain = chain_from(FOUR)
    found = tally(chain, true[0], other[1])
    assert "vote 0 is of" in found.fault
    with pytest.raises(ValueError, match="vote 0"):
        chain.prove(true[0], found)


def test_a_block_must_follow_the_proved_one() -> None:
    """By the ID that it names, its height, and its validators."""
    blocks, others = candidates(make_chain(4, FOUR)), candidates(make_chain(4, FOUR, tx=b"else"))
    chain = chain_from(FOUR)
    chain.prove(blocks[0], tally(chain, blocks[0], blocks[1]))
    for wrong, reason in ((others[1], "it follows"), (blocks[2], "height 3")):
        with pytest.raises(BadBlockError, match=reason):
            chain.check_next(wrong)
    stranger = copy_of(blocks[1].block)
    stranger.header.validators_hash = bytes(32)
    with pytest.raises(BadBlockError, match="its validators_hash is 00"):
        chain.check_next(examine(CHAIN_ID, 2, stranger, "peer"))


def test_it_may_begin_with_a_trusted_hash() -> None:
    """Then the block itself says who signs it."""
    blocks = candidates(make_chain(6, FOUR))
    chain = Chain(CHAIN_ID, Position(3, trusted_hash=blocks[2].id.hash))
    with pytest.raises(BadBlockError, match="its header says height 2"):
        chain.check_next(blocks[1])
    with pytest.raises(UnknownSetError) as caught:
        chain.check_next(blocks[2])
    chain.add_set(FOUR.set, caught.value.hash)
    prove_all(chain, blocks[2:])
    assert chain.position.height == 6
    assert chain.position.trusted_hash == b""
    other = candidates(make_chain(6, FOUR, tx=b"else"))
    with pytest.raises(BadBlockError, match="its hash is"):
        Chain(CHAIN_ID, Position(3, trusted_hash=blocks[2].id.hash)).check_next(other[2])


def test_it_cannot_begin_with_nothing() -> None:
    """Any peer could invent a chain."""
    with pytest.raises(ValueError, match="neither"):
        Chain(CHAIN_ID, Position(1))


def test_it_knows_who_would_have_signed() -> None:
    """By what a block says, before that is proved."""
    blocks = candidates(make_chain(2, FOUR))
    chain = chain_from(FOUR)
    assert chain.set_of(blocks[0]) == FOUR.set
    assert chain.sets == (FOUR.set,)
    assert chain_from(Signers.make(1)).set_of(blocks[0]) is None
    assert block_id_of(blocks[0].block) == blocks[0].id
