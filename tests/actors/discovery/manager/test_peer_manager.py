"""The decisions of ensure-peers (reference 8)."""

from __future__ import annotations

import itertools
import random

import pytest

from peerage.actors.discovery.book.choosing import Offer
from peerage.actors.discovery.book.policies import COMETBFT_RULES
from peerage.actors.discovery.manager.peer_manager import BAN_S, Connected, PeerManager, Plan, Round, Verdict
from peerage.wire.net_address import NetAddress
from tests.actors.discovery.nodes import Clock, address, filled, node_id


def manager(clock: Clock | None = None, max_outbound: int = 10) -> PeerManager:
    return PeerManager(clock=clock or Clock(), rng=random.Random(1), max_outbound=max_outbound)


def offer(*numbers: int, needs_more: bool = True) -> Offer:
    return Offer(tuple(map(address, numbers)), needs_more, len(numbers))


def nobody(_address: NetAddress) -> bool:
    return False


def decided(by: PeerManager, of: Offer, wanted: int = 10, *, early: bool = False) -> Round:
    return by.decide(
        Plan(wanted, 3 * wanted, 10), of, busy=nobody, persistent=nobody, peers=[node_id(77)], early=early
    )


@pytest.mark.parametrize(
    ("outbound", "dialling", "expected"),
    [
        (0, 0, Plan(10, 30, 10)),
        (3, 2, Plan(5, 15, 40)),
        (8, 0, Plan(2, 6, 90)),
        (9, 0, Plan(1, 3, 90)),
        (10, 0, None),
        (4, 9, None),
    ],
)
def test_a_round_wants_what_is_missing(outbound: int, dialling: int, expected: Plan | None) -> None:
    """Three picks for each, and more new ones the more peers there are."""
    assert manager().plan(outbound=outbound, dialling=dialling) == expected


def test_the_first_round_is_at_once_only_without_peers() -> None:
    """Else after a random part of the period."""
    assert manager().first_round_delay(outbound=0, inbound=0, dialling=0) == 0.0
    delays = {manager().first_round_delay(outbound=0, inbound=1, dialling=0) for _ in range(3)}
    assert all(0.0 < delay < 30.0 for delay in delays)


def test_as_many_are_dialled_as_are_wanted() -> None:
    """In the order of the offer, each ID once."""
    assert decided(manager(), offer(1, 2, 1, 3, 4), wanted=3).dial == (address(1), address(2), address(3))


def test_who_is_connected_or_being_dialled_is_left_out() -> None:
    """The switch knows."""
    chosen = manager().decide(
        Plan(10, 30, 10),
        offer(1, 2, 3),
        busy=lambda known: known.id == node_id(2),
        persistent=nobody,
        peers=[],
    )
    assert chosen.dial == (address(1), address(3))


def test_an_address_that_failed_waits_and_is_given_up_in_the_end() -> None:
    """After 17 failures it is to be banned, and tried anew once reinstated; seeds are dialled meanwhile."""
    clock = Clock()
    dials = manager(clock)
    for _ in range(16):
        assert dials.dial_failed(address(1)) == 0.0
        waiting = decided(dials, offer(1))
        assert waiting.dial == ()
        assert waiting.seeds
        clock.pass_by(2.0**17)
    dials.dial_failed(address(1))
    given_up = decided(dials, offer(1))
    assert given_up.give_up == (address(1),)
    assert given_up.dial == ()
    assert decided(dials, offer(1)).dial == (address(1),)


def test_a_persistent_peer_is_never_given_up() -> None:
    """It only waits."""
    clock = Clock()
    dials = manager(clock)
    for _ in range(30):
        dials.dial_failed(address(1))
    clock.pass_by(2.0**17)
    chosen = dials.decide(Plan(1, 3, 10), offer(1), busy=nobody, persistent=lambda _known: True, peers=[])
    assert chosen.dial == (address(1),)


def test_success_clears_failures() -> None:
    """And so does an authentication failure, which bans."""
    dials = manager()
    dials.dial_failed(address(1))
    assert dials.may_dial(address(1)) is Verdict.WAIT
    dials.dial_succeeded(address(1))
    assert dials.may_dial(address(1)) is Verdict.DIAL
    dials.dial_failed(address(1))
    assert dials.dial_failed(address(1), authentication=True) == BAN_S
    assert dials.may_dial(address(1)) is Verdict.DIAL


def test_one_peer_is_asked_when_the_book_needs_more() -> None:
    """Not on an early round, which a seed's answer triggered."""
    assert decided(manager(), offer(1)).ask == node_id(77)
    assert decided(manager(), offer(1), early=True).ask is None
    assert decided(manager(), offer(1, needs_more=False)).ask is None


