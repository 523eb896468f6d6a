"""A start that goes on beside the actor that asked for it: by itself, then with actors."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import (
    HERE,
    PROCESS,
    THREAD,
    ActorDeadError,
    ActorRef,
    ActorStartError,
    Future,
    Place,
    ProcessActor,
    StartLimitError,
    System,
    watch,
)
from peerage.actors.runtime.errors import FutureCancelledError, LimitReachedError
from peerage.actors.runtime.mail.host_table import THREAD_BITS
from peerage.actors.runtime.pending_start import PendingStart, as_start_error
from tests.actors.runtime.cast import Echo
from tests.waiting import wait_until

LIMIT_S = 10.0
REF: ActorRef[Any] = ActorRef("child")


Pending = PendingStart[Any, Future[Any]]


class FakeLoop:
    """Does what is due when it is told."""

    def __init__(self) -> None:
        self._soon: list[Callable[[], object]] = []

    def call_soon(self, fn: Callable[[], object]) -> None:
        self._soon.append(fn)

    def turn(self) -> None:
        while self._soon:
            self._soon.pop(0)()

    def wait(self, done: Callable[[], bool], timeout: float | None, /) -> bool:
        self.turn()
        return done()


@pytest.fixture
def loop() -> FakeLoop:
    return FakeLoop()


@pytest.fixture
def events() -> list[Any]:
    """What the starter was called for."""
    return []


@pytest.fixture
def outcome() -> Future[Any]:
    return Future()


@pytest.fixture
def pending(outcome: Future[Any], loop: FakeLoop, events: list[Any]) -> Pending:
    return PendingStart(
        outcome,
        "child",
        call_soon=loop.call_soon,
        wait=loop.wait,
        kill=lambda: events.append("killed"),
        late=lambda ref: events.append(("late", ref)),
    )


def test_the_answer_continues_it_in_the_loop(pending: Pending, outcome: Future[Any], loop: FakeLoop) -> None:
    """Not in whoever resolves the answer, which may be another thread."""
    answer: Future[int] = Future()
    pending.follow(answer, lambda answer: pending.came_up(REF))
    answer.set(7)
    assert not outcome.done
    loop.turn()
    assert outcome.get(timeout=0) is REF


def test_success_gives_nothing_up(pending: Pending, loop: FakeLoop, events: list[Any]) -> None:
    """The actor is its starter's now."""
    pending.came_up(REF)
    loop.turn()
    assert events == []


def test_an_answer_that_is_an_error_fails_the_start(
    pending: Pending, outcome: Future[Any], loop: FakeLoop, events: list[Any]
) -> None:
    """Nothing is left to give up then."""
    answer: Future[int] = Future()
    pending.follow(answer, lambda answer: pending.came_up(answer.get(timeout=0)))
    answer.set_exception(ValueError("not today"))
    loop.turn()
    with pytest.raises(ValueError, match="not today"):
        outcome.get(timeout=0)
    assert events == []


def test_one_that_takes_too_long_is_given_up(
    pending: Pending, outcome: Future[Any], loop: FakeLoop, events: list[Any]
) -> None:
    """Its starter is told why."""
    pending.expire("no answer")
    loop.turn()
    assert events == ["killed"]
    with pytest.raises(ActorStartError, match="no answer"):
        outcome.get(timeout=0)


def test_one_that_is_cancelled_is_given_up(
    pending: Pending, outcome: Future[Any], loop: FakeLoop, events: list[Any]
) -> None:
    """Whoever cancels the future gives the start up."""
    outcome.cancel()
    loop.turn()
    assert pending.is_given_up
    assert events == ["killed"]


def test_given_up_it_is_over_when_its_host_is_gone(
    pending: Pending, outcome: Future[Any], loop: FakeLoop, events: list[Any]
) -> None:
    """The answer of a host that is killed is an error, which comes at its death."""
    answer: Future[int] = Future()
    pending.follow(answer, lambda answer: pending.came_up(answer.get(timeout=0)))
    pending.give_up()
    assert events == ["killed"]
    assert not pending.wait(0.0)
    answer.set_exception(ActorDeadError("killed"))
    assert pending.wait(0.0)
    assert events == ["killed"]
    assert isinstance(outcome.error, ActorStartError)


def test_given_up_an_actor_that_comes_up_all_the_same_is_no_success(
    pending: Pending, outcome: Future[Any], events: list[Any]
) -> None:
    """It is handed over, to be stopped."""
    pending.give_up()
    pending.came_up(REF)
    assert events == ["killed", ("late", REF)]
    assert isinstance(outcome.error, ActorStartError)


def test_what_has_come_up_cannot_be_given_up(pending: Pending, events: list[Any]) -> None:
    """It is an actor like others by then."""
    pending.came_up(REF)
    pending.give_up()
    assert events == []


def test_an_actor_that_comes_up_too_late_is_handed_over(
    pending: Pending, outcome: Future[Any], events: list[Any]
) -> None:
    """Somebody has to stop it."""
    outcome.cancel()
    pending.came_up(REF)
    assert events == [("late", REF)]


def test_a_failure_after_it_was_given_up_changes_nothing(pending: Pending, outcome: Future[Any]) -> None:
    """The outcome stays as it was told."""
    outcome.cancel()
    pending.fail(ValueError("late"))
    with pytest.raises(FutureCancelledError):
        outcome.get(timeout=0)


