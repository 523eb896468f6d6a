"""A child that takes its time to start holds up nobody but those that have to start after it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from peerage.actors.runtime import PROCESS, THREAD, ActorRef, Future, Place, ProcessActor, System, watch
from peerage.supervisors import (
    BRUTAL_KILL,
    INFINITY,
    ChildAlreadyStartedError,
    ChildCounts,
    ChildRestartingError,
    ChildSpec,
    ChildStartError,
    Start,
    StartChild,
    Status,
    Strategy,
    SupervisorRef,
    TerminateChild,
)
from tests.supervisors.conftest import MakeChild, RunSupervisor, settled
from tests.supervisors.journal import PATIENCE_S, Journal, write
from tests.waiting import wait_until

RUNNING, STARTING, STOPPED = Status.RUNNING, Status.STARTING, Status.STOPPED
PLACES = pytest.mark.parametrize("place", [PROCESS, THREAD], ids=["process", "thread"])


class Gated(ProcessActor):
    """Writes `begin slow` when its constructor runs, waits at its gate if there is one, then writes `start slow`."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory
        write(directory, "begin slow")
        gate = directory / "gate"
        if gate.exists():
            gate.read_bytes()
        write(directory, "start slow")

    def on_receive(self, message: Any) -> None:
        raise RuntimeError(message)

    def on_stop(self) -> None:
        write(self._directory, "stop slow")


