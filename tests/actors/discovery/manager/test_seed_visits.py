"""How often one node visits its seeds."""

from __future__ import annotations

from peerage.actors.discovery.manager.seed_visits import LONGEST_PAUSE_S, SeedVisits
from tests.actors.discovery.nodes import Clock


def pause_of(visits: SeedVisits, clock: Clock, seed: str = "a", *, alone: bool = False) -> int:
    """In how many seconds from now it may be visited."""
    began, seconds = clock.now, 0
    while not visits.may_begin(seed, alone=alone):
        clock.pass_by(1.0)
        seconds += 1
    clock.now = began
    return seconds


def test_the_pauses_double_while_visits_bring_nothing_new() -> None:
    """Up to some minutes."""
    clock = Clock()
    visits = SeedVisits(clock, period=30.0)
    pauses = []
    for _ in range(6):
        assert visits.may_begin("a")
        visits.begin("a")
        pauses.append(pause_of(visits, clock))
        clock.pass_by(pauses[-1])
    assert pauses == [30, 60, 120, 240, LONGEST_PAUSE_S, LONGEST_PAUSE_S]


def test_news_bring_the_pause_back_to_a_period() -> None:
    """Of any length before."""
    clock = Clock()
    visits = SeedVisits(clock, period=30.0)
    for _ in range(4):
        visits.begin("a")
    visits.bring_news("a")
    assert pause_of(visits, clock) == 30
    visits.bring_news("b")  # never visited: nothing to note


def test_who_has_no_peer_asks_every_period() -> None:
    """However little it brought."""
    clock = Clock()
    visits = SeedVisits(clock, period=30.0)
    for _ in range(4):
        visits.begin("a")
    assert pause_of(visits, clock, alone=True) == 30
    assert pause_of(visits, clock) == 240


def test_each_seed_has_its_own_pause_and_a_clock_set_back_lengthens_none() -> None:
    """If one seed knows nobody, the next may."""
    clock = Clock()
    visits = SeedVisits(clock, period=30.0)
    visits.begin("a")
    assert visits.may_begin("b")
    clock.pass_by(-3600.0)
    assert visits.may_begin("a")


def test_a_seed_of_another_network_is_left_alone_also_by_who_has_no_peer() -> None:
    """Longer each time, until a visit finds it otherwise."""
    clock = Clock()
    visits = SeedVisits(clock, period=30.0)
    pauses = []
    for _ in range(3):
        visits.begin("a")
        visits.let_be("a")
        pauses.append(pause_of(visits, clock, alone=True))
        clock.pass_by(pauses[-1])
    assert pauses == [30, 60, 120]
    visits.begin("a")
    assert pause_of(visits, clock, alone=True) == 30
    visits.let_be("b")  # never visited: nothing to note
