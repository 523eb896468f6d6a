"""Flooders beside honest peers: what the command says of a run does not depend on the time that anything takes."""

from __future__ import annotations

import pytest

from tests.hostile.downpour import ANSWERS, EVERY, FLOODS, Outcome, downpour
from tests.hostile.residents import HonestPeer
from tests.hostile.targets import OurNode

PATIENCE_S = 30.0


@pytest.mark.timeout(120)
def test_one_flooder_of_each_kind_is_let_in_and_an_honest_peer_is_served() -> None:
    """They say how much they sent, and how often they were let in. The honest one comes when they are at it already."""
    kinds = len(FLOODS) + 1
    with OurNode(outbound=1, handshake_timeout=PATIENCE_S) as node:
        with (
            downpour(node.address, EVERY, kinds) as said,
            HonestPeer(node.address, PATIENCE_S, "127.250.0.1") as honest,
        ):
            assert honest.ping(PATIENCE_S) > 0.0
        assert said["let_in"] >= kinds
        assert said["sent"] > 0
        assert node.faults() == []


def test_an_outcome_names_the_bounds_that_it_misses() -> None:
    """And no others."""
    theirs = Outcome("pings", "CometBFT", calm_cpu=0.1, cpu=0.5)
    good = Outcome("pings", "peerage", [0.001] * 100, [0.09] * 1000, calm_cpu=0.2, cpu=0.6)
    assert list(good.misses(theirs)) == []
    bad = Outcome("pings", "peerage", [], [0.11] * 1000, ["closed"], cpu=0.45, faults=["no parent"])
    assert [miss.removeprefix("pings: ").split()[0] for miss in bad.misses(theirs)] == [
        "1",
        "the",
        "1",
        "0.450",
    ]
    assert len(list(bad.misses(None))) == 3
    assert good.row().count("|") == bad.row().count("|") == 10


def test_every_kind_has_its_flooder() -> None:
    assert ANSWERS not in FLOODS
    assert EVERY not in FLOODS
