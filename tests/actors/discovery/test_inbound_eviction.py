"""Whose place a newcomer gets when all inbound places are taken."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peerage.actors.discovery import inbound_eviction as module
from peerage.actors.discovery.inbound_eviction import (
    GRACE_S,
    PATIENCE_S,
    TURN_S,
    InboundEviction,
    InboundPeer,
    Turns,
    best_serving,
)

EVICTION = InboundEviction(b"salt")
OLD = 1000.0


def peers_of(group: str, count: int, age: float = OLD, idle: float = math.inf) -> list[InboundPeer]:
    """Peers of one group; each is a second younger than the one before."""
    return [InboundPeer(f"{group}-{index:02}", group, age - index, idle=idle) for index in range(count)]


def everywhere(count: int, age: float = OLD, idle: float = math.inf) -> list[InboundPeer]:
    """Peers of as many groups."""
    return [
        InboundPeer(f"peer-{index:02}", f"group-{index}", age - index, idle=idle) for index in range(count)
    ]


def test_the_youngest_of_the_fullest_group_goes() -> None:
    """Also if peers of other groups are younger."""
    crowd = peers_of("crowd", 12, age=98.0, idle=1.0)
    others = everywhere(8, age=90.0, idle=1.0)
    assert min(others, key=lambda peer: peer.age).age < crowd[-1].age
    victim = EVICTION.choose([*crowd, *others], "elsewhere")
    assert victim == crowd[-1]


def test_those_that_serve_best_are_one_in_ten_for_latency_and_one_in_five_for_use() -> None:
    """Nobody of whom nothing was measured; beside those that are spared anyway."""
    latencies = {"a": 3.0, "b": 1.0, **dict.fromkeys("cdefghij", math.inf)}
    idle = {"a": 9.0, "c": 5.0, "d": 7.0, **dict.fromkeys("befghij", math.inf)}
    assert best_serving(latencies, latencies.__getitem__, idle.__getitem__) == {"b", "c", "d"}
    assert best_serving(latencies, latencies.__getitem__, idle.__getitem__, beside="bc") == {*"abcd"}
    assert best_serving("abcd", latencies.__getitem__, idle.__getitem__) == set()


def test_order_makes_no_difference() -> None:
    """The same peers, the same victim."""
    peers = [*peers_of("a", 9), *peers_of("b", 9), *everywhere(9)]
    victim = EVICTION.choose(peers, "elsewhere")
    for seed in range(5):
        assert EVICTION.choose(random.Random(seed).sample(peers, len(peers)), "elsewhere") == victim


def test_a_full_house_of_useful_peers_stays_as_it_is() -> None:
    """A newcomer that adds nothing to the spread of groups is turned away, as often as it comes."""
    peers = everywhere(40, idle=30.0)
    assert EVICTION.choose(peers, "elsewhere") is None
    assert EVICTION.choose(peers, peers[0].group) is None


def test_a_newcomer_of_the_fullest_group_replaces_no_useful_peer() -> None:
    """Whoever has most places already does not get more, nor changes its own useful ones for others."""
    peers = [*peers_of("crowd", 20, idle=5.0), *everywhere(20, idle=5.0)]
    assert EVICTION.choose(peers, "crowd") is None
    assert EVICTION.choose(peers, "elsewhere") is not None


def test_a_newcomer_of_the_fullest_group_takes_no_place_of_another() -> None:
    """However useless that other is."""
    kept = [InboundPeer(f"kept-{index}", "crowd", OLD, is_kept=True) for index in range(10)]
    assert EVICTION.choose([*kept, *everywhere(10)], "crowd") is None


def test_a_peer_that_was_never_of_use_gives_way() -> None:
    """Also if nothing is gained in spread: places are for those who do something with them."""
    peers = everywhere(40)
    assert EVICTION.choose(peers, "elsewhere") is not None
    assert EVICTION.choose(peers, "group-1") is not None


def test_within_a_group_only_those_give_way_that_have_had_their_time() -> None:
    """So a flood from one group changes no more places in a second than it could fill with patience."""
    young = [InboundPeer(f"new-{index}", "crowd", PATIENCE_S - 0.01) for index in range(20)]
    assert EVICTION.choose(young, "crowd") is None
    old = peers_of("crowd", 20, age=PATIENCE_S + 30.0)
    assert EVICTION.choose(old, "crowd") is not None


def test_in_a_flood_every_newcomer_has_as_long_as_there_is() -> None:
    """Not the very youngest goes, whose first message may be on its way, but whose grace is nearly over."""
    assert GRACE_S > 1.0
    young = [InboundPeer(f"new-{index}", f"group-{index}", 0.1 * index) for index in range(10)]
    victim = EVICTION.choose(young, "elsewhere")
    assert victim is not None
    assert victim.age > min(peer.age for peer in young)


def test_the_operators_peers_never_go() -> None:
    """There may be nobody else."""
    kept = [InboundPeer(f"kept-{index}", "crowd", 1.0, is_kept=True) for index in range(20)]
    assert EVICTION.choose(kept, "elsewhere") is None
    other = InboundPeer("other", "other", 1.0)
    assert EVICTION.choose([*kept, other], "elsewhere") == other


def test_each_measure_spares_its_share() -> None:
    """Of the nearest and of the most useful, none goes before all others have gone, however young it is."""
    crowd = peers_of("crowd", 40)
    near = [InboundPeer(f"near-{index}", "crowd", 0.5, latency=0.001) for index in range(5)]
    useful = [InboundPeer(f"useful-{index}", "crowd", 0.5, idle=0.1) for index in range(10)]
    present = [*crowd, *near, *useful]
    # 55 peers: 5 are spared for their latency and 11 for their use, as long as there are as many
    while (victim := EVICTION.choose(present, "elsewhere")) is not None and len(present) > 50:
        assert victim in crowd
        present.remove(victim)


def test_half_of_the_rest_is_spared_for_its_age() -> None:
    """One after the other, newcomers replace no more than half of those that were there."""
    residents = everywhere(40)
    present = list(residents)
    for index in range(200):
        newcomer = InboundPeer(f"new-{index:03}", f"other-{index}", 0.001 * (200 - index))
        victim = EVICTION.choose(present, newcomer.group)
        assert victim is not None
        present[present.index(victim)] = newcomer
    assert len(set(residents) & set(present)) >= 18


def test_whoever_was_never_of_use_goes_first() -> None:
    """One after the other, however old: useful newcomers replace them all, but for those that are spared by lot."""
    present = [*everywhere(30, age=5000.0), *peers_of("crowd", 10, age=10.0, idle=1.0)]
    useless = set(present[:30])
    for index in range(26):
        newcomer = InboundPeer(f"new-{index:03}", f"other-{index}", 1.0, idle=0.5)
        victim = EVICTION.choose(present, newcomer.group)
        assert victim in useless
        present[present.index(victim)] = newcomer


def test_a_group_takes_turns() -> None:
    """One place of a useless peer in so many seconds; what spreads the peers needs no turn."""
    turns = Turns()
    assert turns.has("a", 0.0)
    turns.take("a", 10.0)
    assert (turns.has("a", 10.0 + TURN_S - 0.1), turns.has("b", 10.0)) == (False, True)
    assert turns.has("a", 10.0 + TURN_S)
    useless = EVICTION.outlook(everywhere(20))
    assert (useless.victim_for("a", has_turn=False), useless.victim_for("a") is None) == (None, False)
    assert EVICTION.outlook(peers_of("crowd", 20)).victim_for("a", has_turn=False) is not None


def test_turns_are_forgotten_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """No flood of groups fills the memory."""
    monkeypatch.setattr(module, "MOST_TURNS", 2)
    turns = Turns()
    for group in ("a", "b", "a", "c"):
        turns.take(group, 0.0)
    assert [turns.has(group, 0.0) for group in "abc"] == [False, True, False]


def test_age_spares_no_crowd() -> None:
    """Whoever came first with many is no better protected than others: those go until no group has more than the rest."""
    crowd = peers_of("crowd", 20, age=5000.0)
    present = [*crowd, *everywhere(20, age=100.0, idle=1.0)]
    for index in range(16):
        newcomer = InboundPeer(f"new-{index:03}", f"other-{index}", 1.0, idle=0.5)
        victim = EVICTION.choose(present, newcomer.group)
        assert victim in crowd
        present[present.index(victim)] = newcomer


def test_which_groups_are_spared_is_a_secret() -> None:
    """It depends on the salt, and nobody else knows it."""
    peers = [InboundPeer(f"peer-{index:02}", f"group-{index}", 1.0 + index / 1000) for index in range(20)]

    def goes(salt: bytes) -> str:
        victim = InboundEviction(salt).choose(peers, "elsewhere")
        assert victim is not None
        return victim.id

    assert {goes(bytes([index])) for index in range(50)} != {goes(b"\0")}


def test_few_places_are_no_exception() -> None:
    """Even a single one."""
    assert EVICTION.choose([], "elsewhere") is None
    alone = InboundPeer("alone", "a", OLD)
    assert EVICTION.choose([alone], "elsewhere") == alone
    assert EVICTION.choose([InboundPeer("alone", "a", OLD, idle=3.0)], "elsewhere") is None


PEERS = st.lists(
    st.builds(
        InboundPeer,
        st.uuids().map(str),
        st.sampled_from("abcdef"),
        st.floats(0, 1e6),
        st.one_of(st.just(math.inf), st.floats(0, 10)),
        st.one_of(st.just(math.inf), st.floats(0, 1e6)),
        st.booleans(),
    ),
    max_size=60,
    unique_by=lambda peer: peer.id,
)


@given(PEERS, st.sampled_from("abcdefg"))
def test_an_exchange_makes_no_group_fuller_than_the_one_it_takes_from(
    peers: list[InboundPeer], group: str
) -> None:
    """Whatever the peers are, and whoever comes."""
    victim = EVICTION.choose(peers, group)
    if victim is not None:
        assert victim in peers
        assert not victim.is_kept
        before = [peer.group for peer in peers]
        after = [*before, group]
        after.remove(victim.group)
        assert after.count(group) <= before.count(victim.group) + (group != victim.group)
        if math.isfinite(victim.idle):
            assert sum(after.count(each) ** 2 for each in set(after)) < sum(
                before.count(each) ** 2 for each in set(before)
            )
