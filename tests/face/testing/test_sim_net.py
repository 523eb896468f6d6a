"""A whole network on virtual time, with the faults that a test puts in."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.testing import SimEvent, SimNet

SMALL: dict[str, Any] = {"nodes": 16, "seeds": 1, "max_outbound": 3}


def meshed(net: SimNet) -> bool:
    return all(len(node.outbound) == 3 for node in net.nodes if node.is_up)


def story(seed: int) -> tuple[SimEvent, ...]:
    """A network that something happens to."""
    net = SimNet(**SMALL, seed=seed)
    net.later(100.0, lambda: net.kill(net.nodes[0]))
    net.run(150.0)
    net.cut(net.nodes[1], net.nodes[2:6])
    net.run(200.0)
    net.mend()
    net.start(net.nodes[0])
    net.run(100.0)
    return net.trace


def test_the_same_seed_gives_the_same_network_event_by_event() -> None:
    """And another seed another one."""
    first = story(3)
    assert first == story(3)
    assert first != story(4)
    assert {event.what for event in first} == {"up", "down", "connected", "parted", "cut", "mended"}


def test_nodes_that_know_a_seed_find_each_other() -> None:
    net = SimNet(**SMALL)
    seconds = net.run_until(lambda: net.now > 60 and meshed(net), within=600.0)
    assert net.now == seconds > 60
    assert len(net.islands()) == 1
    node = net.nodes[0]
    assert node.peers == node.outbound | node.inbound
    assert node.known >= len(node.outbound)
    assert node.hostile == frozenset()
    assert node.address.startswith(f"{node.id}@")
    assert repr(node).startswith(f"<SimNode {node.id[:8]} 3 outbound")


def test_a_condition_that_does_not_come_is_an_error() -> None:
    """In virtual time, which is over at once."""
    net = SimNet(**SMALL)
    with pytest.raises(AssertionError, match="not within 30 s of virtual time"):
        net.run_until(lambda: False, within=30.0)
    assert net.now == 30.0


def test_a_killed_node_is_missed_and_comes_back_with_its_book() -> None:
    net = SimNet(**SMALL)
    net.run(300.0)
    node = net.nodes[3]
    known = node.known
    net.kill(node)
    net.kill(node)
    assert (node.is_up, node.peers, repr(node)) == (False, frozenset(), f"<SimNode {node.id[:8]} down>")
    assert not any(node.id in other.peers for other in net.nodes)
    net.run(60.0)
    net.start(node)
    net.start(node)
    net.run_until(lambda: len(node.outbound) == 3, within=300.0)
    assert node.known >= known


def test_a_network_outlives_its_seed() -> None:
    """Whoever comes later finds nobody."""
    net = SimNet(**SMALL)
    net.run(300.0)
    net.kill(*net.seeds)
    net.run(600.0)
    assert len(net.islands()) == 1
    net.run_until(lambda: meshed(net), within=600.0)


def test_what_passes_no_link_is_noticed_by_pings() -> None:
    """45 to 105 seconds later; nobody can dial across meanwhile, and afterwards it is one network again."""
    net = SimNet(**SMALL)
    net.run(300.0)
    here, there = net.nodes[:8], net.nodes[8:]
    net.cut(here, [*there, *net.seeds])
    net.run(40.0)
    assert len(net.islands()) == 1
    net.run(70.0)
    islands = net.islands()
    assert len(islands) == 2
    assert frozenset(node.id for node in here) in islands
    net.run(600.0)
    assert len(net.islands()) == 2
    net.mend()
    net.run_until(lambda: len(net.islands()) == 1, within=600.0)


def test_a_link_that_is_mended_soon_costs_no_connection() -> None:
    """And only the links that are named are mended."""
    net = SimNet(**SMALL)
    net.run(300.0)
    one = net.nodes[0]
    peers = [node for node in net.nodes if node.id in one.peers]
    before = one.peers
    net.cut(one, peers)
    net.run(30.0)
    net.mend(one, peers[1:])
    net.run(110.0)
    assert before - one.peers == {peers[0].id}


def test_an_attacker_is_seen_in_its_victims_peers() -> None:
    """The share that it wins is what the test asks about."""
    net = SimNet(nodes=12, seeds=1, max_outbound=3, attack="few-prefixes", victims=3)
    net.run(600.0)
    assert len(net.victims) == 3
    assert any(victim.hostile for victim in net.victims)
    assert all(node.hostile <= node.peers for node in net.nodes)
    calm = SimNet(nodes=12, seeds=1, max_outbound=3)
    calm.run(600.0)
    assert not any(node.hostile for node in calm.nodes)


def test_an_attack_that_nobody_knows() -> None:
    with pytest.raises(ValueError, match="attack: 'rude'; one of one-prefix, "):
        SimNet(attack="rude")


def test_nodes_by_cometbfts_rules() -> None:
    """For comparison, and those that nobody can dial."""
    net = SimNet(**SMALL, cometbft=True, unreachable=0.25)
    net.run(600.0)
    assert len(net.islands()) == 1
    assert sum(not node.inbound for node in net.nodes) >= 3


def test_a_node_is_itself() -> None:
    net = SimNet(nodes=2, seeds=1)
    assert len({*net.nodes, *net.nodes}) == 2
    assert net.nodes[0] != net.nodes[1]
