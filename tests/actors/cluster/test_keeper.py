"""A node is kept connected to its cluster, and no end of a connection is one of the node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from peerage.actors.cluster import keeper
from peerage.actors.cluster.keeper import ClusterKeeper
from peerage.actors.cluster.messages import ClusterStatus, GetClusterStatus
from peerage.actors.runtime import THREAD, ActorRef, ActorStartError, ProcessActor, System
from tests.actors.cluster.stage import context
from tests.nodes import wait_until


class Member(ProcessActor):
    """Tells its keeper what it is told to."""

    started = 0

    def __init__(self, keeper: ActorRef[Any]) -> None:
        super().__init__()
        Member.started += 1
        self._keeper = keeper

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, ClusterStatus):
            self._keeper.ask(message, timeout=5)
        elif message == "end":
            self.stop()


class Starting:
    """In place of the class by its name: a member in a thread. Attribute: fails, instead."""

    def __init__(self) -> None:
        self.fails = False

    def options(self, *, log_setup: Any, **options: Any) -> Any:
        assert log_setup is None
        if self.fails:
            return self
        return Member.options(place=THREAD, **options)

    def start(self, *_: Any) -> Any:
        raise ActorStartError("cluster-member", "no more processes")


@pytest.fixture
def starting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Starting]:
    """The pauses are short."""
    Member.started = 0
    monkeypatch.setattr(keeper, "MEMBER", made := Starting())
    monkeypatch.setattr(keeper, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(keeper, "LONGEST_PAUSE_S", 0.02)
    yield made
    System.current().shutdown()


def start(home: Path) -> ActorRef[Any]:
    return ClusterKeeper.options(name="cluster", place=THREAD, extra=context(home)).start()


def status(ref: ActorRef[Any]) -> ClusterStatus:
    found: ClusterStatus = ref.ask(GetClusterStatus(), timeout=5)
    return found


def test_it_knows_how_the_node_stands_with_the_shared_book(starting: Starting, tmp_path: Path) -> None:
    """As the member has said last; by itself before."""
    ref = start(tmp_path)
    assert status(ref).nodes == 0
    told = ClusterStatus(2, "10.0.0.2", is_kept=True, is_level=True, visits=2)
    with capture_logs() as logs:
        member = ActorRef.to("cluster-member")
        member.ask(told, timeout=5)
        assert status(ref) == told
        member.ask(ClusterStatus(2, "10.0.0.2"), timeout=5)
    (told_once,) = [entry for entry in logs if entry["event"] == "address book shared"]
    assert told_once == {
        "event": "address book shared",
        "book_at": "10.0.0.2",
        "nodes": 2,
        "log_level": "info",
    }


def test_a_member_that_ends_has_a_successor(starting: Starting, tmp_path: Path) -> None:
    """However often; that the node is by itself is said once for each cause."""
    ref = start(tmp_path)
    with capture_logs() as logs:
        for count in (1, 2, 3):
            wait_until(lambda: Member.started == count)  # noqa: B023 - called here
            member = ActorRef.to("cluster-member")
            member.ask(ClusterStatus(cause="nobody there"), timeout=5)
            member.tell("end")
        wait_until(lambda: Member.started == 4)
        assert status(ref) == ClusterStatus(cause="nobody there")
    alone = "address book not shared, the node goes on by itself"
    assert [each["cause"] for each in logs if each["event"] == alone] == ["nobody there"]


def test_a_killed_member_leaves_the_node_by_itself(starting: Starting, tmp_path: Path) -> None:
    """What it said last holds no more."""
    ref = start(tmp_path)
    member = ActorRef.to("cluster-member")
    member.ask(ClusterStatus(2, "10.0.0.2"), timeout=5)
    member.tell("end")
    wait_until(lambda: status(ref).nodes == 0)
    assert status(ref).cause == "normal: stopped"


def test_a_member_that_cannot_be_started_is_tried_again(starting: Starting, tmp_path: Path) -> None:
    """The node has started all the same."""
    starting.fails = True
    ref = start(tmp_path)
    assert "no more processes" in status(ref).cause
    starting.fails = False
    wait_until(lambda: Member.started == 1)
