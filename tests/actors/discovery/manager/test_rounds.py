"""Rounds of ensure-peers, early ones among them."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from peerage.actors.discovery.book.anchors import Anchors
from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.actors.discovery.book.choosing import DialChooser, Offer
from peerage.actors.discovery.ip_limits import IPLimits
from peerage.actors.discovery.manager.dialling import Dialling
from peerage.actors.discovery.manager.effects import AskBook, CountPeers, Dial, DialSeed, Effect, SendRequest
from peerage.actors.discovery.manager.events import DialEnd, DialOutcome, PeerCounts
from peerage.actors.discovery.manager.exchange import PeerExchange
from peerage.actors.discovery.manager.peer_manager import PeerManager
from peerage.actors.discovery.manager.rounds import RECOUNT_S, Rounds
from peerage.actors.discovery.manager.seed_visits import SeedVisits
from peerage.actors.discovery.manager.seeds import SeedList
from peerage.actors.discovery.manager.settings import Pace
from peerage.wire.keys import NodeID
from peerage.wire.net_address import NetAddress
from tests.actors.discovery.manager.scene import Scene, answer_to, asked, connected
from tests.actors.discovery.nodes import address, node_id

ONE_EACH = IPLimits()
NOBODY, ENOUGH = PeerCounts(), PeerCounts(outbound=10)


def offer(*numbers: int, needs_more: bool = False) -> Offer:
    return Offer(tuple(map(address, numbers)), needs_more, len(numbers))


class Node(Scene):
    """Rounds of a node with one seed, 90."""

    def __init__(
        self, ip_limits: IPLimits = ONE_EACH, rests: Callable[[NodeID], bool] = lambda _id: False
    ) -> None:
        super().__init__()
        rng = random.Random(1)
        manager = PeerManager(clock=self.agenda.clock, rng=rng)
        self.exchange = PeerExchange(clock=self.agenda.clock)
        self.dialling = Dialling(
            self.effects,
            self.agenda,
            rng,
            manager,
            SeedList([str(address(90))]),
            SeedVisits(self.agenda.clock, period=30.0),
            peers=self.peers,
            on_end=self._end,
        )
        self.rounds = Rounds(
            self.effects,
            self.agenda,
            manager,
            self.exchange,
            self.dialling,
            peers=self.peers,
            ip_limits=ip_limits,
            rests=rests,
            pace=Pace(),
        )

    def _end(self) -> None:
        self.rounds.hurry()

    def round(self, counts: PeerCounts, offered: Offer, *, early: bool = False) -> list[Effect]:
        """One whole round. Returns: what is to be done in the end."""
        self.rounds.ensure_peers(early=early)
        (question,) = self.answer(counts)
        assert isinstance(question, AskBook)
        assert question.method is DialChooser.offer
        return answer_to(self, question, offered)

    def end(self, number: int) -> list[Effect]:
        """The dial to this address failed."""
        self.dialling.ended(Dial(address(number)), DialEnd(DialOutcome.FAILED))
        return self.out()


def dialled(effects: list[Effect]) -> list[NetAddress]:
    return [effect.address for effect in effects if isinstance(effect, Dial)]


def counts_in(effects: list[Effect]) -> list[Effect]:
    return [effect for effect in effects if isinstance(effect, CountPeers)]


def test_rounds_follow_each_other_every_half_minute() -> None:
    """Each lifts the bans that are over, then counts the peers."""
    node = Node()
    node.rounds.begin(5.0)
    assert node.pass_by(4.0) == []
    first = node.pass_by(1.0)
    assert asked(first) == [(BadPeers.reinstate, ())]
    assert counts_in(answer_to(node, first[-1], ENOUGH)) == []
    assert counts_in(node.pass_by(29.0)) == []
    assert len(counts_in(node.pass_by(1.0))) == 1


def test_anchors_are_outbound_peers_that_stayed_and_are_not_redialled_anyway() -> None:
    """The book is told of them until it has answered, and again when they have changed."""
    node = Node()
    for peer in (connected(1), connected(2, is_persistent=True), connected(3, is_outbound=False)):
        node.connect(peer)

    def anchors_told(effects: list[Effect]) -> list[AskBook]:
        return [each for each in effects if isinstance(each, AskBook) and each.method is Anchors.remember]

    node.rounds.begin(0.0)
    assert anchors_told(node.pass_by(299.0)) == []
    assert len(anchors_told(node.pass_by(60.0))) == 2
    (told,) = anchors_told(node.pass_by(30.0))
    assert told.args == ([address(1)],)
    answer_to(node, told, None)
    assert anchors_told(node.pass_by(300.0)) == []
    node.connect(connected(4))
    (told,) = anchors_told(node.pass_by(30.0))
    assert told.args == ([address(1), address(4)],)


def test_a_clock_that_is_set_makes_nobody_an_anchor() -> None:
    """Nor does one that is set back take that away."""
    node = Node()
    node.connect(connected(1))
    node.rounds.begin(0.0)
    node.set_clock(86_400.0)
    told = [each for each in node.pass_by(290.0) if isinstance(each, AskBook)]
    assert Anchors.remember not in [each.method for each in told]
    node.set_clock(-2 * 86_400.0)
    told = [each for each in node.pass_by(30.0) if isinstance(each, AskBook)]
    assert [each.args for each in told if each.method is Anchors.remember] == [([address(1)],)]


def test_a_round_dials_whom_the_book_offers() -> None:
    """But nobody who is connected or being dialled, nor one more at an IP address or prefix that has as many as it may."""
    node = Node()
    node.connect(connected(1))
    node.connect(connected(2, ip="9.9.9.9"))
    twin = address(3, "9.9.9.9")
    counts = PeerCounts(outbound=2, dialling=1, dialling_ids=frozenset({node_id(4)}))
    offered = Offer((address(1), twin, address(4), address(5)), needs_more=False, size=4)
    assert dialled(node.round(counts, offered)) == [address(5)]
    node = Node(IPLimits(per_ip=None, per_prefix=1))
    node.connect(connected(2, ip="9.9.9.9"))
    offered = Offer((address(3, "9.9.9.8"), address(4)), needs_more=False, size=2)
    assert dialled(node.round(NOBODY, offered)) == [address(4)]
    node = Node(IPLimits(per_ip=None))
    node.connect(connected(2, ip="9.9.9.9", is_outbound=False))
    assert dialled(node.round(NOBODY, Offer((twin,), needs_more=False, size=1))) == [twin]


def test_who_had_to_go_for_others_is_not_dialled() -> None:
    node = Node(rests=lambda peer_id: peer_id == node_id(3))
    assert dialled(node.round(NOBODY, offer(3, 4))) == [address(4)]


@pytest.mark.parametrize(("size", "again"), [(2, 1), (1, 0)])
def test_a_book_that_has_drawn_nobody_to_dial_is_asked_again_soon_if_it_knows_others(
    size: int, again: int
) -> None:
    node = Node(rests=lambda peer_id: peer_id == node_id(3))
    assert dialled(node.round(NOBODY, Offer((address(3),), needs_more=False, size=size))) == []
    assert counts_in(node.pass_by(2.9)) == []
    assert len(counts_in(node.pass_by(0.1))) == again


def test_a_book_that_wants_more_has_a_peer_asked_but_in_no_early_round() -> None:
    """Nor is a peer asked of whom an answer is awaited."""
    node = Node()
    peer = node.connect(connected(1))
    assert SendRequest(peer) not in node.round(PeerCounts(1), offer(5, needs_more=True), early=True)
    assert SendRequest(peer) in node.round(PeerCounts(1), offer(6, needs_more=True))
    assert SendRequest(peer) not in node.round(PeerCounts(1), offer(7, needs_more=True))


def test_without_anybody_to_dial_seeds_are() -> None:
    """Unless they were visited a moment ago."""
    node = Node()
    assert node.round(NOBODY, offer(needs_more=True)) == [DialSeed(str(address(90)))]
    assert node.round(NOBODY, offer(needs_more=True)) == []


def test_with_enough_peers_a_feeler_is_sent_now_and_then() -> None:
    """Every two minutes or so, in ordinary rounds."""
    node = Node()
    feelers = 0
    for _ in range(40):
        node.pass_by(30.0)
        node.rounds.ensure_peers(early=False)
        feelers += asked(node.answer(ENOUGH)) == [(DialChooser.feeler, ())]
    assert 6 <= feelers <= 20
    node.pass_by(300.0)
    node.rounds.ensure_peers(early=True)
    assert node.answer(ENOUGH) == []


def test_no_round_begins_while_another_waits_for_its_answers_but_not_for_good() -> None:
    """What comes too late is left alone."""
    node = Node()
    node.rounds.ensure_peers(early=False)
    (late,) = node.out()
    node.pass_by(29.0)
    node.rounds.ensure_peers(early=False)
    assert node.out() == []
    node.pass_by(1.0)
    node.rounds.ensure_peers(early=False)
    assert len(node.out()) == 1
    assert answer_to(node, late, NOBODY) == []


def test_a_round_without_a_count_is_left_to_the_next() -> None:
    """The switch is being restarted."""
    node = Node()
    node.rounds.ensure_peers(early=False)
    assert node.answer(None) == []
    assert dialled(node.round(NOBODY, offer(5))) == [address(5)]


def test_when_the_last_dial_of_a_round_has_failed_another_round_follows_in_seconds() -> None:
    """Three after the one before, and not while others are under way."""
    node = Node()
    assert dialled(node.round(NOBODY, offer(5, 6))) == [address(5), address(6)]
    node.pass_by(1.0)
    assert counts_in(node.end(5)) == []
    (count,) = counts_in(node.end(6))
    assert answer_to(node, count, NOBODY) == []
    assert node.pass_by(1.5) == []
    assert len(counts_in(node.pass_by(0.5))) == 1


def test_peers_are_counted_once_for_all_that_is_lost_together_and_once_behind_it() -> None:
    """The first count may not know of the last loss."""
    node = Node()
    for _ in range(5):
        node.rounds.hurry()
    (first,) = node.out()
    (second,) = answer_to(node, first, ENOUGH)
    assert answer_to(node, second, PeerCounts(outbound=9)) == []
    assert len(counts_in(node.pass_by(3.0))) == 1


def test_a_lost_peer_that_is_counted_still_is_counted_again_a_little_later() -> None:
    """The switch drops a peer when every reactor has heard of its end, so we may ask it too early."""
    node = Node()
    node.rounds.hurry(is_lost=True)
    assert node.answer(ENOUGH) == []
    (again,) = node.pass_by(RECOUNT_S)
    assert answer_to(node, again, PeerCounts(outbound=9)) == []
    assert len(counts_in(node.pass_by(3.0))) == 1  # an early round


def test_when_enough_are_left_that_is_asked_once_more_and_no_oftener() -> None:
    node = Node()
    node.rounds.hurry(is_lost=True)
    node.answer(ENOUGH)
    (again,) = node.pass_by(RECOUNT_S)
    assert answer_to(node, again, ENOUGH) == []
    assert node.pass_by(100.0) == []


def test_a_count_that_does_not_come_makes_no_early_round_and_hinders_none() -> None:
    """After a while another is asked for."""
    node = Node()
    node.rounds.hurry()
    node.out()
    node.pass_by(30.0)
    node.rounds.hurry()
    node.rounds.hurry()
    assert node.answer(None) == []
    assert node.pass_by(100.0) == []
