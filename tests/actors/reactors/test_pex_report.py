"""What the operator sees of peer exchange."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from peerage.actors.discovery.book.additions import Added
from peerage.actors.discovery.manager.effects import Ban, GiveUp, Heard, Judged, NoSeedReached
from peerage.actors.log_folding import LineFolding, Repeats
from peerage.actors.reactors import pex_report
from peerage.actors.reactors.pex_report import PexReport, outcomes_of
from tests.actors.discovery.manager.scene import connected
from tests.actors.discovery.nodes import node_id


class Operator:
    """Lines and counts, as somebody reads them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, has_metrics: bool = True) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []
        self.counts: Counter[tuple[str, ...]] = Counter()
        log = SimpleNamespace(debug=self._write, info=self._write, warning=self._write)
        monkeypatch.setattr(pex_report, "log", log)
        folding = LineFolding(lambda _seconds, _function: None)
        self.report = PexReport(folding, Repeats(lambda: 0.0), self._count if has_metrics else None)

    def _write(self, event: str, **facts: Any) -> None:
        self.lines.append((event, facts))

    def _count(self, name: str, labels: tuple[str, ...], n: float) -> None:
        self.counts[name, *labels] += int(n)


@pytest.fixture
def operator(monkeypatch: pytest.MonkeyPatch) -> Operator:
    return Operator(monkeypatch)


def test_requests_are_counted_by_outcome(operator: Operator) -> None:
    """None of them is worth a line."""
    for outcome in ("answered", "answered", "early"):
        operator.report.judged(Judged(outcome))
    assert operator.counts == {
        ("p2p_pex_requests_total", "answered"): 2,
        ("p2p_pex_requests_total", "early"): 1,
    }
    assert operator.lines == []


def test_addresses_are_counted_by_what_became_of_them(operator: Operator) -> None:
    """Whoever tells some that are refused, or that push out others, is worth a line when debugging. The rest is not."""
    well, badly = Added(3, 0, 0, {}), Added(1, 0, 0, {"not routable": 2}, displaced=1)
    peer = connected(1, ip="9.9.9.9")
    operator.report.heard(Heard(peer, well))
    operator.report.heard(Heard(None, badly))
    assert operator.lines == []
    operator.report.heard(Heard(peer, badly))
    found = {"added": 1, "displaced": 1, "not routable": 2}
    assert operator.lines == [("addresses heard", {"peer": peer.id, "found": found})]
    assert operator.counts["p2p_heard_addresses_total", "added"] == 5
    assert operator.counts["p2p_heard_addresses_total", "not routable"] == 4


def test_outcomes_that_nothing_came_to_are_left_out() -> None:
    """An operator who sees "refused: 0" has to think."""
    assert outcomes_of(Added(0, 2, 0, {"self": 0})) == {"seen again": 2}


@pytest.mark.parametrize(("effect", "connects"), [(Ban, False), (GiveUp, True)])
def test_a_ban_says_whether_the_node_may_still_connect(
    operator: Operator, effect: type[Ban | GiveUp], *, connects: bool
) -> None:
    """It is counted by what the node did, without what it said: labels are few."""
    operator.report.banned(effect(node_id(1), 60.0, "sent an invalid address: \x1b[2J"))
    ((event, facts),) = operator.lines
    assert event == "peer banned"
    assert (facts["peer"], facts["seconds"], facts["connects"]) == (node_id(1), 60.0, connects)
    assert "\x1b" not in facts["reason"]
    assert operator.counts == {("p2p_bans_total", "sent an invalid address"): 1}


def test_seeds_that_could_not_be_reached_are_told(operator: Operator) -> None:
    """Each once in a while, for a node without peers tries them again and again."""
    for _ in range(3):
        operator.report.seed_skipped("seed.example.org:1", OSError("no such name"))
        operator.report.no_seed_reached(NoSeedReached())
    assert operator.lines == [
        ("seed skipped", {"seed": "seed.example.org:1", "cause": "no such name"}),
        ("no seed could be reached", {}),
    ]


def test_without_metrics_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are written all the same."""
    operator = Operator(monkeypatch, has_metrics=False)
    operator.report.judged(Judged("answered"))
    operator.report.banned(Ban(node_id(1), 60.0, "x"))
    assert len(operator.lines) == 1
