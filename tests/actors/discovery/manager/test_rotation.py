"""Rotation: who goes for another address to have its turn, and when."""

from __future__ import annotations

import itertools
import random

import pytest

from peerage.actors.discovery.book.choosing import DialChooser, Offer
from peerage.actors.discovery.manager.effects import AskBook, CountPeers, Effect, Rotate, WeighPeers
from peerage.actors.discovery.manager.events import ConnectedPeer, PeerCounts, Service
from peerage.actors.discovery.manager.rotation import Rotation
from tests.actors.discovery.manager.scene import AT, Scene, answer_to, connected
from tests.actors.discovery.nodes import address

PERIOD_S = 300.0
FULL = PeerCounts(outbound=10)
SOMEBODY = Offer((address(90),), needs_more=False, size=11)


class Node(Scene):
    """With ten outbound peers that have been here for long."""

    def __init__(self, period: float = PERIOD_S, seed: int = 1) -> None:
        super().__init__()
        self.rotation = Rotation(
            self.effects, self.agenda, random.Random(seed), peers=self.peers, max_outbound=10, period=period
        )
        self.old = [self.connect(connected(number, since=AT - 3600)) for number in range(1, 11)]
        self.rotation.begin()

    def due(self) -> Effect:
        """Let time pass until one could go: the question for the number of peers."""
        while not (effects := self.pass_by(1.0)):
            pass
        (question,) = effects
        assert isinstance(question, CountPeers)
        return question

    def weighed(self, counts: PeerCounts | None = FULL, offer: Offer = SOMEBODY) -> Effect | None:
        """The peers of whom one would go, unless it is said before that none does."""
        effects = answer_to(self, self.due(), counts)
        if not effects:
            return None
        (question,) = effects
        assert isinstance(question, AskBook)
        assert question.method is DialChooser.offer
        effects = answer_to(self, question, offer)
        assert len(effects) < 2
        return effects[0] if effects else None

    def gone(self, services: dict[ConnectedPeer, Service]) -> ConnectedPeer | None:
        question = self.weighed()
        assert question is not None
        effects = answer_to(self, question, services)
        if not effects:
            return None
        (effect,) = effects
        assert isinstance(effect, Rotate)
        return effect.peer


def test_one_goes_every_three_to_seven_minutes() -> None:
    """With a period of five; anybody may be the one."""
    node = Node()
    times, gone = [AT], set()
    for _ in range(200):
        peer = node.gone(dict.fromkeys(node.old, Service()))
        assert peer is not None
        gone.add(peer)
        times.append(node.agenda.now.at)
    pauses = [after - before for before, after in itertools.pairwise(times)]
    assert min(pauses) > 180 - 1
    assert max(pauses) < 420 + 1
    assert max(pauses) - min(pauses) > 120
    assert gone == set(node.old)


def test_by_default_nobody_goes() -> None:
    node = Node(period=0.0)
    assert node.pass_by(1e6) == []


@pytest.mark.parametrize("counts", [None, PeerCounts(outbound=9), PeerCounts(outbound=9, dialling=3)])
def test_nobody_goes_while_places_are_free(counts: PeerCounts | None) -> None:
    """Nor when the peers cannot be counted."""
    assert Node().weighed(counts) is None


def test_nobody_goes_when_the_book_knows_nobody_else() -> None:
    offer = Offer((address(1), address(2)), needs_more=False, size=2)
    assert Node().weighed(offer=offer) is None


def test_persistent_unconditional_and_young_peers_stay() -> None:
    """And all that dialled us. Young is whoever has been here for less than two periods."""
    node = Node()
    node.peers.clear()
    kept = connected(1, is_persistent=True, since=AT - 3600)
    young = connected(2, since=AT)
    old = connected(3, since=AT - 2 * PERIOD_S)
    free = ConnectedPeer(
        old.id, "c-4", address(4), None, is_outbound=True, is_unconditional=True, since=AT - 3600
    )
    inbound = connected(5, is_outbound=False, since=AT - 3600)
    for peer in (kept, young, old, inbound):
        node.connect(peer)
    node.peers[address(4).id] = free
    question = node.weighed()
    assert isinstance(question, WeighPeers)
    assert question.peers == (old,)
    node.peers.pop(old.id)
    assert node.weighed() is None


def test_those_that_serve_best_stay() -> None:
    """Of ten the nearest, and the two that were of use last."""
    spared = set(range(10))
    for seed in range(100):
        node = Node(seed=seed)
        services = {
            peer: Service(latency=0.1 + number, idle=10.0 - number) for number, peer in enumerate(node.old)
        }
        peer = node.gone(services)
        assert peer is not None
        spared.discard(node.old.index(peer))
    assert spared == {0, 8, 9}


def test_who_has_gone_meanwhile_or_says_nothing_does_not_go() -> None:
    node = Node()
    first, second, third, *_ = node.old
    node.peers.pop(first.id)
    node.connect(connected(2))  # the same node, another connection
    assert node.gone(dict.fromkeys((first, second), Service())) is None
    assert node.gone({third: Service()}) is third


def test_who_had_to_go_is_not_dialled_again_for_two_periods() -> None:
    """Others have their turn: nor does anybody go only for it to come back."""
    node = Node()
    peer = node.gone({node.old[0]: Service()})
    assert peer is not None
    del node.peers[peer.id]
    assert node.rotation.rests(peer.id)
    assert not node.rotation.rests(node.old[1].id)
    assert node.weighed(offer=Offer((peer.address,), needs_more=False, size=1)) is None
    node.pass_by(2 * PERIOD_S)
    assert not node.rotation.rests(peer.id)
