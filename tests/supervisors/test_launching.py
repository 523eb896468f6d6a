"""Starts of children, with an actor class whose starts are the test's."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from peerage.actors.runtime import ActorRef, ActorStartError, Future, HostAliveError, StartLimitError
from peerage.supervisors.child import Child
from peerage.supervisors.errors import ChildStartError
from peerage.supervisors.launching import Launcher, is_limit, start_error
from peerage.supervisors.spec import ChildSpec, Start
from peerage.supervisors.strategy import Status
from tests.supervisors.parts import FakeRef, FakeStart, Nothing, spec

OWNER: ActorRef[Any] = ActorRef("sup")


class Recorded(Nothing):
    """Is never started: notes how it would be."""

    asked: list[dict[str, Any]]
    starts: list[FakeStart]

    @classmethod
    def options(cls, **options: Any) -> Any:
        if "nonsense" in options:
            raise TypeError("nonsense")
        cls.asked.append(options)
        return cls

    @classmethod
    def start_nowait(cls, *args: Any, **kwargs: Any) -> FakeStart:
        cls.asked[-1]["arguments"] = (args, kwargs)
        cls.starts.append(FakeStart())
        return cls.starts[-1]

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> Any:
        start = cls.start_nowait(*args, **kwargs)
        return start.outcome.get(timeout=0) if not start.wait(0) else None


class Stage:
    """A launcher; `over` is what it has told."""

    def __init__(self) -> None:
        Recorded.asked, Recorded.starts = [], []
        self.watched: list[str] = []
        self.killed: list[str] = []
        self.over: list[tuple[Status, str]] = []
        self.fault: Exception | None = None
        self.launcher = Launcher(OWNER, self.watch, kill=self.kill)

    def kill(self, ref: ActorRef[Any]) -> bool:
        self.killed.append(ref.name)
        return True

    def watch(self, ref: ActorRef[Any]) -> None:
        self.watched.append(ref.name)
        if self.fault is not None:
            raise self.fault

    def begin(self, child: Child, *, anew: bool = False) -> None:
        self.launcher.begin(child, self.told, anew=anew)

    def told(self, child: Child, error: ChildStartError | None) -> None:
        self.over.append((child.status, "" if error is None else error.cause))


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def child() -> Child:
    return Child(ChildSpec("a", Start.of(Recorded, 1, two=2).using(start_timeout=3.0)))


def test_a_child_is_started_as_its_spec_says_and_belongs_to_its_supervisor(
    stage: Stage, child: Child
) -> None:
    """Under its own name; until it is up, it is starting."""
    stage.begin(child)
    assert Recorded.asked == [
        {"start_timeout": 3.0, "name": "a", "linked_to": OWNER, "arguments": ((1,), {"two": 2})}
    ]
    assert (child.status, stage.over) == (Status.STARTING, [])
    Recorded.starts[0].outcome.set(FakeRef("a"))
    assert (stage.watched, stage.over) == (["a"], [(Status.RUNNING, "")])


def test_a_start_that_fails_is_told_with_its_cause(stage: Stage, child: Child) -> None:
    """The error itself is the cause of the one that is told."""
    stage.begin(child)
    Recorded.starts[0].outcome.set_exception(ValueError("no"))
    assert stage.over == [(Status.STARTING, "ValueError: no")]
    assert child.start is None


def test_options_that_nothing_can_be_started_with_are_a_failed_start(stage: Stage) -> None:
    """Told at once."""
    stage.begin(Child(ChildSpec("a", Start.of(Recorded).using(nonsense=1))))
    assert stage.over == [(Status.STOPPED, "TypeError: nonsense")]


def test_nothing_is_told_of_a_start_that_was_given_up_on(stage: Stage, child: Child) -> None:
    """Its child has gone on without it."""
    stage.begin(child)
    child.gone()
    Recorded.starts[0].outcome.set(FakeRef("a"))
    assert (stage.watched, stage.over) == ([], [])


def test_a_child_whose_end_would_not_be_heard_of_is_killed(stage: Stage, child: Child) -> None:
    """It counts as not started."""
    stage.fault = OSError(errno.EMFILE, "full")
    stage.begin(child)
    Recorded.starts[0].outcome.set(FakeRef("a"))
    assert stage.killed == ["a"]
    assert stage.over[0][1].startswith("OSError")


def living(child: Child) -> HostAliveError:
    """What a start fails with while the process of the last life is there."""
    child.came_up(FakeRef("a"))
    child.gone()
    assert child.last_ref is not None
    return HostAliveError("a", "a", child.last_ref.serial)


def test_a_restart_makes_way_for_itself_once(stage: Stage, child: Child) -> None:
    """What is left of the last life is killed; if that does not help, the start has failed."""
    error = living(child)
    stage.begin(child, anew=True)
    Recorded.starts[0].outcome.set_exception(error)
    assert (stage.killed, stage.over) == (["a"], [])
    Recorded.starts[1].outcome.set_exception(error)
    assert (stage.killed, len(stage.over), len(Recorded.starts)) == (["a"], 1, 2)


def test_a_first_start_makes_no_way(stage: Stage, child: Child) -> None:
    """The name is somebody's whom the supervisor need not know."""
    error = living(child)
    stage.begin(child)
    Recorded.starts[0].outcome.set_exception(error)
    assert (stage.killed, len(stage.over)) == ([], 1)


