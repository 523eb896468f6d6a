"""Whom a seed visits, and whom it sends away."""

from __future__ import annotations

import math
import random
from typing import Any

from peerage.actors.discovery.book.answers import AnswerChooser
from peerage.actors.discovery.book.bad_peers import BadPeers
from peerage.actors.discovery.book.choosing import DialChooser
from peerage.actors.discovery.manager.dialling import Dialling
from peerage.actors.discovery.manager.effects import Dial, Disconnect, Effect, Feel
from peerage.actors.discovery.manager.peer_manager import PeerManager
from peerage.actors.discovery.manager.seed_crawl import MAX_STAY_S, Crawler
from peerage.actors.discovery.manager.seed_mode import SeedMode
from peerage.actors.discovery.manager.seed_visits import SeedVisits
from peerage.actors.discovery.manager.seeds import SeedList
from peerage.actors.discovery.manager.settings import Pace
from peerage.wire.net_address import NetAddress
from tests.actors.discovery.manager.scene import Scene, answer_to, asked, connected
from tests.actors.discovery.nodes import address, node_id


class Seed(Scene):
    """A seed whose book a test plays."""

    def __init__(self, *, verified_answers: bool = True, **pace: Any) -> None:
        super().__init__()
        rng = random.Random(1)
        clock = self.agenda.clock
        dialling = Dialling(
            self.effects,
            self.agenda,
            rng,
            PeerManager(clock=clock, rng=rng),
            SeedList([]),
            SeedVisits(clock, period=30.0),
            peers=self.peers,
        )
        self.mode = SeedMode(
            self.effects,
            self.agenda,
            Crawler(clock=clock),
            dialling,
            peers=self.peers,
            verified_answers=verified_answers,
            pace=Pace(**pace),
        )


def visited(effects: list[Effect]) -> list[NetAddress]:
    return [effect.address for effect in effects if isinstance(effect, Dial)]


def test_every_half_minute_those_are_visited_whose_turn_it_is() -> None:
    """One after the other within five seconds; and one feeler is sent."""
    seed = Seed()
    seed.mode.begin(0.0)
    effects = seed.pass_by(0.0)
    assert asked(effects) == [(BadPeers.reinstate, ()), (DialChooser.feeler, ()), (DialChooser.due, (250,))]
    assert answer_to(seed, effects[-1], [address(number) for number in range(250)]) == []
    assert len(visited(seed.pass_by(1.0))) == 51
    assert len(visited(seed.pass_by(4.0))) == 199
    assert asked(seed.pass_by(24.0)) == []
    assert len(asked(seed.pass_by(1.0))) == 3


def test_peers_are_not_visited_nor_anybody_twice_within_two_minutes() -> None:
    """Whatever the book says is due; also when they connect meanwhile."""
    seed = Seed(visit_spread=0.0)
    seed.connect(connected(1))
    seed.mode.begin(0.0)
    answer_to(seed, seed.pass_by(0.0)[-1], [address(1), address(2), address(3)])
    seed.connect(connected(3))
    assert visited(seed.pass_by(0.0)) == [address(2)]
    answer_to(seed, seed.pass_by(30.0)[-1], [address(2)])
    assert visited(seed.pass_by(1.0)) == []


def test_without_verified_answers_the_book_selects_whom_to_visit() -> None:
    """As for CometBFT's seeds."""
    seed = Seed(verified_answers=False)
    seed.mode.begin(0.0)
    assert asked(seed.pass_by(0.0))[-1] == (AnswerChooser.selection, ())


def test_whoever_came_is_visited_a_second_later_where_it_came_from() -> None:
    """If the book has it there, too: nobody can have a seed knock on the doors of others.

    It is not asked for addresses: whoever comes often would fill the book with its own.
    """
    seed = Seed()
    for known, wanted in ((address(7), [address(7)]), (address(8, "9.9.9.9"), []), (None, [])):
        peer = connected(8 if known == address(8, "9.9.9.9") else 7, is_outbound=False)
        seed.mode.visit_back(peer.id, peer.home)
        assert seed.pass_by(0.9) == []
        (question,) = seed.pass_by(0.1)
        assert asked([question]) == [(DialChooser.due_address, (peer.id,))]
        assert answer_to(seed, question, known) == [Feel(each) for each in wanted]
    seed.mode.visit_back(node_id(9), None)
    assert seed.pass_by(1.0) == []


def test_whoever_comes_with_many_ids_does_not_keep_a_seed_busy() -> None:
    """20 such visits at once, then eight a second."""
    seed = Seed()
    for number in range(100):
        seed.mode.visit_back(node_id(number), address(number))
    assert len(seed.pass_by(1.0)) == 20
    for number in range(100):
        seed.mode.visit_back(node_id(number), address(number))
    assert len(seed.pass_by(1.0)) == 8


def test_a_visit_is_over_when_it_was_answered_or_after_ten_seconds() -> None:
    """Persistent peers stay, and so does whoever came by itself."""
    seed = Seed()
    wanted, guest = (
        seed.connect(connected(2, is_persistent=True)),
        seed.connect(connected(3, is_outbound=False)),
    )
    quick, mute = seed.connect(connected(4)), seed.connect(connected(5))
    for peer in (wanted, quick, mute):
        seed.mode.reached(peer)
    for peer in (wanted, guest, quick):
        seed.mode.answered(peer)
    assert seed.out() == [Disconnect(quick)]
    del seed.peers[quick.id]
    assert seed.pass_by(9.9) == []
    assert seed.pass_by(0.1) == [Disconnect(mute)]


def test_a_clock_that_is_set_forward_makes_nobody_go() -> None:
    """A seed whose clock is wrong at its start would lose all its peers when it is set right."""
    seed = Seed(answer_limit=math.inf)
    seed.connect(connected(1))
    seed.mode.begin(0.0)
    seed.set_clock(2 * MAX_STAY_S)
    assert not [each for each in seed.pass_by(60.0) if isinstance(each, Disconnect)]


def test_with_cometbfts_pace_nobody_is_hung_up_on() -> None:
    """But after 28 hours, as everybody."""
    seed = Seed(answer_limit=math.inf, crawl_period=MAX_STAY_S)
    peer = seed.connect(connected(1))
    seed.connect(connected(2, is_persistent=True))
    seed.mode.reached(peer)
    seed.mode.answered(peer)
    seed.mode.begin(0.0)
    assert Disconnect(peer) not in seed.pass_by(MAX_STAY_S - 1.0)
    assert [each for each in seed.pass_by(1.0) if isinstance(each, Disconnect)] == [Disconnect(peer)]
