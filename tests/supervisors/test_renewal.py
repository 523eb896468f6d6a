"""A child is stopped and started anew, by request."""

from __future__ import annotations

from typing import Any

from peerage.supervisors.child import Child
from peerage.supervisors.errors import ChildStartError
from peerage.supervisors.renewal import Renewals
from peerage.supervisors.stopping import Stopper
from peerage.supervisors.strategy import Status
from tests.supervisors.parts import FakeClock, FakeRef, running, spec


class FakeLauncher:
    """Starts when the test says so."""

    def __init__(self) -> None:
        self.begun: list[tuple[Child, Any]] = []

    def begin(self, child: Child, over: Any, *, anew: bool = False) -> None:
        assert anew
        child.status = Status.STARTING
        self.begun.append((child, over))


class Answer:
    def __init__(self) -> None:
        self.values: list[Any] = []

    def set(self, value: Any = None) -> None:
        self.values.append(value)

    def set_exception(self, error: BaseException) -> None:
        self.values.append(error)


class Stage:
    def __init__(self) -> None:
        clock = FakeClock()
        self.told: list[str] = []
        self.launcher = FakeLauncher()
        self.stopper = Stopper("sup", clock, unwatch=lambda _ref: None, kill=lambda _ref: True)
        self.may_start = True
        self.answer = Answer()
        self.renewals = Renewals(
            self.launcher,  # type: ignore[arg-type]
            self.stopper,
            now=clock.now,
            may_start=lambda: self.may_start,
            came_up=lambda child: self.told.append(f"up {child.spec.id}"),
            failed=lambda child, _error, _began: self.told.append(f"failed {child.spec.id}"),
            advance=lambda: self.told.append("advance"),
        )

    def begin(self, child: Child) -> None:
        self.renewals.begin(child, self.answer)


def test_a_child_is_stopped_started_and_answered_for() -> None:
    stage = Stage()
    child = running(spec(), stage.told)
    stage.begin(child)
    assert (stage.told, stage.launcher.begun, stage.answer.values) == (["stop a"], [], [])
    stage.stopper.ended(child)
    ((begun, over),) = stage.launcher.begun
    assert begun is child
    child.came_up(FakeRef("a"))
    over(child, None)
    assert stage.told == ["stop a", "advance", "up a", "advance"]
    assert stage.answer.values == [None]


def test_one_that_does_not_come_up_is_restarted_like_others() -> None:
    """Whoever asked gets the error."""
    stage = Stage()
    child = running(spec())
    stage.begin(child)
    stage.stopper.ended(child)
    error = ChildStartError("a", "no room")
    stage.launcher.begun[0][1](child, error)
    assert stage.told[-2:] == ["failed a", "advance"]
    assert stage.answer.values == [error]


def test_nothing_is_done_about_a_child_that_does_not_run() -> None:
    """Its next start is by the new spec anyway."""
    stage = Stage()
    child = Child(spec())
    child.status = Status.RESTARTING
    stage.begin(child)
    assert (stage.told, stage.answer.values, child.status) == ([], [None], Status.RESTARTING)


def test_nobody_is_started_any_more_when_the_supervisor_ends_meanwhile() -> None:
    stage = Stage()
    child = running(spec())
    stage.begin(child)
    stage.may_start = False
    stage.stopper.ended(child)
    assert stage.launcher.begun == []