def test_what_start_raises_for_an_error() -> None:
    """A dead host and a limit are failed starts; what the actor raised is its own."""
    own = ValueError("mine")
    assert as_start_error("a", own) is own
    assert str(as_start_error("a", ActorDeadError("gone"))) == str(ActorStartError("a", "gone"))
    assert isinstance(as_start_error("a", LimitReachedError("a way", "no descriptor")), StartLimitError)


# With actors


class Gated(ProcessActor):
    """Comes up once the test has opened its gate, a named pipe, and closed it again."""

    def __init__(self, gate: Path, error: Exception | None = None) -> None:
        super().__init__()
        gate.read_bytes()
        if error is not None:
            raise error


class Starting(ProcessActor):
    """Starts one actor without waiting for it."""

    def __init__(self) -> None:
        super().__init__()
        self._start: PendingStart[ActorRef[Any], Future[Any]]

    def on_receive(self, message: Any) -> Any:
        match message:
            case ("start", place, cls, *args):
                options = {"linked_to": self.actor_ref, "start_timeout": LIMIT_S}
                self._start = cls.options(name="child", place=place, **options).start_nowait(*args)
            case "is there":
                return self._start.outcome.is_ready()
            case "cancel":
                return self._start.outcome.cancel()
            case "give up":
                self._start.give_up()
            case "wait":
                return self._start.outcome
        return None


class Leaving(ProcessActor):
    """Has something started and ends."""

    def on_receive(self, message: Any) -> None:
        Echo.options(name="child", place=THREAD).start_nowait()
        self.stop()


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    return gate


def open_gate(gate: Path) -> None:
    """Let the actor go on that waits there; returns when it does."""
    os.close(os.open(gate, os.O_WRONLY))


@pytest.fixture
def starter(system: System) -> ActorRef[Starting]:
    return Starting.options(name="starter", place=THREAD).start()


PLACES = pytest.mark.parametrize("child_place", [PROCESS, THREAD], ids=["process", "thread"])


@PLACES
def test_its_starter_answers_while_it_starts(
    starter: ActorRef[Starting], gate: Path, child_place: Place
) -> None:
    starter.ask(("start", child_place, Gated, gate), timeout=LIMIT_S)
    assert starter.ask("is there", timeout=LIMIT_S) is False
    answer = starter.ask("wait", block=False)
    open_gate(gate)
    assert answer.get(timeout=LIMIT_S).is_alive()


def test_it_may_start_in_another_host(starter: ActorRef[Starting], system: System) -> None:
    landlord = Echo.options(name="landlord").start()
    starter.ask(("start", landlord, Echo), timeout=LIMIT_S)
    ref = starter.ask("wait", timeout=LIMIT_S)
    assert (ref.host, ref.ask("there?")) == ("landlord", "there?")


def test_here_it_has_started_at_once(starter: ActorRef[Starting]) -> None:
    starter.ask(("start", HERE, Echo), timeout=LIMIT_S)
    assert starter.ask("is there", timeout=LIMIT_S) is True


@PLACES
def test_what_it_raises_is_the_outcome(starter: ActorRef[Starting], gate: Path, child_place: Place) -> None:
    starter.ask(("start", child_place, Gated, gate, ValueError("no")), timeout=LIMIT_S)
    open_gate(gate)
    with pytest.raises(ValueError, match="no"):
        starter.ask("wait", timeout=LIMIT_S)


def test_cancelled_its_process_is_killed(starter: ActorRef[Starting], gate: Path, system: System) -> None:
    """The name is free for the next one, which comes up."""
    starter.ask(("start", PROCESS, Gated, gate), timeout=LIMIT_S)
    assert starter.ask("cancel", timeout=LIMIT_S) is True
    starter.ask(("start", PROCESS, Echo), timeout=LIMIT_S)
    assert starter.ask("wait", timeout=LIMIT_S).ask("there?") == "there?"


def test_given_up_its_process_is_gone_before_the_outcome(
    starter: ActorRef[Starting], gate: Path, system: System
) -> None:
    """Killed in the middle of its constructor."""
    starter.ask(("start", PROCESS, Gated, gate), timeout=LIMIT_S)
    starter.ask("give up", timeout=LIMIT_S)
    with pytest.raises(ActorStartError, match="given up"):
        starter.ask("wait", timeout=LIMIT_S)
    assert [facts.name for facts in system.hosts()] == ["starter"]


def test_cancelled_a_thread_is_stopped_as_soon_as_it_is_up(starter: ActorRef[Starting], gate: Path) -> None:
    starter.ask(("start", THREAD, Gated, gate), timeout=LIMIT_S)
    writer = os.open(gate, os.O_WRONLY)  # its constructor runs
    end = watch(ActorRef.to("child"))
    starter.ask("cancel", timeout=LIMIT_S)
    os.close(writer)
    assert end.wait(LIMIT_S).kind == "normal"


def test_a_name_is_free_again_that_was_wanted_by_an_actor_whose_host_has_ended(system: System) -> None:
    """The root had given it to a thread that nobody made any more."""
    leaver = Leaving.options(place=THREAD).start()
    leaver.tell("start and stop")
    assert watch(leaver).wait(LIMIT_S).kind == "normal"
    # Its mailbox says goodbye and closes: what we say comes behind it, by the same way.
    wait_until(lambda: system.process.network.is_gone(leaver.serial << THREAD_BITS))
    assert Echo.options(name="child", place=THREAD).start().ask("there?") == "there?"


def test_outside_an_actor_there_is_no_loop_for_it() -> None:
    with pytest.raises(RuntimeError, match="start_nowait"):
        Echo.options().start_nowait()
