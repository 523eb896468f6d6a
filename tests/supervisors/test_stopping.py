"""Children that are stopped one by one: asked, waited for, killed, given up on."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.runtime import PROCESS, THREAD, ActorRef
from peerage.supervisors.child import Child
from peerage.supervisors.spec import BRUTAL_KILL, INFINITY
from peerage.supervisors.stopping import KILL_WAIT_S, Stopper, overdue, seconds_of
from peerage.supervisors.strategy import Status
from tests.supervisors.parts import FakeClock, FakeRef, FakeStart, running, spec, starting


class Stage:
    """A stopper, and in `told` everything that it does."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.clock = FakeClock()
        self.stopper = Stopper(
            "sup",
            self.clock,
            unwatch=lambda ref: self.told.append(f"unwatch {ref.name}"),
            kill=self.kill,
        )

    def kill(self, ref: ActorRef[Any]) -> bool:
        self.told.append(f"kill {ref.name}")
        return True

    def stop(self, child: Child) -> None:
        self.stopper.stop(child, lambda: self.told.append("done"))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_a_child_is_asked_and_waited_for(stage: Stage) -> None:
    """It is done when it has ended; its time does not matter any more then."""
    child = running(spec(shutdown=5.0), stage.told)
    stage.stop(child)
    assert (child.status, stage.stopper.is_busy) == (Status.STOPPED, True)
    stage.clock.pass_by(4.9)
    stage.stopper.ended(child)
    stage.clock.pass_by(60.0)
    assert stage.told == ["stop a", "done"]
    assert not stage.stopper.is_busy


def test_a_child_without_an_actor_is_done_at_once(stage: Stage) -> None:
    """Its restart is called off."""
    child = Child(spec())
    child.status = Status.RESTARTING
    stage.stop(child)
    assert (child.status, stage.told) == (Status.STOPPED, ["done"])


def test_a_child_that_takes_too_long_is_killed(stage: Stage) -> None:
    """After its shutdown time."""
    child = running(spec(place=PROCESS, shutdown=2.0), stage.told)
    stage.stop(child)
    stage.clock.pass_by(2.0)
    stage.stopper.ended(child)
    assert stage.told == ["stop a", "kill a", "done"]


def test_a_child_that_cannot_be_killed_is_given_up_on(stage: Stage) -> None:
    """A thread that hangs, say: its supervisor goes on without it."""
    child = running(spec(place=THREAD, shutdown=BRUTAL_KILL), stage.told)
    stage.stop(child)
    stage.clock.pass_by(KILL_WAIT_S)
    assert stage.told == ["stop a", "kill a", "unwatch a", "done"]
    assert child.ref is None


def test_brutal_kill_asks_nobody(stage: Stage) -> None:
    """Where there is a process to kill."""
    child = running(spec(place=PROCESS, shutdown=BRUTAL_KILL), stage.told)
    stage.stop(child)
    stage.stopper.ended(child)
    assert stage.told == ["kill a", "done"]


def test_infinity_waits(stage: Stage) -> None:
    """As long as it takes."""
    stage.stop(running(spec(place=PROCESS, shutdown=INFINITY), stage.told))
    stage.clock.pass_by(1e6)
    assert stage.told == ["stop a"]


@pytest.mark.parametrize("shutdown", [5.0, BRUTAL_KILL])
def test_a_child_that_starts_is_killed_at_once(stage: Stage, shutdown: Any) -> None:
    """It has nothing to finish; that it has not come up is its end."""
    child = starting(spec(place=PROCESS, shutdown=shutdown), FakeStart(stage.told))
    stage.stop(child)
    assert stage.told == ["give up"]
    stage.stopper.start_is_over(child)
    assert stage.told == ["give up", "done"]


@pytest.mark.parametrize(("place", "shutdown"), [(PROCESS, INFINITY), (THREAD, INFINITY), (THREAD, 5.0)])
def test_a_child_that_starts_and_is_not_killed_stops_when_it_is_up(
    stage: Stage, place: Any, shutdown: Any
) -> None:
    """Then it is asked, and has its time."""
    child = starting(spec(place=place, shutdown=shutdown), FakeStart(stage.told))
    stage.stop(child)
    stage.clock.pass_by(4.0)
    assert stage.told == []
    child.came_up(FakeRef("a", stage.told))
    stage.stopper.start_is_over(child)
    assert (stage.told, child.status) == (["stop a"], Status.STOPPED)
    stage.stopper.ended(child)
    assert stage.told == ["stop a", "done"]


def test_a_thread_that_starts_too_slowly_is_given_up_on(stage: Stage) -> None:
    """It is stopped by itself should it come up."""
    child = starting(spec(place=THREAD, shutdown=1.0), FakeStart(stage.told))
    stage.stop(child)
    stage.clock.pass_by(1.0 + KILL_WAIT_S)
    assert stage.told == ["give up", "done"]
    assert child.start is None


def test_a_condemned_child_is_killed_and_not_waited_for(stage: Stage) -> None:
    """It is to be restarted, not stopped: its end is told like any other."""
    child = running(spec(place=PROCESS), stage.told)
    stage.stopper.kill(child)
    stage.clock.pass_by(60.0)
    assert stage.told == ["kill a"]
    assert not stage.stopper.is_stopping(child)


def test_words_and_seconds() -> None:
    """What cannot be killed at once has no time under BRUTAL_KILL."""
    assert [seconds_of(shutdown) for shutdown in (BRUTAL_KILL, None, 2.5)] == [0.0, 0.0, 2.5]
    assert overdue(2.5) == "not stopped within 2.5 s"
