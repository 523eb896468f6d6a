"""The simulated network: deterministic, and better than CometBFT's rules where that is claimed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from peerage.actors.discovery.book.policies import Improvements
from peerage.actors.discovery.simulation.attack import ATTACKS, Attack, Tells
from peerage.actors.discovery.simulation.simulation import (
    Result,
    Scenario,
    SimulatedNetwork,
    Spread,
    simulate,
)

SMALL = Scenario(nodes=60, seeds=2, hours=0.1)


def test_a_network_finds_itself() -> None:
    """All have all their outbound peers soon, everybody's inbound peers are somebody's outbound ones."""
    network = SimulatedNetwork(SMALL)
    result = network.run()
    assert result.converged_s is not None
    assert result.converged_s < 90.0  # the last of them starts at 60
    assert result.full[-1][1] == 1.0
    assert result.dials >= result.dials_succeeded >= 600
    for node in network.nodes:
        assert all(node.id in peer.inbound for peer in node.outbound.values())
        assert not node.outbound.keys() & node.inbound.keys()


@pytest.mark.parametrize("cometbft", [False, True])
def test_the_same_scenario_gives_the_same_result(cometbft: bool) -> None:
    """By the seed of chance; another one gives another result."""
    scenario = replace(
        SMALL, churn=5.0, unreachable=0.3, attack=Attack("", addresses=100), hours=0.05, cometbft=cometbft
    )
    assert simulate(scenario) == simulate(scenario)
    assert simulate(scenario).events != simulate(replace(scenario, seed=2)).events


def test_inbound_limits_and_unreachable_nodes_are_respected() -> None:
    """Nobody has more peers than allowed, nobody dials who cannot be dialled."""
    network = SimulatedNetwork(replace(SMALL, unreachable=0.5, max_inbound=12))
    network.run()
    for node in network.nodes:
        assert len(node.inbound) <= (12 if node.reachable else 0)
        assert len(node.outbound) <= 10


def mean_full(result: Result) -> float:
    """The share of nodes that have all their outbound peers, over the second half of the time."""
    late = result.full[len(result.full) // 2 :]
    return sum(share for _at, share in late) / len(late)


def test_who_loses_peers_finds_others_sooner_than_with_cometbfts_rules() -> None:
    """Half of the nodes go down once, for a minute: an early round makes up for whom they leave alone."""
    scenario = replace(SMALL, churn=2.0, downtime_s=60.0, hours=0.25)
    ours, theirs = mean_full(simulate(scenario)), mean_full(simulate(scenario.compared()))
    assert ours > 0.95 > theirs


def test_a_seed_of_ours_tells_addresses_that_answer() -> None:
    """500 addresses of which 88 % are dead: at least 95 % of what it tells answers; CometBFT's tells the dead."""
    scenario = Scenario(nodes=60, seeds=1, dead=440, hours=0.1)
    ours, theirs = simulate(scenario), simulate(scenario.compared())
    assert ours.served is not None
    assert theirs.served is not None
    assert ours.served >= 0.95
    assert theirs.served < 0.3


@pytest.mark.slow
@pytest.mark.timeout(900)  # half a minute of processor time
def test_a_newcomer_finds_most_of_a_thousand_nodes_in_90_s() -> None:
    """With an empty book and one seed."""
    newcomer = simulate(Scenario(nodes=1000, seeds=1, hours=0.1, newcomer_s=90.0)).newcomer
    assert newcomer is not None
    assert newcomer.known >= 781  # the best of eight public seeds, by AviaOne's test
    assert newcomer.dead is not None
    assert newcomer.dead < 0.05
    assert (newcomer.from_seed, newcomer.peers) == (230, 10)


def test_hardly_any_address_that_a_newcomer_has_from_its_seed_is_dead() -> None:
    """Though half of the addresses in the seed's book are. What its peers tell, they have not all tried."""
    newcomer = simulate(Scenario(nodes=100, seeds=1, dead=100, hours=0.1, newcomer_s=90.0)).newcomer
    assert newcomer is not None
    assert newcomer.from_seed >= 20
    assert newcomer.from_seed_dead is not None
    assert newcomer.from_seed_dead < 0.05


def test_a_newcomer_finds_more_if_it_asks_again() -> None:
    """What it has heard from its peers at once is a part of what they know. Without a newcomer there is none to judge."""
    scenario = Scenario(nodes=150, seeds=1, hours=0.06, newcomer_s=90.0)
    once = replace(scenario, improvements=Improvements(ask_again=False))
    ours, theirs = simulate(scenario).newcomer, simulate(once).newcomer
    assert ours is not None
    assert theirs is not None
    assert ours.known > theirs.known
    assert simulate(SMALL).newcomer is None


def eclipse(improvements: Improvements | None = None, *, cometbft: bool = False) -> Result:
    """500 hostile addresses of eight groups against 40 honest ones."""
    attack = Attack("", addresses=500)
    scenario = Scenario(nodes=40, seeds=1, hours=0.25, attack=attack, victims=10, improvements=improvements)
    return simulate(scenario.compared() if cometbft else scenario)


def test_an_eclipse_wins_less_than_with_cometbfts_rules() -> None:
    """Before the victims' restart and behind it."""
    ours, theirs = eclipse(), eclipse(cometbft=True)
    assert ours.hostile is not None
    assert theirs.hostile is not None
    assert ours.hostile < theirs.hostile
    assert (ours.hostile_before or 0.0) < (theirs.hostile_before or 0.0)


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_is_carried_out(name: str) -> None:
    """The attacker wins slots of both kinds before the restart, and nobody has more peers than allowed."""
    attack = replace(ATTACKS[name], addresses=100, groups=min(ATTACKS[name].groups, 50))
    scenario = Scenario(nodes=20, seeds=2, hours=0.05, attack=attack, victims=4, max_inbound=20)
    for each in (scenario, scenario.compared()):
        network = SimulatedNetwork(each)
        result = network.run()
        assert result.hostile_before
        assert result.hostile_inbound_before
        assert all(len(node.inbound) <= 20 for node in network.nodes)
        assert len(network.seeds) == (1 if attack.seeds else 2)


def test_whoever_holds_all_places_loses_some_to_newcomers() -> None:
    """With CometBFT's rules a full node stays as it is, and honest nodes that come later find no place."""
    attack = replace(ATTACKS["held-places"], addresses=100, tells=Tells.OWN, head_start_s=60.0)
    scenario = Scenario(nodes=20, seeds=1, hours=0.08, attack=attack, victims=4, max_inbound=10)
    ours, theirs = simulate(scenario), simulate(scenario.compared())
    assert theirs.hostile_inbound_before is not None
    assert theirs.hostile_inbound_before > 0.9
    assert (ours.hostile_inbound_before or 1.0) < theirs.hostile_inbound_before


def test_progress_is_told() -> None:
    """It never goes back, and ends near the end."""
    told: list[float] = []
    simulate(replace(SMALL, nodes=20, hours=0.05), told.append)
    assert told == sorted(told)
    assert 0.98 < told[-1] <= 1.0


def test_spread_of_numbers() -> None:
    """Also of none."""
    assert Spread.of([]) == Spread(0.0, 0.0, 0, 0, 0)
    assert Spread.of([3, 1, 2]) == Spread(2.0, (2 / 3) ** 0.5, 1, 2, 3)
