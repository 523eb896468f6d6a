"""A node that drives a discoverer by calls."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from peerage.actors.discovery.inbound_eviction import InboundEviction
from peerage.actors.discovery.manager.seeds import SeedList
from peerage.actors.discovery.simulation.participant import Participant
from peerage.actors.discovery.simulation.simulated_node import GOOD_AFTER_S, USE_EVERY_S
from peerage.wire.net_address import NetAddress
from tests.actors.discovery.simulation.little_world import DELAY_S, LittleWorld


def test_nodes_that_know_a_seed_find_each_other() -> None:
    """The second is told of the first, and dials it."""
    world = LittleWorld()
    seed = world.started(90, seed_mode=True)
    seeds = SeedList([str(seed.address)])
    first, second = world.started(1, seeds=seeds), world.node(2, seeds=seeds)
    world.pass_by(5.0)
    second.start()
    world.pass_by(5.0)
    assert first.is_peer(second.id)
    assert seed.book.has(first.id)
    assert world.changes >= 3


def test_a_dialled_peer_is_good_and_its_latency_is_known() -> None:
    """With CometBFT's rules it is good when it has been of use for a while."""
    for cometbft in (False, True):
        world = LittleWorld()
        world.started(2)
        node = world.node(1, cometbft=cometbft)
        other = world.place(2)
        node.book.add(other, other)
        node.start()
        world.pass_by(1.0)
        assert node.book.is_good(other.id) != cometbft
        world.pass_by(GOOD_AFTER_S)
        assert node.book.is_good(other.id)


def test_dials_fail_where_nobody_is_or_has_room() -> None:
    """That is noted in the book, and tried again after a pause."""
    world = LittleWorld()
    world.started(2, max_inbound=0)
    node = world.node(1)
    for number in (2, 3):
        node.book.add(world.place(number), world.place(number))
    node.start()
    world.pass_by(1.0)
    assert sorted(world.dials) == sorted(world.place(number).id for number in (2, 3))
    assert not node.outbound
    world.pass_by(60.0)
    assert len(world.dials) > 2


def test_a_node_that_is_down_does_nothing_and_its_peers_notice() -> None:
    """What was on its way to it is lost."""
    world = LittleWorld()
    other, node = world.started(2), world.node(1)
    node.book.add(other.address, other.address)
    node.start()
    world.pass_by(0.1)
    assert node.is_peer(other.id)
    node.stop()
    assert not other.inbound
    dials = len(world.dials)
    world.pass_by(100.0)
    assert [dialled for dialled in world.dials[dials:] if dialled == other.id] == []


def test_a_restart_forgets_no_failed_dial() -> None:
    """Its book keeps them, as a real node's; the address waits out its pause."""
    world = LittleWorld()
    node = world.node(1)
    node.book.add(world.place(3), world.place(3))
    node.start()
    world.pass_by(0.2)
    assert len(world.dials) == 1
    node.stop()
    node.start()
    assert node.life == 2
    world.pass_by(0.5)
    assert len(world.dials) == 1


def test_whoever_asks_early_is_answered_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the exchange of a real node has it."""
    world = LittleWorld()
    node, asker = world.started(1), world.started(2)
    asker.connect(node)
    world.pass_by(1.0)
    told = 0

    def count(_peer: Participant, _addresses: Sequence[NetAddress]) -> None:
        nonlocal told
        told += 1

    monkeypatch.setattr(asker, "told", count)
    node.requested(asker)
    node.requested(asker)
    world.pass_by(1.0)
    assert told == 1
    world.pass_by(10.0)
    assert told == 2


def test_a_full_node_refuses_newcomers_or_gives_them_a_place() -> None:
    """As its rule says: here one of the many from one group goes. Without a rule, as with CometBFT's, nobody does."""
    for eviction in (None, InboundEviction(b"salt")):
        world = LittleWorld()
        node = world.started(1, max_inbound=4, eviction=eviction)
        crowd = [world.started(number) for number in (10, 10 + 2259, 10 + 2 * 2259, 10 + 3 * 2259)]
        assert len({peer.address.group(strict=True) for peer in crowd}) == 1
        for peer in crowd:
            peer.connect(node)
        world.pass_by(120.0)
        newcomer = world.started(20)
        assert node.lets_in(newcomer) == (eviction is not None)
        assert len(node.inbound) == (4 if eviction is None else 3)


def test_what_a_node_knows_of_an_inbound_peer() -> None:
    """Age, latency, and how long ago it was of use."""
    world = LittleWorld()
    node, peer = world.started(1), world.started(2)
    peer.connect(node)
    world.pass_by(13.0)
    known = node._inbound_peer(peer)
    assert (known.id, known.age, known.latency) == (peer.id, 13.0, 2 * DELAY_S)
    assert known.idle == 13.0 % USE_EVERY_S
