"""How often a peer may ask."""

from __future__ import annotations

import pytest

from peerage.actors.discovery.book.facts import Fact, FactKind
from peerage.actors.discovery.book.timestamps import nanoseconds
from peerage.actors.discovery.manager.exchange import REQUESTS_PER_PERIOD
from peerage.actors.discovery.manager.request_rate import (
    FORGET_AFTER_INTERVALS,
    FORGOTTEN_AFTER_S,
    MAX_EARLY,
    MAX_IDS,
    RequestRate,
)
from peerage.actors.discovery.manager.settings import Pace
from tests.actors.discovery.nodes import Clock, node_id

PEER = node_id(1)


def rate(clock: Clock) -> RequestRate:
    return RequestRate(clock, 10.0)


def test_two_requests_are_free_and_the_third_has_to_wait() -> None:
    """An interval after the last one that was in time."""
    clock = Clock()
    judge = rate(clock)
    assert judge.allow(PEER)
    assert judge.allow(PEER)
    assert not judge.allow(PEER)
    clock.pass_by(9.9)
    assert not judge.allow(PEER)
    clock.pass_by(0.1)
    assert judge.allow(PEER)
    assert not judge.allow(PEER)


def test_ids_are_told_of_which_there_is_a_record() -> None:
    """When they ask, in time or not, and after a restart."""
    noted: list[str] = []
    judge = RequestRate(Clock(), 10.0, noted.append)
    for _ in range(3):
        judge.allow(PEER)
    assert noted == [PEER] * 3
    facts = judge.drain()
    noted.clear()
    RequestRate(Clock(), 10.0, noted.append).restore([*facts, Fact(FactKind.GROUP, "1.2", (1, 1))])
    assert noted == [PEER]


def test_a_minute_is_six_intervals_of_a_node() -> None:
    """Peer hosts remember for as long who has asked."""
    interval = Pace().ensure_period / REQUESTS_PER_PERIOD
    assert interval * FORGET_AFTER_INTERVALS == FORGOTTEN_AFTER_S


def test_who_was_quiet_for_a_minute_begins_anew() -> None:
    """With two free requests."""
    clock = Clock()
    judge = rate(clock)
    assert [judge.allow(PEER) for _ in range(3)] == [True, True, False]
    clock.pass_by(10.0 * FORGET_AFTER_INTERVALS)
    assert [judge.allow(PEER) for _ in range(3)] == [True, True, False]


def test_who_comes_early_is_told_how_long_to_wait_and_nothing_is_kept_of_it() -> None:
    """Its connection may end before; only an answer counts."""
    clock = Clock()
    rate = RequestRate(clock, 10.0)
    assert [rate.wait("a") for _ in range(4)] == [0.0, 0.0, 10.0, 10.0]
    clock.pass_by(4.0)
    assert rate.wait("a") == 6.0
    clock.pass_by(6.0)
    rate.answered("a")
    clock.pass_by(5.0)
    assert rate.wait("a") == 5.0
    clock.now -= 3600.0  # set back: nobody is to blame
    assert rate.wait("a") == 0.0


def test_many_early_connections_within_an_interval_are_a_flood_and_one_offence() -> None:
    """The first costs no more than connections; those of a later interval are banned, for longer each time."""
    clock = Clock()
    rate = RequestRate(clock, 10.0)
    assert [rate.wait(PEER) for _ in range(2)] == [0.0, 0.0]
    assert [rate.flood(PEER) for _ in range(MAX_EARLY)] == [None] * MAX_EARLY
    assert [rate.flood(PEER) for _ in range(3)] == [0.0, 0.0, 0.0]
    for ban in (60.0, 120.0):
        clock.pass_by(10.0)
        assert rate.wait(PEER) == 0.0
        assert [rate.flood(PEER) for _ in range(MAX_EARLY)] == [None] * MAX_EARLY
        assert [rate.flood(PEER) for _ in range(3)] == [ban, 0.0, 0.0]


def test_a_node_that_is_started_again_every_second_is_no_flood() -> None:
    """For an hour; it is answered every ten seconds."""
    clock = Clock()
    rate = RequestRate(clock, 10.0)
    answered = 0
    for _ in range(3600):
        if rate.wait(PEER):
            assert rate.flood(PEER) is None
        else:
            answered += 1
        clock.pass_by(1.0)
    assert answered <= 3600 / 10 + 2


def test_each_id_counts_by_itself() -> None:
    """One that asks too often does not harm the others."""
    judge = rate(Clock())
    assert [judge.allow(PEER) for _ in range(3)] == [True, True, False]
    assert judge.allow(node_id(2))


@pytest.mark.parametrize("pause", [10.0, 30.0, 59.0, 61.0])
def test_regular_askers_are_never_too_soon(pause: float) -> None:
    """For an hour, whatever their period."""
    clock = Clock()
    judge = rate(clock)
    while clock.now < 1_700_000_000.0 + 3600.0:
        assert judge.allow(PEER)
        clock.pass_by(pause)


def test_a_clock_set_back_blames_nobody() -> None:
    """The time between two requests is not known then."""
    clock = Clock()
    judge = rate(clock)
    for _ in range(2):
        judge.allow(PEER)
    clock.pass_by(-3600.0)
    assert judge.allow(PEER)


def test_the_first_offence_is_not_banned_and_bans_double_up_to_a_day() -> None:
    """A minute first."""
    clock = Clock()
    judge = rate(clock)
    bans = []
    for _ in range(15):
        bans.append(judge.strike(PEER))
        clock.pass_by(60.0)
    assert bans[:5] == [0.0, 60.0, 120.0, 240.0, 480.0]
    assert bans[-1] == 24 * 3600.0


def test_offences_are_forgiven_after_a_day() -> None:
    """The next one is the first again."""
    clock = Clock()
    judge = rate(clock)
    assert [judge.strike(PEER) for _ in range(3)] == [0.0, 60.0, 120.0]
    clock.pass_by(24 * 3600.0)
    assert judge.strike(PEER) == 0.0


def test_memory_is_bounded() -> None:
    """Who asked longest ago is forgotten; IDs cost an attacker nothing."""
    judge = rate(Clock())
    for number in range(MAX_IDS + 10):
        judge.allow(node_id(number))
    assert len(judge) == MAX_IDS


def test_a_restart_forgets_nothing() -> None:
    """Times and strikes go on from what was drained and restored."""
    clock = Clock()
    rate = RequestRate(clock, 10.0)
    assert [rate.allow(node_id(1)) for _ in range(3)] == [True, True, False]
    assert [rate.strike(node_id(1)) for _ in range(2)] == [0.0, 60.0]
    facts = rate.drain()
    assert rate.drain() == []
    again = RequestRate(clock, 10.0)
    again.restore(facts)
    assert not again.allow(node_id(1))
    assert again.strike(node_id(1)) == 120.0
    clock.pass_by(10.5)
    assert again.allow(node_id(1))


def test_a_turn_to_come_that_an_earlier_version_kept_is_no_offence() -> None:
    """Nobody waits for longer than an interval, whatever the store says."""
    clock = Clock()
    rate = RequestRate(clock, 10.0)
    rate.restore([Fact(FactKind.ASKED, PEER, (3, nanoseconds(clock() + 3600.0), 0, 0))])
    assert rate.wait(PEER) == 10.0
