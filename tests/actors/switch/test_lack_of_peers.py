"""Why a node has no peers, summed up."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.messages import ConnectionFacts
from peerage.actors.refusal import Refusal, RefusalReason
from peerage.actors.switch.lack_of_peers import MOST_NODES, LackOfPeers, outcome_of
from peerage.wire.errors import NetworkMismatchError, NoCommonChannelError
from peerage.wire.keys import NodeID
from tests.fake_clock import FakeClock

ELSEWHERE = Refusal(RefusalReason.INCOMPATIBLE, str(NetworkMismatchError("theirs", "ours")))
SILENT = Refusal(RefusalReason.UNREACHABLE, "Connection refused")


class Scene:
    """A node without peers, and what it says."""

    def __init__(self) -> None:
        self.clock, self.has_peers = FakeClock(), False
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.lack = LackOfPeers(self, self.clock.call_later, self.clock.now, lambda: self.has_peers)

    def info(self, event: str, **facts: Any) -> None:
        self.said.append(("info", {"event": event, **facts}))

    def warning(self, event: str, **facts: Any) -> None:
        self.said.append(("warning", {"event": event, **facts}))

    def refuse(self, number: int, refusal: Refusal, *, outbound: bool = True) -> None:
        node = NodeID(f"{number:040x}") if outbound else None
        facts = ConnectionFacts("c", "h", f"10.0.{number >> 8 & 255}.{number & 255}", 1, outbound, node)
        self.lack.refused(facts, refusal)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_it_says_of_how_many_nodes_what_came(scene: Scene) -> None:
    """Nodes, not attempts, by what came of the last one."""
    for number in range(8):
        scene.refuse(number, SILENT)
        scene.refuse(number, ELSEWHERE if number < 6 else SILENT)
    scene.refuse(1, Refusal(RefusalReason.BANNED), outbound=False)
    scene.clock.pass_by(60.0)
    told = {"event": "no peers", "seconds": 60.0, "dialled": "6 on another network, 2 unreachable"}
    assert scene.said == [("warning", told | {"callers": "1 banned"})]


def test_it_says_so_less_and_less_often(scene: Scene) -> None:
    """At most once a minute, in the end once an hour."""
    scene.clock.pass_by(60.0 * 63)
    assert [facts["seconds"] / 60 for _level, facts in scene.said] == [1, 3, 7, 15, 31, 63]
    scene.clock.pass_by(86_400.0)
    assert len(scene.said) == 6 + 24


def test_a_node_that_tries_nobody_may_be_meant_to(scene: Scene) -> None:
    """It is told at info: the first node of a network waits for others."""
    scene.refuse(1, ELSEWHERE, outbound=False)
    scene.clock.pass_by(60.0)
    told = {"event": "no peers", "seconds": 60.0, "dialled": "nobody", "callers": "1 on another network"}
    assert scene.said == [("info", told)]


def test_a_peer_that_comes_ends_it_and_the_last_that_goes_begins_it_anew(scene: Scene) -> None:
    """What came of others before is forgotten."""
    scene.refuse(1, SILENT)
    scene.lack.over()
    scene.refuse(2, SILENT)
    scene.clock.pass_by(600.0)
    assert scene.said == []
    scene.lack.begins()
    scene.clock.pass_by(60.0)
    assert [facts["dialled"] for _level, facts in scene.said] == ["nobody"]


def test_a_switch_that_was_restarted_has_peers_that_nobody_adds(scene: Scene) -> None:
    """It is looked at the table before anything is said."""
    scene.has_peers = True
    scene.clock.pass_by(600.0)
    assert scene.said == []


def test_after_its_close_it_is_silent(scene: Scene) -> None:
    """Its actor ends."""
    scene.lack.close()
    scene.clock.pass_by(600.0)
    assert scene.said == []


@pytest.mark.parametrize("outbound", [True, False])
def test_strangers_do_not_fill_its_memory(scene: Scene, *, outbound: bool) -> None:
    """The last thousand are counted."""
    for number in range(MOST_NODES + 500):
        scene.refuse(number, SILENT, outbound=outbound)
    scene.clock.pass_by(60.0)
    assert f"{MOST_NODES} unreachable" in scene.said[0][1].values()


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (ELSEWHERE, "on another network"),
        (Refusal(RefusalReason.INCOMPATIBLE, str(NoCommonChannelError(b"\x01", b"\x02"))), "incompatible"),
        (Refusal(RefusalReason.UNREACHABLE, "too many open files", is_ours=True), "lack of means here"),
        *[(Refusal(reason, "x"), str(reason)) for reason in RefusalReason],
    ],
    ids=lambda each: str(each)[:30],
)
def test_an_outcome_has_no_words_of_a_remote(refusal: Refusal, words: str) -> None:
    """Its detail may quote one."""
    assert outcome_of(refusal) == words