class Gate:
    """Where starts of the slow child wait from `close` to `open`."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "gate"
        self._fd = -1

    def close(self) -> None:
        os.mkfifo(self._path)

    def hold(self) -> None:
        """Wait until somebody waits there."""
        self._fd = os.open(self._path, os.O_WRONLY)

    def open(self) -> None:
        """Let it go on, and all that come later."""
        self._path.unlink(missing_ok=True)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    gate.open()


MakeSlow = Callable[..., ChildSpec]


@pytest.fixture
def slow(tmp_path: Path) -> MakeSlow:
    """slow(place=…, shutdown=…) is the spec of the slow child."""

    def make(place: Place = THREAD, **fields: Any) -> ChildSpec:
        return ChildSpec("slow", Start.of(Gated, tmp_path).using(place=place), **fields)

    return make


class Hold(Protocol):
    """hold(*specs) starts a supervisor, has the slow child among them fail, and keeps its successor in its constructor.

    then: what is written between the failure and that.
    """

    def __call__(self, *specs: ChildSpec, then: Sequence[str] = (), **flags: Any) -> SupervisorRef: ...


@pytest.fixture
def hold(supervise: RunSupervisor, journal: Journal, gate: Gate) -> Hold:
    def run(*specs: ChildSpec, then: Sequence[str] = (), **flags: Any) -> SupervisorRef:
        supervisor = supervise(*specs, **flags)
        for spec in specs:
            journal.expect(*(["begin slow"] if spec.id == "slow" else []), f"start {spec.id}")
        gate.close()
        ActorRef.to("slow").tell("fail")
        journal.expect(*then, "begin slow")
        gate.hold()
        return supervisor

    return run


def statuses(supervisor: SupervisorRef) -> dict[str, Status]:
    return {info.id: info.status for info in supervisor.which_children()}


def later(supervisor: SupervisorRef, request: Any) -> Future[Any]:
    return supervisor.ref.ask(request, block=False)


# What does not wait


@PLACES
def test_questions_are_answered(
    hold: Hold, slow: MakeSlow, worker: MakeChild, gate: Gate, place: Place
) -> None:
    """The child is shown as starting, without a ref, and is not counted as active."""
    supervisor = hold(slow(place), worker("other"))
    child, other = supervisor.which_children()
    assert (child.status, child.ref, child.restarts) == (STARTING, None, 0)
    assert other.status is RUNNING
    assert supervisor.count_children() == ChildCounts(2, 1, 0, 2)
    assert supervisor.child_spec("slow").id == "slow"
    gate.open()
    child, other = settled(supervisor)
    assert (child.status, child.restarts) == (RUNNING, 1)


def test_another_child_is_terminated_and_restarted(
    hold: Hold, slow: MakeSlow, worker: MakeChild, journal: Journal
) -> None:
    """By request, while the slow one still starts."""
    supervisor = hold(slow(), worker("other"))
    supervisor.terminate_child("other")
    assert statuses(supervisor) == {"slow": STARTING, "other": STOPPED}
    supervisor.restart_child("other")
    journal.expect("stop other", "start other")
    assert statuses(supervisor) == {"slow": STARTING, "other": RUNNING}


def test_siblings_start_beside_it(hold: Hold, slow: MakeSlow, worker: MakeChild, journal: Journal) -> None:
    """one_for_one: children have nothing to do with each other, be they restarted or new."""
    supervisor = hold(slow(), worker("other"))
    ActorRef.to("other").tell("crash")
    journal.expect("start other")
    supervisor.start_child(worker("new"))
    journal.expect("start new")
    assert statuses(supervisor)["slow"] is STARTING


def test_a_supervisor_gives_up(hold: Hold, slow: MakeSlow, worker: MakeChild, journal: Journal) -> None:
    """One restart too many of another child: those that run are stopped, the one that starts is killed."""
    supervisor = hold(slow(PROCESS), worker("other"), restarts=1)
    end = watch(supervisor.ref)
    ActorRef.to("other").tell("crash")
    assert "SupervisorGaveUpError" in end.wait(PATIENCE_S).text
    assert "slow" not in hosts()


def test_a_supervisor_is_stopped(hold: Hold, slow: MakeSlow, worker: MakeChild, journal: Journal) -> None:
    """The process of the child that starts is killed, and is gone when the supervisor is."""
    supervisor = hold(slow(PROCESS), worker("other"))
    assert supervisor.ref.stop(timeout=PATIENCE_S)
    journal.expect("stop other")
    assert "slow" not in hosts()


@pytest.mark.parametrize("shutdown", [5.0, BRUTAL_KILL])
def test_it_is_itself_terminated(
    hold: Hold, slow: MakeSlow, journal: Journal, gate: Gate, shutdown: Any
) -> None:
    """Killed at once: it has done nothing yet that it would have to finish. It can be started again."""
    supervisor = hold(slow(PROCESS, shutdown=shutdown))
    supervisor.terminate_child("slow")
    assert statuses(supervisor) == {"slow": STOPPED}
    assert "slow" not in hosts()
    gate.open()
    supervisor.restart_child("slow")
    journal.expect("begin slow", "start slow")


def hosts() -> list[str]:
    """The names of the hosts that live."""
    return [facts.name for facts in System.current().hosts()]


# What waits for it


@pytest.mark.parametrize("strategy", [Strategy.REST_FOR_ONE, Strategy.ONE_FOR_ALL])
def test_those_behind_it_start_after_it(
    hold: Hold, slow: MakeSlow, worker: MakeChild, journal: Journal, gate: Gate, strategy: Strategy
) -> None:
    """And new children behind them. A termination need not wait: it calls a restart off."""
    stopped = ["stop c", "stop b"]
    supervisor = hold(slow(), worker("b"), worker("c"), strategy=strategy, then=stopped)
    new = later(supervisor, StartChild(worker("new")))
    supervisor.terminate_child("b")
    assert statuses(supervisor) == {"slow": STARTING, "b": STOPPED, "c": Status.RESTARTING}
    gate.open()
    new.get(timeout=PATIENCE_S)
    journal.expect("start slow", "start c", "start new")


@pytest.mark.parametrize(
    ("strategy", "then"), [(Strategy.REST_FOR_ONE, []), (Strategy.ONE_FOR_ALL, ["stop a", "start a"])]
)
def test_the_end_of_a_sibling_before_it_is_dealt_with_after_it(
    hold: Hold,
    slow: MakeSlow,
    worker: MakeChild,
    journal: Journal,
    gate: Gate,
    strategy: Strategy,
    then: list[str],
) -> None:
    """As in OTP, which finishes one restart before it begins the next."""
    supervisor = hold(worker("a"), slow(), strategy=strategy, then=then)
    end = watch(ActorRef.to("a"))
    ActorRef.to("a").tell("crash")
    end.wait(PATIENCE_S)
    wait_until(lambda: statuses(supervisor)["a"] is Status.RESTARTING)
    assert statuses(supervisor)["slow"] is STARTING
    gate.open()
    journal.expect("start slow", "stop slow", "start a", "begin slow", "start slow")


@PLACES
def test_its_termination_with_all_the_time(
    hold: Hold, slow: MakeSlow, journal: Journal, gate: Gate, place: Place
) -> None:
    """INFINITY: it comes up, is asked to stop, and does what it owes. Questions are answered meanwhile."""
    supervisor = hold(slow(place, shutdown=INFINITY))
    terminated = later(supervisor, TerminateChild("slow"))
    assert statuses(supervisor) == {"slow": STOPPED}
    gate.open()
    terminated.get(timeout=PATIENCE_S)
    journal.expect("start slow", "stop slow")


@PLACES
def test_the_stop_of_its_supervisor_with_all_the_time(
    hold: Hold, slow: MakeSlow, journal: Journal, gate: Gate, place: Place
) -> None:
    """INFINITY: as its termination."""
    supervisor = hold(slow(place, shutdown=INFINITY))
    end = watch(supervisor.ref)
    supervisor.ref.stop(block=False)
    gate.open()
    assert end.wait(PATIENCE_S).kind == "normal"
    journal.expect("start slow", "stop slow")


def test_a_thread_is_given_up_on_and_stops_when_it_has_come_up(
    hold: Hold, slow: MakeSlow, journal: Journal, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot be killed: after its shutdown time and a grace nobody waits for it."""
    monkeypatch.setattr("peerage.supervisors.stopping.KILL_WAIT_S", 0.05)
    supervisor = hold(slow(shutdown=0.05))
    supervisor.terminate_child("slow")
    assert statuses(supervisor) == {"slow": STOPPED}
    gate.open()
    journal.expect("start slow", "stop slow")