def test_the_first_children_are_waited_for(
    stage: Stage, child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is raised then."""
    outcome: list[Any] = [FakeRef("a"), ValueError("no")]

    def start(*_: Any, **__: Any) -> Any:
        result = outcome.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(Recorded, "start", start)
    stage.launcher.start(child)
    assert (child.status, stage.watched) == (Status.RUNNING, ["a"])
    with pytest.raises(ChildStartError, match="ValueError: no"):
        stage.launcher.start(Child(child.spec))


def test_what_is_a_limit() -> None:
    """No room for a process, or for a thread that the child needs; anything else is a failure."""
    child = Child(spec())
    assert is_limit(start_error(child, StartLimitError("a", "no descriptor is left")))
    assert is_limit(start_error(child, RuntimeError("can't start new thread")))
    assert not is_limit(start_error(child, RuntimeError("no")))
    assert not is_limit(start_error(child, ActorStartError("a", "no")))


def test_a_future_is_a_fitting_outcome() -> None:
    """The runtime's own."""
    assert isinstance(FakeStart().outcome, Future)


class FakeHeld:
    """A process that waits."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def start(self, *args: Any, **kwargs: Any) -> ActorRef[Any]:
        self.told.append((args, kwargs))
        return FakeRef("a")

    def give_up(self) -> None:
        self.told.append("give up")


def test_a_process_that_is_held_is_used_once(
    stage: Stage, child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is held and not used is let go."""
    held = [FakeHeld(), FakeHeld()]
    waiting = iter(held)
    monkeypatch.setattr(Recorded, "hold", lambda: next(waiting), raising=False)
    stage.launcher.hold(child)
    other = Child(ChildSpec("b", Start.of(Recorded)))
    stage.launcher.hold(other)
    stage.launcher.start(child)
    assert child.status is Status.RUNNING
    stage.launcher.let_go()
    stage.launcher.let_go()
    assert [each.told for each in held] == [[((1,), {"two": 2})], ["give up"]]


def test_where_there_was_no_room_for_several_at_once_a_child_is_started_alone(
    stage: Stage, child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its turn the others are there, and want less."""

    class Refused(FakeHeld):
        def start(self, *_args: Any, **_kwargs: Any) -> ActorRef[Any]:
            raise StartLimitError("a", "no descriptor is left")

    monkeypatch.setattr(Recorded, "hold", Refused, raising=False)
    monkeypatch.setattr(Recorded, "start", lambda *_args, **_kwargs: FakeRef("a"))
    stage.launcher.hold(child)
    stage.launcher.start(child)
    assert (child.status, stage.watched) == (Status.RUNNING, ["a"])


def test_nothing_is_held_that_has_no_process_or_cannot_have_one(
    stage: Stage, child: Child, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start itself meets the error, and tells of it."""

    def fail() -> Any:
        raise OSError("no")

    monkeypatch.setattr(Recorded, "hold", fail, raising=False)
    stage.launcher.hold(Child(spec()))  # in a thread
    stage.launcher.hold(child)
    stage.launcher.let_go()
    assert stage.over == []
