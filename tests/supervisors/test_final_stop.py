"""The end of all children, with watches and starts that the test makes."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from peerage.actors.runtime import PROCESS, THREAD, ActorRef, DownReason, Timeout
from peerage.supervisors.child import Children
from peerage.supervisors.final_stop import FinalStop
from peerage.supervisors.spec import BRUTAL_KILL, INFINITY
from peerage.supervisors.stopping import KILL_WAIT_S
from peerage.supervisors.strategy import Status
from tests.supervisors.parts import NORMAL, FakeClock, FakeRef, FakeStart, spec


class Stage:
    """In `told` what is done, in `waits` how long children are waited for. Children end in time unless `takes` says when."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.waits: list[tuple[str, float | None]] = []
        self.undone: list[tuple[str, str]] = []
        self.takes: dict[str, float] = {}
        self.reasons: dict[str, DownReason] = {}
        self.clock = FakeClock()

    def watch(self, ref: ActorRef[Any]) -> FakeWatch:
        return FakeWatch(self, ref)

    def kill(self, ref: ActorRef[Any]) -> bool:
        self.told.append(f"kill {ref.name}")
        self.takes[ref.name] = 0.0
        return True

    def run(self, children: Children) -> None:
        FinalStop(
            "sup",
            self.clock,
            lambda child_id, cause: self.undone.append((child_id, cause)),
            watch=self.watch,
            kill=self.kill,
        ).run(children)

    def live(self, children: Children) -> Children:
        for child in children:
            child.came_up(FakeRef(child.spec.id, self.told))
        return children


class FakeWatch:
    def __init__(self, stage: Stage, ref: ActorRef[Any]) -> None:
        self.ref, self._stage = ref, stage

    def wait(self, timeout: float | None = None) -> DownReason:
        name = self.ref.name
        self._stage.waits.append((name, timeout))
        takes = self._stage.takes.get(name, 0.0)
        patience = inf if timeout is None else timeout
        self._stage.clock.stand_still(min(takes, patience))
        if takes > patience:
            raise Timeout(name)
        return self._stage.reasons.get(name, NORMAL)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_children_stop_one_by_one_last_started_first(stage: Stage) -> None:
    """Each is waited for before the next is asked; afterwards nobody runs."""
    children = stage.live(Children([spec("a"), spec("b")]))
    stage.run(children)
    assert stage.told == ["stop b", "stop a"]
    assert stage.waits == [("b", 5.0), ("a", 5.0)]
    assert [child.status for child in children] == [Status.STOPPED] * 2
    assert stage.undone == []


def test_a_child_that_takes_too_long_is_killed_and_has_left_something_undone(stage: Stage) -> None:
    """It is waited for once more, but not for long: it may hang in the kernel."""
    stage.takes["a"] = 60.0
    stage.run(stage.live(Children([spec("a", PROCESS, shutdown=2.0)])))
    assert stage.told == ["stop a", "kill a"]
    assert stage.waits == [("a", 2.0), ("a", KILL_WAIT_S)]
    assert stage.undone == [("a", "not stopped within 2 s")]


def test_a_child_that_fails_at_its_end_has_left_something_undone(stage: Stage) -> None:
    """The cause is its own."""
    stage.reasons["a"] = DownReason("exception", "OSError: disk full")
    stage.run(stage.live(Children([spec("a")])))
    assert stage.undone == [("a", "exception: OSError: disk full")]


def test_infinity_is_waited_for_and_brutal_kill_is_not_asked(stage: Stage) -> None:
    """Brutal only where there is a process to kill."""
    children = Children([spec("a", PROCESS, shutdown=INFINITY), spec("b", PROCESS, shutdown=BRUTAL_KILL)])
    stage.run(stage.live(children))
    assert stage.told == ["kill b", "stop a"]
    assert stage.waits == [("b", KILL_WAIT_S), ("a", None)]


def test_children_without_an_order_stop_side_by_side(stage: Stage) -> None:
    """All are asked first; the one with the shortest time is waited for first."""
    children = Children([])
    for child_id, seconds in (("i1", 1.0), ("i2", 3.0)):
        children.add(spec("t", shutdown=seconds).instance(child_id))
    stage.run(stage.live(children))
    assert stage.told == ["stop i2", "stop i1"]
    assert [name for name, _ in stage.waits] == ["i1", "i2"]


def test_a_child_that_was_to_be_restarted_has_left_something_undone(stage: Stage) -> None:
    """It could not do what it owed."""
    children = Children([spec("a")])
    children.find("a").status = Status.RESTARTING
    stage.run(children)
    assert stage.undone == [("a", "it was not running")]


def test_a_child_that_starts_is_killed_and_waited_for(stage: Stage) -> None:
    """As one that was to be restarted, it has left something undone."""
    start = FakeStart(stage.told)
    children = Children([spec("a", PROCESS)])
    children.find("a").begin(start)
    stage.run(children)
    assert (stage.told, start.patience) == (["give up"], [KILL_WAIT_S])
    assert stage.undone == [("a", "it was not running")]


@pytest.mark.parametrize(
    ("place", "shutdown", "patience"),
    [(PROCESS, INFINITY, None), (THREAD, INFINITY, None), (THREAD, 2.0, 2.0)],
)
def test_a_child_that_comes_up_in_its_time_is_stopped_in_order(
    stage: Stage, place: Any, shutdown: Any, patience: float | None
) -> None:
    """All the time, or no process to kill."""
    start = FakeStart(stage.told, comes_up=FakeRef("a", stage.told))
    children = Children([spec("a", place, shutdown=shutdown)])
    children.find("a").begin(start)
    stage.run(children)
    assert (stage.told, start.patience) == (["stop a"], [patience])
    assert stage.undone == []


def test_a_thread_that_does_not_come_up_is_left_to_itself(stage: Stage) -> None:
    """It is stopped as soon as it does."""
    start = FakeStart(stage.told)
    children = Children([spec("a", THREAD, shutdown=2.0)])
    children.find("a").begin(start)
    stage.run(children)
    assert (stage.told, start.patience) == (["give up"], [2.0])
    assert stage.undone == [("a", "it was not running")]
