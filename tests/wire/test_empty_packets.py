"""How many packets with little or no data a peer may send, and what becomes of one that sends more."""

from __future__ import annotations

import pytest

from peerage.wire.empty_packets import BURST, PAUSE_S, PAUSES, PER_S, EmptyPacketBudget
from peerage.wire.errors import EmptyPacketFloodError


def test_who_keeps_to_the_rate_is_read_for_ever() -> None:
    budget = EmptyPacketBudget(0.0)
    for second in range(10_000):
        budget.spend(int(PER_S), float(second))
        assert budget.may_read(float(second))


def test_what_gathered_while_nobody_read_is_no_flood() -> None:
    """Six hours of pings, one a minute, and of unasked pongs, three a minute, come in one read."""
    budget = EmptyPacketBudget(0.0)
    budget.spend(4 * 60 * 4, 0.0)
    assert budget.may_read(0.0)
    assert budget.paused_until is None


def test_one_packet_too_many_is_a_pause() -> None:
    budget = EmptyPacketBudget(0.0)
    budget.spend(BURST, 0.0)
    assert budget.may_read(0.0)
    budget.spend(1, 0.0)
    assert not budget.may_read(0.0)
    assert budget.paused_until == PAUSE_S
    assert not budget.may_read(PAUSE_S - 0.001)
    assert budget.may_read(PAUSE_S)


def test_a_million_packets_are_one_pause_as_well() -> None:
    """A peer that stops then is not left unread until it has paid for all of them: its pongs lie behind them."""
    budget = EmptyPacketBudget(0.0)
    budget.spend(10**6, 0.0)
    assert budget.may_read(PAUSE_S)
    budget.spend(int(PER_S), PAUSE_S)
    assert budget.may_read(PAUSE_S)


def test_what_comes_during_a_pause_is_no_further_one() -> None:
    """It was read already."""
    budget = EmptyPacketBudget(0.0)
    for _ in range(100):
        budget.spend(BURST, 0.0)
    assert budget.pauses == 1


def flood(budget: EmptyPacketBudget, began: float) -> float:
    """Send on, whenever it is read, until all pauses are used up. Returns: the time."""
    now = began
    for _ in range(PAUSES):
        budget.spend(2 * BURST, now)
        assert not budget.may_read(now)
        now += PAUSE_S
        assert budget.may_read(now)
    return now


def test_who_goes_on_after_all_pauses_is_ended_and_told_why() -> None:
    budget = EmptyPacketBudget(0.0)
    now = flood(budget, 0.0)
    with pytest.raises(EmptyPacketFloodError) as caught:
        budget.spend(2 * BURST, now)
    assert caught.value.packets == 2 * BURST * (PAUSES + 1)
    assert caught.value.seconds == PAUSES * PAUSE_S
    assert caught.value.allowed == PER_S


def test_a_flood_that_is_over_is_forgotten_when_the_budget_is_whole_again() -> None:
    """No pause of an hour ago counts against a peer that once had reason."""
    budget = EmptyPacketBudget(0.0)
    now = flood(budget, 0.0) + BURST / PER_S
    for _ in range(5):
        now = flood(budget, now) + BURST / PER_S