def test_seeds_are_dialled_when_there_is_nobody_else() -> None:
    """And the book needs more."""
    assert decided(manager(), offer()).seeds
    assert not decided(manager(), offer(1)).seeds
    assert not decided(manager(), offer(needs_more=False)).seeds


def test_a_book_and_a_manager_find_enough_peers() -> None:
    """Together, round by round, with a book of which most are dead."""
    clock = Clock()
    known = filled(new=300, old=20, clock=clock)
    dials = manager(clock)
    connected: dict[str, NetAddress] = {}
    for _ in range(60):
        plan = dials.plan(outbound=len(connected), dialling=0)
        if plan is None:
            break
        chosen = dials.decide(
            plan,
            known.dials.offer(plan.bias, plan.picks),
            busy=lambda candidate: candidate.id in connected,
            persistent=nobody,
            peers=[],
        )
        for candidate in chosen.dial:
            if int(candidate.id, 16) % 8 == 0:  # the others are dead
                connected[candidate.id] = candidate
                dials.dial_succeeded(candidate)
                known.mark_good(candidate.id)
            else:
                dials.dial_failed(candidate)
                known.mark_attempt(candidate.id)
        clock.pass_by(30.0)
    assert len(connected) == 10


def test_an_early_round_comes_when_dials_have_ended_and_peers_are_wanted() -> None:
    """Three seconds after the last round, however soon the dials have failed; later ones at once."""
    clock = Clock()
    rounds = manager(clock)
    rounds.plan(outbound=0, dialling=0)
    clock.pass_by(1.0)
    assert rounds.early_round(outbound=3, dialling=1) is None  # that one may succeed
    assert rounds.early_round(outbound=10, dialling=0) is None
    assert rounds.early_round(outbound=3, dialling=0) == pytest.approx(2.0)
    assert rounds.early_round(outbound=3, dialling=0) is None  # it is to be made already
    clock.pass_by(2.0)
    rounds.plan(outbound=3, dialling=0)
    clock.pass_by(20.0)
    assert rounds.early_round(outbound=9, dialling=0) == 0.0


def test_early_rounds_survive_a_clock_that_is_set_back_and_can_be_switched_off() -> None:
    """Nobody waits for the old time to come again."""
    clock = Clock()
    rounds = manager(clock)
    rounds.plan(outbound=0, dialling=0)
    clock.pass_by(-3600.0)
    assert rounds.early_round(outbound=0, dialling=0) == 0.0
    slow = PeerManager(clock=clock, rng=random.Random(1), improvements=COMETBFT_RULES)
    slow.plan(outbound=0, dialling=0)
    assert slow.early_round(outbound=0, dialling=0) is None


def test_feelers_come_every_two_minutes_while_nobody_is_wanted() -> None:
    """One to three minutes apart, and none while dials for peers tell the book as much."""
    clock = Clock()
    manager = PeerManager(clock=clock, rng=random.Random(1), max_outbound=10)
    at = []
    for second in range(7200):
        if manager.feeler_due(outbound=9, dialling=1):
            at.append(second)
        clock.pass_by(1.0)
    pauses = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert min(pauses) >= 60
    assert max(pauses) <= 181
    assert 45 <= len(at) <= 75
    clock.pass_by(1000.0)
    assert not manager.feeler_due(outbound=8, dialling=1)
    assert manager.feeler_due(outbound=10, dialling=0)


def test_a_clock_that_is_set_back_puts_no_feeler_off() -> None:
    """There would be none until it is where it was."""
    clock = Clock()
    manager = PeerManager(clock=clock, rng=random.Random(1), max_outbound=10)
    clock.pass_by(-86_400.0)
    assert manager.feeler_due(outbound=10, dialling=0)
    assert not manager.feeler_due(outbound=10, dialling=0)


def test_feelers_can_be_switched_off() -> None:
    """Never then."""
    clock = Clock()
    manager = PeerManager(clock=clock, rng=random.Random(1), improvements=COMETBFT_RULES)
    clock.pass_by(1000.0)
    assert not manager.feeler_due(outbound=10, dialling=0)


def test_anchors_are_the_outbound_peers_connected_longest() -> None:
    """Four at most, none that came only just."""
    peers = [Connected(address(number), number * 100.0) for number in range(10)]
    assert PeerManager.anchors(peers) == [address(number) for number in (9, 8, 7, 6)]
    assert PeerManager.anchors(peers[:3]) == []


def test_failed_dials_are_known_after_a_restart() -> None:
    """What was drained is where the next manager goes on."""
    clock = Clock()
    manager = PeerManager(clock=clock, rng=random.Random(1))
    manager.dial_failed(address(1))
    again = PeerManager(clock=clock, rng=random.Random(1))
    again.restore(manager.drain())
    assert again.may_dial(address(1)) is Verdict.WAIT
