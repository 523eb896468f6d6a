"""A fetch without sockets: liars of every kind among honest peers are found and named, and every block is proved."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.blocks.block_id import block_id_of
from peerage.blocks.commit_check import check_commit
from peerage.blocks.fetch import Drop, Fetch
from peerage.blocks.fetch_plan import FetchLimits
from peerage.messages import types
from tests.face.blocks.made_chain import CHAIN_ID, Signers, chain_from, copy_of, make_chain, seal
from tests.face.blocks.recorded import VERSIONS, recorded

FOUR = Signers.make(10, 10, 10, 10)
BLOCKS = make_chain(30, FOUR)
STRANGERS = make_chain(30, Signers.make(1, 1, 1, 1, seed="strangers"))
ANOTHER = make_chain(30, FOUR, chain_id="another")

Gives = Callable[[int], types.Block | None]


def honest(height: int) -> types.Block | None:
    return BLOCKS[height - 1]


def run(fetch: Fetch, peers: dict[str, Gives], height: int = 30, now: float = 0.0) -> None:
    """Have everybody answer until nothing more is asked for."""
    for peer in peers:
        fetch.plan.join(peer, now)
        fetch.says(peer, 1, height, now)
    for _ in range(1000):
        requests = list(fetch.requests(now))
        for peer, wanted in requests:
            block = peers[peer](wanted)
            if block is None:
                fetch.refused(peer, wanted, now)
            else:
                fetch.arrived(peer, copy_of(block), block.ByteSize(), now)
        jobs, fetch.jobs[:] = list(fetch.jobs), []
        for job in jobs:
            commit = types.Commit.FromString(job.commit)
            fetch.checked({job.number: check_commit(CHAIN_ID, job.validators, job.height, commit)})
        if not requests and not jobs:
            return
    raise AssertionError("it does not come to an end")


def heights(fetch: Fetch) -> list[int]:
    return [each.height for each in fetch.proved]


def altered(change: Callable[[types.Block], object], *, is_sealed: bool = False) -> Gives:
    """Gives true blocks up to 8, and altered ones from then on."""

    def give(height: int) -> types.Block | None:
        block = copy_of(BLOCKS[height - 1])
        if height >= 9:
            change(block)
            if is_sealed:
                seal(block)
        return block

    return give


def forge(block: types.Block, count: int) -> None:
    for vote in block.last_commit.signatures[:count]:
        vote.signature = bytes(64)


LIARS: dict[str, tuple[Gives, str]] = {
    "altered transaction": (altered(lambda block: block.data.txs.append(b"mine")), "its data_hash is"),
    "altered transaction, sealed": (
        altered(lambda block: block.data.txs.append(b"mine"), is_sealed=True),
        "block 9: it is",
    ),
    "altered header": (altered(lambda block: setattr(block.header, "app_hash", b"mine")), "block 9: it is"),
    "altered time": (
        altered(lambda block: setattr(block.header.time, "nanos", 5)),
        "but the validators have signed",
    ),
    "forged signature": (altered(lambda block: forge(block, 1)), "its last_commit_hash is"),
    "forged signatures, sealed": (
        altered(lambda block: forge(block, 3), is_sealed=True),
        "block 9: its commit has 10 of 40 voting power",
    ),
    "one forged signature, sealed": (
        altered(lambda block: forge(block, 1), is_sealed=True),
        "block 9: it is",
    ),
    "altered round of the votes": (
        altered(lambda block: setattr(block.last_commit, "round", 4)),
        "block 9: its commit has 0 of 40 voting power",
    ),
    "wrong height": (lambda height: BLOCKS[height % 30], "which it was not asked for"),
    "wrong height inside": (
        altered(lambda block: setattr(block.header, "height", block.header.height + 1)),
        "block 10: its commit is of height 8",
    ),
    "another chain": (lambda height: ANOTHER[height - 1], "it is of chain 'another', expected 'made'"),
    "other validators": (lambda height: STRANGERS[height - 1], "block "),
    "no block": (lambda _height: None, "and says that it has 1 to 30"),
    "an empty block": (lambda _height: types.Block(), "height 0, which it was not asked for"),
    "unknown fields": (
        altered(lambda block: block.header.MergeFromString(b"\xf2\x07\x01x")),
        "block 9: it is",
    ),
}


@pytest.mark.parametrize("lie", LIARS)
def test_one_liar_among_four_is_found_and_named(lie: str) -> None:
    """It alone, with the lie; and all blocks are those of the network."""
    give, reason = LIARS[lie]
    peers: dict[str, Gives] = {"0": give, "1": honest, "2": honest, "3": honest}
    for only in (1, 3):
        fetch = Fetch(chain_from(FOUR), 28, FetchLimits(per_peer=only, window=4 * only))
        run(fetch, peers)
        assert heights(fetch) == list(range(1, 29))
        assert [each.id for each in fetch.proved] == [block_id_of(block) for block in BLOCKS[:28]]
        assert [each.encoded for each in fetch.proved] == [block.SerializeToString() for block in BLOCKS[:28]]
        assert fetch.is_done
        assert [drop.peer for drop in fetch.dropped] == ["0"]
        assert {each.giver for each in fetch.proved if each.height >= 9} <= {"1", "2", "3"}
    alone = Fetch(chain_from(FOUR), 28, FetchLimits(per_peer=2, window=4))
    run(alone, {"liar": give})
    assert not alone.is_done
    assert [(drop.peer, drop.is_liar) for drop in alone.dropped] == [("liar", True)]
    assert reason in alone.dropped[0].reason


def test_three_liars_do_not_outvote_an_honest_peer() -> None:
    """Nobody is believed for being many."""
    fetch = Fetch(chain_from(FOUR), 28, FetchLimits(per_peer=2, window=16))
    run(
        fetch, {str(number): (lambda height: STRANGERS[height - 1]) for number in range(3)} | {"true": honest}
    )
    assert heights(fetch) == list(range(1, 29))
    assert [each.id for each in fetch.proved] == [block_id_of(block) for block in BLOCKS[:28]]
    assert {drop.peer for drop in fetch.dropped} == {"0", "1", "2"}


def test_a_liar_that_has_left_is_named_all_the_same() -> None:
    """Its blocks are still here, and wrong."""
    fetch = Fetch(chain_from(FOUR), 5)
    fetch.plan.join("liar", 0.0)
    fetch.says("liar", 1, 2, 0.0)
    for _, height in list(fetch.requests(0.0)):
        fetch.arrived("liar", copy_of(STRANGERS[height - 1]), 100, 0.0)
    fetch.plan.leave("liar")
    run(fetch, {"true": honest})
    assert [drop.peer for drop in fetch.dropped] == ["liar"]
    assert heights(fetch) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("version", VERSIONS)
def test_cometbfts_chain_stops_at_a_change_and_goes_on_with_the_set(version: str) -> None:
    """The set is asked for once, by the height where it signs first."""
    chain = recorded(version)
    blocks = chain.blocks
    fetch = Fetch(chain.chain(), None)
    jobs = []

    def give(height: int) -> types.Block | None:
        return blocks[height - 1]

    def check() -> None:
        while fetch.jobs:
            jobs.extend(fetch.jobs)
            now, fetch.jobs[:] = list(fetch.jobs), []
            for job in now:
                commit = types.Commit.FromString(job.commit)
                fetch.checked({job.number: check_commit(chain.chain_id, job.validators, job.height, commit)})

    fetch.plan.join("comet", 0.0)
    fetch.says("comet", 1, len(blocks), 0.0)
    for peer, height in list(fetch.requests(0.0)):
        fetch.arrived(peer, copy_of(give(height) or types.Block()), 100, 0.0)
    check()
    assert fetch.wanted_set is not None
    changed_at, found = fetch.wanted_set.height, chain.sets[max(chain.sets)]
    assert changed_at == max(chain.sets)
    assert heights(fetch) == list(range(1, changed_at))
    fetch.add_set(found)
    check()
    assert heights(fetch) == list(range(1, len(blocks)))
    assert fetch.dropped == []
    assert fetch.signatures == sum(
        vote.block_id_flag != types.BLOCK_ID_FLAG_ABSENT
        for block in blocks
        for vote in block.last_commit.signatures
    )


def test_a_slow_peer_is_let_go_but_is_no_liar() -> None:
    """With what it was asked for."""
    fetch = Fetch(chain_from(FOUR), 5)
    fetch.plan.join("slow", 0.0)
    fetch.says("slow", 1, 30, 0.0)
    list(fetch.requests(0.0))
    fetch.look_at_clock(15.0)
    assert fetch.dropped == [Drop("slow", "it gave nothing for 15 s when asked for block 1", is_liar=False)]


def test_who_breaks_the_protocol_is_let_go() -> None:
    """Once, whatever it does then."""
    fetch = Fetch(chain_from(FOUR), 5)
    fetch.plan.join("rude", 0.0)
    fetch.part_with("rude", "it sent nonsense")
    fetch.arrived("rude", copy_of(BLOCKS[0]), 100, 0.0)
    assert fetch.dropped == [Drop("rude", "it sent nonsense", is_liar=True)]
    fetch.says("rude", 9, 1, 0.0)
    assert len(fetch.dropped) == 1


def test_it_is_done_with_the_last_block_and_asks_for_nothing_more() -> None:
    """The one after it was asked for, for the votes in it, and is not given out."""
    fetch = Fetch(chain_from(FOUR), 3)
    asked: list[int] = []

    def give(height: int) -> types.Block | None:
        asked.append(height)
        return BLOCKS[height - 1]

    run(fetch, {"true": give})
    assert (heights(fetch), sorted(asked), list(fetch.requests(0.0))) == ([1, 2, 3], [1, 2, 3, 4], [])


def test_without_a_last_block_it_proves_all_that_can_be() -> None:
    """The very last has nothing to prove it."""
    fetch = Fetch(chain_from(FOUR), None)
    run(fetch, {"true": honest})
    assert heights(fetch) == list(range(1, 30))
    assert not fetch.is_done


@given(st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_blocks_with_wrong_bytes_are_never_taken(seed: int) -> None:
    """Whatever is altered in a block's bytes, if it can be read at all, nothing raises, and nothing but the truth is proved:
    an altered block is proved only if it is read as the true one.
    """
    rng = random.Random(seed)

    def give(height: int) -> types.Block | None:
        encoded = bytearray(BLOCKS[height - 1].SerializeToString())
        for _ in range(rng.randint(1, 3)):
            where = rng.randrange(len(encoded))
            match rng.randrange(3):
                case 0:
                    encoded[where] ^= 1 << rng.randrange(8)
                case 1:
                    del encoded[where]
                case _:
                    encoded.insert(where, rng.randrange(256))
        try:
            return types.Block.FromString(bytes(encoded))
        except DecodeError:
            return None

    fetch = Fetch(chain_from(FOUR), 3, FetchLimits(per_peer=2, window=4))
    run(fetch, {"liar": give, "true": honest}, height=4)
    assert [each.encoded for each in fetch.proved] == [block.SerializeToString() for block in BLOCKS[:3]]
    assert "true" not in {drop.peer for drop in fetch.dropped}
