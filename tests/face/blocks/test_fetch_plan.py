"""The plan: what is asked of whom, within which bounds, and who is let go."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.blocks.fetch_plan import MAX_REFUSALS, FetchLimits, FetchPlan

SMALL = FetchLimits(per_peer=3, window=8, held_bytes=10**9)


def plan(
    peers: dict[str, tuple[int, int]], last: int | None = None, limits: FetchLimits = SMALL
) -> FetchPlan:
    """One in which each peer has said which blocks it has."""
    made = FetchPlan(1, last, limits)
    for name, (base, height) in peers.items():
        made.join(name, 0.0)
        assert made.says(name, base, height, 0.0) == ""
    return made


def asked(made: FetchPlan, now: float = 0.0) -> list[tuple[str, int]]:
    return list(made.requests(now))


def test_the_lowest_blocks_are_asked_for_first_and_spread() -> None:
    """Each peer for a few at a time."""
    made = plan({"a": (1, 100), "b": (1, 100)})
    requests = asked(made)
    assert [height for _, height in requests] == [1, 2, 3, 4, 5, 6]
    assert Counter(peer for peer, _ in requests) == {"a": 3, "b": 3}
    assert asked(made) == []


def test_nobody_is_asked_before_it_has_said_what_it_has() -> None:
    """Nor for what it has not."""
    made = plan({"a": (4, 6)})
    made.join("b", 0.0)
    assert asked(made) == [("a", 4), ("a", 5), ("a", 6)]
    assert not made.all_have_said
    assert (made.reach, made.highest, made.lowest_base) == (0, 6, 4)
    made.says("b", 1, 2, 0.0)
    assert asked(made) == [("b", 1), ("b", 2)]
    assert made.reach == 2


def test_nothing_beyond_the_window_or_the_end_is_asked_for() -> None:
    """However many peers there are."""
    many = {str(number): (1, 100) for number in range(10)}
    assert max(height for _, height in asked(plan(many))) == 8
    assert max(height for _, height in asked(plan(many, last=5))) == 5


def test_a_proved_block_makes_room() -> None:
    """The window moves with it."""
    made = plan({"a": (1, 100), "b": (1, 100), "c": (1, 100)})
    (peer,) = (peer for peer, height in asked(made) if height == 1)
    assert made.arrived(peer, 1, 100, 1.0) is True
    assert asked(made, 1.0) == []
    made.proved()
    assert asked(made, 1.0) == [(peer, 9)]


def test_held_bytes_are_bounded_but_for_the_next_two() -> None:
    """Large blocks are asked for one after the other, not by the window."""
    limits = FetchLimits(per_peer=100, window=100, held_bytes=5 * 1024 * 1024)
    made = plan({"a": (1, 1000)}, limits=limits)
    assert [height for _, height in asked(made)] == [1, 2, 3, 4, 5]  # taken for 1 MiB each
    for height in range(1, 6):
        made.arrived("a", height, 4 * 1024 * 1024, 0.0)
    assert asked(made) == []
    assert made.bytes_here == 20 * 1024 * 1024
    made.proved()
    made.proved()
    made.proved()
    made.proved()
    assert [height for _, height in asked(made)] == [6]


def test_small_blocks_are_soon_taken_for_small() -> None:
    """So that many of them are on their way."""
    limits = FetchLimits(per_peer=1000, window=1000, held_bytes=5 * 1024 * 1024)
    made = plan({"a": (1, 10_000)}, limits=limits)
    for height in range(1, 500):
        asked(made)
        assert made.arrived("a", height, 200, 0.0)
        made.proved()
    assert made.on_their_way > 500


def test_what_a_lost_peer_was_asked_for_is_asked_of_others() -> None:
    """What it gave is kept."""
    made = plan({"a": (1, 3)})
    asked(made)
    made.arrived("a", 2, 10, 0.0)
    made.leave("a")
    made.join("b", 1.0)
    made.says("b", 1, 3, 1.0)
    assert asked(made, 1.0) == [("b", 1), ("b", 3)]


def test_a_worthless_block_is_wanted_again() -> None:
    """As if it had not come."""
    made = plan({"a": (1, 2)})
    asked(made)
    made.arrived("a", 1, 10, 0.0)
    made.discard(1)
    assert asked(made) == [("a", 1)]
    assert made.bytes_here == 0


def test_a_block_that_nobody_asked_for_is_told() -> None:
    """None is neither yes nor no."""
    made = plan({"a": (1, 2), "b": (1, 2)})
    assert made.arrived("a", 7, 10, 0.0) is None
    assert made.arrived("stranger", 1, 10, 0.0) is None
    assert made.knows("a")
    assert not made.knows("stranger")


@pytest.mark.parametrize(("base", "height"), [(3, 2), (-1, 2), (0, -1), (1, 2**63)])
def test_impossible_statuses_are_told(base: int, height: int) -> None:
    """As CometBFT ends such a connection."""
    made = plan({"a": (0, 0)})
    assert made.says("a", base, height, 0.0) == f"it says that it has blocks {base} to {height}"


def test_a_peer_that_has_not_what_it_says_is_let_go() -> None:
    """Not at once: honest ones drop old blocks meanwhile. What it lacks is asked of others."""
    made = plan({"a": (1, 100)})
    asked(made)
    assert [made.refused("a", height, 0.0) for height in range(1, MAX_REFUSALS)] == [""] * (MAX_REFUSALS - 1)
    assert "it has no block 3, and says that it has 1 to 100" in made.refused("a", MAX_REFUSALS, 0.0)
    assert made.refused("a", 50, 0.0) == ""  # which it was not asked for
    made.join("b", 0.0)
    made.says("b", 1, 100, 0.0)
    assert {height for peer, height in asked(made) if peer == "b"} == {1, 2, 3}


def test_the_silent_and_the_slow_are_overdue() -> None:
    """Who says nothing at all, and who gives nothing of what it was asked for; not who has nothing to do."""
    made = plan({"slow": (1, 100), "idle": (500, 600)})
    made.join("silent", 0.0)
    asked(made)
    assert made.overdue(14.9) == []
    assert dict(made.overdue(15.0)) == {
        "slow": "it gave nothing for 15 s when asked for block 1",
        "silent": "it did not say which blocks it has within 15 s",
    }
    made.arrived("slow", 2, 10, 14.0)
    assert [peer for peer, _ in made.overdue(20.0)] == ["silent"]


def test_the_block_that_all_wait_for_is_asked_of_a_second_peer() -> None:
    """After two seconds; whichever comes first is taken, and the other is no fault."""
    made = plan({"a": (1, 100)}, limits=FetchLimits(per_peer=4, window=2))
    assert asked(made) == [("a", 1), ("a", 2)]
    made.join("b", 0.0)
    made.says("b", 1, 100, 0.0)
    assert asked(made, 1.9) == []
    assert asked(made, 2.0) == [("b", 1), ("b", 2)]
    assert asked(made, 9.0) == []
    assert made.arrived("b", 1, 10, 2.1) is True
    assert made.arrived("a", 1, 10, 2.2) is False


def test_a_file_of_ours_is_asked_first() -> None:
    """It is nearer than any peer."""
    made = plan({"a": (1, 100)})
    made.join("file", 0.0, is_own=True)
    made.says("file", 1, 3, 0.0)
    assert [height for peer, height in asked(made) if peer == "file"] == [1, 2, 3]


@given(st.integers(0, 2**32))
@settings(max_examples=50)
def test_whatever_happens_all_blocks_come(seed: int) -> None:
    """Peers come and go, refuse, and give worthless blocks: nobody is asked twice for a height, the bounds hold, and with an
    honest one there, the end is reached.
    """
    rng = random.Random(seed)
    made = plan({"honest": (1, 30)}, last=30)
    under_way: list[tuple[str, int]] = []
    here: set[int] = set()

    def lose(peer: str) -> None:
        made.leave(peer)
        under_way[:] = [each for each in under_way if each[0] != peer]

    for step in range(400):
        now = step * 0.01
        for peer, height in made.requests(now):
            assert (peer, height) not in under_way
            assert height < made.next + SMALL.window
            under_way.append((peer, height))
        assert max(Counter(peer for peer, _ in under_way).values(), default=0) <= SMALL.per_peer
        what = rng.choice(("give", "join", "leave", "refuse", "spoil", "prove")) if step < 150 else "give"
        others = [each for each in under_way if each[0] != "honest"]
        if what == "join":
            made.join(f"p{step}", now)
            made.says(f"p{step}", 1, rng.randint(1, 30), now)
        elif what == "leave" and others:
            lose(rng.choice(others)[0])
        elif what == "refuse" and others:
            each = rng.choice(others)
            under_way.remove(each)
            if made.refused(*each, now):
                lose(each[0])
        elif what == "spoil" and here:
            height = rng.choice(sorted(here))
            here.discard(height)
            made.discard(height)
        elif what == "give" and under_way:
            each = under_way.pop(rng.randrange(len(under_way)))
            if made.arrived(*each, 100, now):
                here.add(each[1])
        while (what == "prove" or step >= 150) and made.next in here:
            here.discard(made.next)
            made.proved()
    assert made.next == 31