# Children that are started by request


def start_slow(supervisor: SupervisorRef, spec: ChildSpec, journal: Journal, gate: Gate) -> Future[Any]:
    """Ask for the slow child, and wait until it is in its constructor."""
    gate.close()
    answer = later(supervisor, StartChild(spec))
    journal.expect("begin slow")
    gate.hold()
    return answer


def test_start_child_is_answered_when_the_child_lives(
    supervise: RunSupervisor, slow: MakeSlow, worker: MakeChild, journal: Journal, gate: Gate
) -> None:
    """Others are started meanwhile; further requests about it are refused, as for one that is being restarted."""
    supervisor = supervise()
    answer = start_slow(supervisor, slow(), journal, gate)
    supervisor.start_child(worker("other"))
    assert statuses(supervisor) == {"slow": STARTING, "other": RUNNING}
    with pytest.raises(ChildAlreadyStartedError):
        supervisor.start_child(slow())
    with pytest.raises(ChildRestartingError):
        supervisor.restart_child("slow")
    with pytest.raises(ChildRestartingError):
        supervisor.delete_child("slow")
    assert not answer.is_ready()
    gate.open()
    assert answer.get(timeout=PATIENCE_S) == ActorRef.to("slow")
    assert statuses(supervisor)["slow"] is RUNNING


def test_a_new_child_that_is_terminated_while_it_starts_is_not_kept(
    supervise: RunSupervisor, slow: MakeSlow, journal: Journal, gate: Gate
) -> None:
    """Both askers are answered."""
    supervisor = supervise()
    answer = start_slow(supervisor, slow(PROCESS), journal, gate)
    supervisor.terminate_child("slow")
    with pytest.raises(ChildStartError, match="given up"):
        answer.get(timeout=PATIENCE_S)
    assert statuses(supervisor) == {}


def test_a_start_that_takes_too_long_has_failed(
    supervise: RunSupervisor, slow: MakeSlow, journal: Journal, gate: Gate
) -> None:
    """The asker hears it after the start_timeout of the child's options, and the child is not kept."""
    supervisor = supervise()
    spec = slow()
    spec = replace(spec, start=spec.start.using(start_timeout=0.3))
    answer = start_slow(supervisor, spec, journal, gate)
    with pytest.raises(ChildStartError, match=r"no answer from host 'slow' within 0\.3 s"):
        answer.get(timeout=PATIENCE_S)
    assert statuses(supervisor) == {}
    gate.open()
    journal.expect("start slow", "stop slow")


def test_a_restart_that_takes_too_long_counts(
    hold: Hold, slow: MakeSlow, journal: Journal, gate: Gate
) -> None:
    """As one that fails in any other way does."""
    spec = slow()
    supervisor = hold(replace(spec, start=spec.start.using(start_timeout=0.5)), restarts=1)
    end = watch(supervisor.ref)
    reason = end.wait(PATIENCE_S)
    assert "needed restart 2" in reason.text
    assert "no answer from host 'slow' within 0.5 s" in reason.text
    gate.open()
    journal.expect("start slow", "stop slow")
