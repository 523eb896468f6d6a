"""Dials, and what their ends say of an address."""

from __future__ import annotations

import random

import pytest

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.bans import BAN_S
from peerage.actors.discovery.manager.dialling import NAMED_SEED_PATIENCE_S, Dialling
from peerage.actors.discovery.manager.effects import (
    AskBook,
    Dial,
    DialSeed,
    Effect,
    Feel,
    GiveUp,
    NoSeedReached,
)
from peerage.actors.discovery.manager.events import DialEnd, DialOutcome
from peerage.actors.discovery.manager.peer_manager import PeerManager
from peerage.actors.discovery.manager.seed_visits import SeedVisits
from peerage.actors.discovery.manager.seeds import SeedList
from tests.actors.discovery.manager.scene import Scene, asked, connected
from tests.actors.discovery.nodes import address, node_id

FAILED = DialEnd(DialOutcome.FAILED, "unreachable: refused")
OTHERWISE = DialEnd(DialOutcome.INCOMPATIBLE, "incompatible: network 'other'")


class Dials(Scene):
    """Dialling with seeds 90, 91, … Args: named, whether they have names in place of IP addresses."""

    def __init__(self, seeds: int = 0, *, named: bool = False) -> None:
        super().__init__()
        rng = random.Random(1)
        self.ended = 0
        self.dialling = Dialling(
            self.effects,
            self.agenda,
            rng,
            PeerManager(clock=self.agenda.clock, rng=rng),
            SeedList(
                f"{node_id(90 + number)}@seed-{number}.invalid:26656" if named else str(address(90 + number))
                for number in range(seeds)
            ),
            SeedVisits(self.agenda.clock, period=30.0),
            peers=self.peers,
            on_end=self._end,
        )

    def _end(self) -> None:
        self.ended += 1

    def end(self, dial: Dial | DialSeed | Feel, end: DialEnd) -> list[Effect]:
        self.dialling.ended(dial, end)
        return self.out()

    def dial(self, number: int, end: DialEnd) -> list[Effect]:
        """Dial an address of the book. Returns: what is wanted when that has ended."""
        self.dialling.dial(address(number))
        (dial,) = self.out()
        assert dial == Dial(address(number))
        return self.end(Dial(address(number)), end)


@pytest.mark.parametrize(
    ("end", "wanted"),
    [
        (FAILED, [AskBook(AddrBook.mark_attempt, (node_id(7), address(7)))]),
        (OTHERWISE, [AskBook(AddrBook.mark_incompatible, (node_id(7), address(7)))]),
        (DialEnd(DialOutcome.IMPOSTOR, "found 8"), [GiveUp(node_id(7), BAN_S, "found 8")]),
        (DialEnd(DialOutcome.NO_VERDICT), []),
        (DialEnd(DialOutcome.CONNECTED_BEFORE), []),
        (DialEnd(DialOutcome.REACHED), []),
    ],
    ids=lambda value: value.outcome.name if isinstance(value, DialEnd) else None,
)
def test_the_end_of_a_dial_is_noted_as_far_as_it_says_something_of_the_address(
    end: DialEnd, wanted: list[Effect]
) -> None:
    """Whoever was reached becomes a peer, which says more."""
    scene = Dials()
    assert scene.dial(7, end) == wanted
    assert scene.dialling.under_way == 0
    assert scene.ended == 1


def test_a_visit_waits_for_the_pause_of_an_address_that_failed_and_gives_it_up_in_the_end() -> None:
    """After more than 16 failures. Peers are not visited."""
    scene = Dials()
    dials = 0
    for _ in range(300):
        scene.dialling.visit(address(7))
        effects = scene.out()
        if effects == [Dial(address(7))]:
            dials += 1
            scene.end(Dial(address(7)), FAILED)
        elif effects:
            assert effects == [GiveUp(node_id(7), BAN_S, "too many failed dials")]
            break
        scene.pass_by(1000.0)
    assert dials == 17
    scene.connect(connected(8))
    scene.dialling.visit(address(8))
    assert scene.out() == []


def test_a_feeler_that_is_answered_makes_the_address_good() -> None:
    """With the latency of its handshake. One that fails counts as a failed dial, but ends none."""
    scene = Dials()
    scene.dialling.feel()
    (feel,) = scene.answer(address(7))
    assert feel == Feel(address(7))
    assert scene.end(Feel(address(7)), DialEnd(DialOutcome.REACHED, latency=0.25)) == [
        AskBook(AddrBook.mark_good, (node_id(7), address(7), 0.25))
    ]
    assert asked(scene.end(Feel(address(7)), FAILED)) == [(AddrBook.mark_attempt, (node_id(7), address(7)))]
    assert scene.ended == 0


