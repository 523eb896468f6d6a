"""The supervisor with children in processes: what threads cannot show."""

import os
import signal
import time
from typing import Any

from peerage.actors.runtime import HERE, PROCESS, THREAD, ActorRef, ProcessActor, watch
from peerage.supervisors.intensity import Backoff, Intensity
from peerage.supervisors.messages import ChildInfo, SupervisorRef
from peerage.supervisors.spec import (
    BRUTAL_KILL,
    ChildSpec,
    ChildType,
    Flags,
    HealthCheck,
    Restart,
    Start,
    Strategy,
)
from peerage.supervisors.strategy import Status
from peerage.supervisors.supervisor import Supervisor
from tests.supervisors.conftest import MakeChild, RunSupervisor, settled
from tests.supervisors.journal import PATIENCE_S, Journal

OWN: dict[str, Any] = {"place": PROCESS}


def only_child(supervisor: SupervisorRef) -> ChildInfo:
    """Return the one child, once it is up."""
    (info,) = settled(supervisor)
    return info


def pid_of(name: str) -> int:
    """Ask a worker for its process."""
    return int(ActorRef.to(name).ask("pid", timeout=PATIENCE_S))


def test_killed_process_is_restarted_under_its_name(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """After SIGKILL the same ref reaches a new process; the cause names the signal."""
    supervisor = supervise(worker("a", options=OWN))
    journal.expect("start a")
    before = pid_of("a")
    assert before != os.getpid()
    os.kill(before, signal.SIGKILL)
    journal.expect("start a")
    info = only_child(supervisor)
    assert (info.status, info.restarts) == (Status.RUNNING, 1)
    assert "SIGKILL" in info.last_cause
    assert pid_of("a") != before


class Companion(ProcessActor):
    """Lives on beside the one that started it."""


class Leader(ProcessActor):
    """Has a companion in its process."""

    def on_start(self) -> None:
        Companion.options(name="companion", place=HERE).start()

    def on_receive(self, message: Any) -> Any:
        if message == "crash":
            raise RuntimeError("told to crash")
        return os.getpid()


def test_failed_child_whose_companion_lives_on_gets_a_new_process(supervise: RunSupervisor) -> None:
    """The old one is ended, at the first try: one restart, with the child's own cause."""
    supervisor = supervise(ChildSpec("a", Start.of(Leader)))
    before = pid_of("a")
    companion = watch(ActorRef.to("companion", "a"))
    ActorRef.to("a").tell("crash")
    assert companion.wait(PATIENCE_S).kind == "killed"
    deadline = time.monotonic() + PATIENCE_S
    while (info := only_child(supervisor)).status is not Status.RUNNING:
        assert time.monotonic() < deadline
    assert (info.restarts, info.last_cause) == (1, "exception: RuntimeError: told to crash")
    assert pid_of("a") != before


def test_killed_transient_process_is_restarted(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """A signal is an abnormal end."""
    supervise(worker("a", options=OWN, restart=Restart.TRANSIENT))
    journal.expect("start a")
    os.kill(pid_of("a"), signal.SIGKILL)
    journal.expect("start a")


def test_one_for_all_over_processes(supervise: RunSupervisor, worker: MakeChild, journal: Journal) -> None:
    """A killed process takes its siblings through an orderly restart."""
    supervisor = supervise(worker("a", options=OWN), worker("b", options=OWN), strategy=Strategy.ONE_FOR_ALL)
    journal.expect("start a", "start b")
    os.kill(pid_of("a"), signal.SIGKILL)
    journal.expect("stop b", "start a", "start b")
    assert [info.status for info in settled(supervisor)] == [Status.RUNNING] * 2


def test_stop_timeout_kills_a_child_that_hangs_at_shutdown(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """OTP's sup_stop_timeout: after its shutdown time the child is killed, the others stop in order."""
    journal.gate("b")
    supervisor = supervise(worker("a"), worker("b", options=OWN, shutdown=0.1))
    journal.expect("start a", "start b")
    ActorRef.to("b").tell("hang")
    journal.expect("hang b")
    end = watch(ActorRef.to("b"))
    assert supervisor.ref.stop(timeout=PATIENCE_S)
    assert end.wait(PATIENCE_S).kind == "killed"
    journal.expect("stop a")


def test_terminate_child_kills_a_child_that_hangs_at_shutdown(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """The same by request, while the supervisor serves on."""
    journal.gate("a")
    supervisor = supervise(worker("a", options=OWN, shutdown=0.1))
    journal.expect("start a")
    ActorRef.to("a").tell("hang")
    journal.expect("hang a")
    supervisor.terminate_child("a")
    assert only_child(supervisor).status is Status.STOPPED
    supervisor.restart_child("a")
    journal.expect("start a")


def test_stop_brutal_kill(supervise: RunSupervisor, worker: MakeChild, journal: Journal) -> None:
    """Killed at once: on_stop does not run."""
    supervisor = supervise(worker("a", options=OWN, shutdown=BRUTAL_KILL))
    end = watch(ActorRef.to("a"))
    supervisor.terminate_child("a")
    assert end.wait(PATIENCE_S).kind == "killed"
    journal.expect("start a")
    assert journal.rest() == []


def test_hanging_child_is_killed_and_restarted(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """A child that does not answer its ping within the deadline is taken for lost; the cause says so."""
    journal.gate("a")
    health = HealthCheck(every=0.05, deadline=0.5)
    supervisor = supervise(worker("a", options=OWN, health=health))
    journal.expect("start a")
    ActorRef.to("a").tell("hang")
    journal.expect("hang a", "start a")
    info = only_child(supervisor)
    assert (info.restarts, info.last_cause) == (1, "hung: no answer within 0.5 s")


def test_hanging_transient_child_is_restarted_too(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """A hang is an abnormal end for every restart type."""
    journal.gate("a")
    health = HealthCheck(every=0.05, deadline=0.5)
    supervise(worker("a", options=OWN, health=health, restart=Restart.TRANSIENT))
    ActorRef.to("a").tell("hang")
    journal.expect("start a", "hang a", "start a")


def test_supervisor_that_stood_still_itself_kills_nobody(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """Ctrl-Z stops all processes at once: when they go on, a child that could not answer gets its whole time anew."""
    flags = Flags(intensity=Intensity(3, 60.0), backoff=Backoff(base=0))
    health = HealthCheck(every=0.01, deadline=0.5)
    leaf = worker("leaf", options=OWN, health=health)
    supervise(ChildSpec("branch", Start.of(Supervisor, [leaf], flags), type=ChildType.SUPERVISOR))
    journal.expect("start leaf")
    stopped = [pid_of("leaf"), ActorRef.to("branch").pid()]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.1)  # long enough for a ping that the leaf cannot answer
    time.sleep(1.5)  # the deadline passes, and more
    for pid in reversed(stopped):
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.1)  # the supervisor has looked before the leaf can answer
    remote = SupervisorRef(ActorRef.to("branch"), PATIENCE_S)
    assert only_child(remote).restarts == 0
    assert pid_of("leaf") == stopped[0]


def test_child_over_its_memory_limit_is_killed_and_restarted(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """The limit is of the child's own process; the cause names figure and limit."""
    health = HealthCheck(every=0.05, deadline=None, max_rss=180_000_000)
    supervisor = supervise(worker("a", options=OWN, health=health))
    journal.expect("start a")
    ActorRef.to("a").tell("eat")
    journal.expect("start a")
    assert "180000000 allowed" in only_child(supervisor).last_cause


def test_supervisor_in_a_process_of_its_own(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """A branch may live elsewhere: its children are its own, its requests are asked from here."""
    flags = Flags(intensity=Intensity(3, 60.0), backoff=Backoff(base=0))
    branch = ChildSpec(
        "branch", Start.of(Supervisor, [worker("leaf", options=OWN)], flags), type=ChildType.SUPERVISOR
    )
    supervise(branch)
    journal.expect("start leaf")
    remote = SupervisorRef(ActorRef.to("branch"), PATIENCE_S)
    os.kill(pid_of("leaf"), signal.SIGKILL)
    journal.expect("start leaf")
    assert only_child(remote).restarts == 1
    remote.start_child(worker("second", options={"place": THREAD}))
    journal.expect("start second")
    assert remote.count_children().active == 2
    assert pid_of("second") == ActorRef.to("branch").pid()
