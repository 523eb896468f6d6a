"""A crowd presses a node for a moment: who gets in does not depend on the time that anything takes."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from tests.hostile.press import Load, Outcome, attempt, crowd, our_node, p99
from tests.hostile.residents import HonestPeer
from tests.nodes import wait_until

CROWD = 200
PATIENCE_S = 30.0


def connected(pids: list[int]) -> int:
    """How many connections the node's processes hold."""
    processes = [psutil.Process(pid) for pid in pids]
    return sum(
        each.status == psutil.CONN_ESTABLISHED
        for process in processes
        for each in process.net_connections("tcp")
        if each.raddr
    )


@pytest.mark.parametrize(("where", "is_seed"), [("one", False), ("everywhere", False), ("one", True)])
def test_honest_newcomers_get_in_while_a_crowd_presses(tmp_path: Path, where: str, is_seed: bool) -> None:
    """There are five times as many hostile connections as inbound places. Afterwards nothing of them is left."""
    outcome = Outcome(where, CROWD)
    with our_node(tmp_path, is_seed=is_seed) as (address, pids):
        with crowd(address, CROWD, where, 0.2) as said:
            wait_until(lambda: connected(pids) >= CROWD // 4, PATIENCE_S, what="the crowd is there")
            held = [attempt(address, number, outcome, asks=is_seed) for number in range(5)]
            assert outcome.failures == []
        for peer in held:
            if isinstance(peer, HonestPeer):
                peer.__exit__()
        assert sum(said["connects"].values()) >= CROWD // 4
        wait_until(lambda: connected(pids) == 0, PATIENCE_S, what="nothing is left of the crowd")


def test_an_outcome_names_the_bounds_that_it_misses() -> None:
    """And no others."""
    good = Outcome("one", 1000, admitted=[1.0] * 20, round_trips=[0.01] * 1000)
    good.at_rest, good.loads = (
        Load(200.0, 100, 0.0),
        [Load(210.0, 100, 0.0), Load(245.0, 300, 1.0), Load(215.0, 100, 2.0)],
    )
    assert list(good.misses()) == []
    bad = Outcome("one", 1000, admitted=[2.1] + [1.0] * 18, round_trips=[0.2] * 1000, lost=["closed"])
    bad.at_rest, bad.loads = (
        Load(200.0, 100, 0.0),
        [Load(210.0, 100, 0.0), Load(260.0, 300, 1.0), Load(225.0, 101, 2.0)],
    )
    assert [miss.split()[0] for miss in bad.misses()] == ["18", "1", "the", "memory", "15", "101"]
    assert bad.row().count("|") == good.row().count("|") == 12


def test_the_percentile_of_nothing_is_nothing() -> None:
    assert p99([]) == 0.0
    assert p99([0.5] * 99 + [9.0]) == 9.0