@pytest.mark.parametrize("offered", [None, address(8)])
def test_no_feeler_is_sent_to_a_peer_nor_without_an_address(offered: object) -> None:
    """The book does not know who is connected."""
    scene = Dials()
    scene.connect(connected(8))
    scene.dialling.feel()
    assert scene.answer(offered) == []


def test_seeds_are_dialled_one_after_the_other_until_one_connects() -> None:
    """A seed that is a peer already will do. When all failed, the operator hears of it."""
    scene = Dials(seeds=3)
    scene.dialling.dial_all_seeds()
    dialled: list[str] = []
    effects = scene.out()
    while effects and isinstance(dial := effects[-1], DialSeed):
        dialled.append(dial.seed)
        effects = scene.end(dial, FAILED)
    assert effects == [NoSeedReached()]
    assert sorted(dialled) == [str(address(number)) for number in (90, 91, 92)]
    for outcome in (DialOutcome.REACHED, DialOutcome.CONNECTED_BEFORE):
        scene.dialling.dial_all_seeds()
        (dial,) = scene.out()
        assert isinstance(dial, DialSeed)
        assert scene.end(dial, DialEnd(outcome)) == []


def dialled_within(scene: Dials, seconds: float) -> list[str]:
    """The seeds that are dialled in this time, while nothing is heard of those before."""
    return [effect.seed for effect in scene.pass_by(seconds) if isinstance(effect, DialSeed)]


def test_a_seed_whose_name_takes_long_is_overtaken_by_the_next_one() -> None:
    """Behind a name server that does not answer, four seeds take the time of one. That none was reached is said once."""
    scene = Dials(seeds=4, named=True)
    scene.dialling.dial_all_seeds()
    dialled = dialled_within(scene, 0.0)
    assert len(dialled) == 1
    assert dialled_within(scene, NAMED_SEED_PATIENCE_S - 0.1) == []
    for _ in range(3):
        dialled += dialled_within(scene, NAMED_SEED_PATIENCE_S)
    assert len(set(dialled)) == 4
    ends = [scene.end(DialSeed(seed), FAILED) for seed in dialled]
    assert ends == [[], [], [], [NoSeedReached()]]


def test_once_a_seed_is_reached_no_further_one_is_dialled() -> None:
    """Whichever of those under way it was."""
    scene = Dials(seeds=4, named=True)
    scene.dialling.dial_all_seeds()
    dialled = dialled_within(scene, NAMED_SEED_PATIENCE_S)
    assert len(dialled) == 2
    assert scene.end(DialSeed(dialled[0]), DialEnd(DialOutcome.REACHED)) == []
    assert dialled_within(scene, 60.0) == []
    assert scene.end(DialSeed(dialled[1]), FAILED) == []


def test_a_seed_with_an_ip_address_is_waited_for() -> None:
    """Its dial has a short limit of its own."""
    scene = Dials(seeds=2)
    scene.dialling.dial_all_seeds()
    assert len(dialled_within(scene, 60.0)) == 1


def test_a_visit_without_a_question_is_a_feeler() -> None:
    """It waits for the same pauses, and what it finds is noted as of any other."""
    scene = Dials()
    scene.dialling.visit(address(7), asks=False)
    assert scene.out() == [Feel(address(7))]
    scene.end(Feel(address(7)), FAILED)
    scene.dialling.visit(address(7), asks=False)
    assert Feel(address(7)) not in scene.out()
    scene.connect(connected(8))
    scene.dialling.visit(address(8), asks=False)
    assert Feel(address(8)) not in scene.out()


def test_a_seed_that_was_visited_is_left_alone_for_a_while_wherever_its_address_comes_from() -> None:
    """Its address is in the book, too. A node without peers comes back after the shortest pause."""
    scene = Dials(seeds=1)
    scene.dial(90, DialEnd(DialOutcome.REACHED))
    assert scene.dialling.leave_alone(node_id(90), alone=False)
    assert not scene.dialling.leave_alone(node_id(7), alone=False)
    scene.dialling.dial_seeds(alone=False)
    assert scene.out() == []
    scene.pass_by(31.0)
    scene.dialling.dial_seeds(alone=False)
    assert scene.out() == [DialSeed(str(address(90)))]
    scene.pass_by(31.0)
    assert scene.dialling.leave_alone(node_id(90), alone=False)
    assert not scene.dialling.leave_alone(node_id(90), alone=True)


def test_a_seed_of_another_network_is_left_alone_even_by_a_node_without_peers() -> None:
    """Whether it was dialled as a seed or from the book."""
    for dial in (DialSeed(str(address(90))), Dial(address(90))):
        scene = Dials(seeds=1)
        for _ in range(2):
            scene.dialling.dial_all_seeds()
        scene.end(dial, OTHERWISE)
        scene.pass_by(31.0)
        assert scene.dialling.leave_alone(node_id(90), alone=True)
