"""Requests by group of IP addresses."""

from __future__ import annotations

from peerage.actors.discovery.book.facts import Fact, FactKind
from peerage.actors.discovery.manager import group_rate
from peerage.actors.discovery.manager.group_rate import GroupRate
from tests.actors.discovery.nodes import Clock


def test_a_burst_and_then_so_many_a_second() -> None:
    """Each group for itself."""
    clock = Clock()
    rate = GroupRate(clock, burst=5, per_second=2.0)
    assert [rate.allow("1.2") for _ in range(6)] == [True] * 5 + [False]
    assert rate.allow("1.3")
    clock.pass_by(1.0)
    assert [rate.allow("1.2") for _ in range(3)] == [True, True, False]
    clock.pass_by(-100.0)
    assert not rate.allow("1.2")
    clock.pass_by(0.5)
    assert rate.allow("1.2")


def test_a_group_with_few_requests_left_is_scarce_until_it_has_more() -> None:
    """Those that are forgotten are not."""
    clock = Clock()
    rate = GroupRate(clock, burst=66, per_second=1.0)
    assert rate.allow("1.2")
    assert rate.scarce() == frozenset()
    for _ in range(3):
        rate.allow("1.3")
    assert rate.scarce() == {"1.3"}
    clock.pass_by(1.0)
    assert rate.scarce() == frozenset()
    for _ in range(3):
        rate.allow("1.3")
    for number in range(group_rate.MAX_GROUPS):
        rate.allow(str(number))
    assert rate.scarce() == frozenset()


def test_a_restart_forgets_nothing() -> None:
    """What was drained is where the next one goes on."""
    clock = Clock()
    rate = GroupRate(clock, burst=2, per_second=0.001)
    while rate.allow("1.2"):
        pass
    facts = rate.drain()
    assert rate.drain() == []
    again = GroupRate(clock, burst=2, per_second=0.001)
    again.restore([*facts, Fact(FactKind.ASKED, "1.3", (0, 0))])
    assert not again.allow("1.2")
    assert again.allow("1.3")


def test_memory_is_bounded() -> None:
    """Who asked longest ago is forgotten, also where it was kept."""
    rate = GroupRate(Clock())
    for number in range(group_rate.MAX_GROUPS + 1):
        rate.allow(str(number))
    assert len(rate) == group_rate.MAX_GROUPS
    assert Fact(FactKind.GROUP, "0") in rate.drain()
