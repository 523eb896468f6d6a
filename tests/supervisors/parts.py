"""What a supervisor's parts are tested with in place of processes: a clock, refs that note what they are told."""

from __future__ import annotations

from typing import Any

from peerage.actors.runtime import THREAD, ActorRef, DownReason, Future, Place, ProcessActor
from peerage.supervisors.child import Child
from peerage.supervisors.spec import ChildSpec, Start
from tests.fake_clock import FakeClock

__all__ = ["NORMAL", "FakeClock", "FakeRef", "FakeStart", "Nothing", "running", "spec", "starting"]

NORMAL = DownReason("normal", "stopped")


class Nothing(ProcessActor):
    """A class to name in specs; it is never started."""


class FakeRef(ActorRef[Any]):
    """Notes in `told` that it is asked to stop, and whether it was killed."""

    def __init__(self, name: str, told: list[str] | None = None) -> None:
        super().__init__(name)
        self.told = [] if told is None else told

    def stop(self, *_args: Any, **_kwargs: Any) -> Any:
        self.told.append(f"stop {self.name}")
        return True


class FakeStart:
    """A start that goes on until the test says how it ends."""

    def __init__(self, told: list[str] | None = None, comes_up: ActorRef[Any] | None = None) -> None:
        self.outcome: Future[ActorRef[Any]] = Future()
        self.told = [] if told is None else told
        self.patience: list[float | None] = []
        self._comes_up = comes_up  # when it is waited for

    def give_up(self) -> None:
        self.told.append("give up")

    def wait(self, timeout: float | None) -> bool:
        self.patience.append(timeout)
        if self._comes_up is not None:
            self.outcome.set(self._comes_up)
        elif "give up" in self.told:
            self.outcome.set_exception(RuntimeError("killed"))
        return self.outcome.done


def spec(child_id: str = "a", place: Place = THREAD, **fields: Any) -> ChildSpec:
    return ChildSpec(child_id, Start.of(Nothing).using(place=place), **fields)


def running(child_spec: ChildSpec, told: list[str] | None = None) -> Child:
    """A child that lives."""
    child = Child(child_spec)
    child.came_up(FakeRef(child_spec.id, told))
    return child


def starting(child_spec: ChildSpec, start: FakeStart) -> Child:
    """A child that is on its way up."""
    child = Child(child_spec)
    child.begin(start)
    return child
