"""A supervisor in a process of its own that is killed: as if it had failed, its children end with it."""

from __future__ import annotations

import os
import signal
from typing import Any

from peerage.actors.runtime import HERE, PROCESS, THREAD, ActorRef, System, watch
from peerage.supervisors import (
    Backoff,
    ChildSpec,
    ChildType,
    Flags,
    HealthCheck,
    Intensity,
    Restart,
    Start,
    Status,
    Supervisor,
    SupervisorRef,
)
from tests.processes import is_alive
from tests.supervisors.conftest import MakeChild, RunSupervisor, settled
from tests.supervisors.journal import PATIENCE_S, Journal, Worker

OWN: dict[str, Any] = {"place": PROCESS}
FLAGS = Flags(intensity=Intensity(3, 60.0), backoff=Backoff(base=0))


def branch(name: str, *children: ChildSpec, **fields: Any) -> ChildSpec:
    """Return a supervisor of these children, in a process of its own, as a child."""
    return ChildSpec(name, Start.of(Supervisor, children, FLAGS), type=ChildType.SUPERVISOR, **fields)


def remote(name: str) -> SupervisorRef:
    return SupervisorRef(ActorRef.to(name), PATIENCE_S)


def kill(name: str) -> None:
    os.kill(ActorRef.to(name).pid(), signal.SIGKILL)


def test_killed_supervisor_is_restarted_with_fresh_children(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """One restart, counted once; the names are the same, the processes are not, the old ones are gone."""
    top = supervise(branch("branch", worker("a", options=OWN), worker("b", options=OWN)))
    journal.expect("start a", "start b")
    before = [ActorRef.to(name).pid() for name in "ab"]
    kill("branch")
    journal.expect("start a", "start b")  # and no stop: nobody was there to ask for it
    (info,) = settled(top)
    assert (info.status, info.restarts) == (Status.RUNNING, 1)
    assert [child.restarts for child in remote("branch").which_children()] == [0, 0]
    assert {int(ActorRef.to(name).ask("pid", timeout=PATIENCE_S)) for name in "ab"}.isdisjoint(before)
    assert not any(map(is_alive, before))
    assert journal.rest() == []


def test_killed_supervisor_comes_back_again_and_again(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """Each kill is one restart: no name clash uses the intensity up."""
    top = supervise(branch("branch", worker("a", options=OWN)), restarts=3)
    for restarts in range(3):
        journal.expect("start a")
        assert settled(top)[0].restarts == restarts
        kill("branch")
    journal.expect("start a")
    assert settled(top)[0].restarts == 3


def test_supervisor_killed_while_it_starts_comes_back_too(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """The children it had started so far end with it; each try counts, as any start that fails."""
    top = supervise(branch("branch", worker("a", options=OWN), worker("b", options=OWN)), restarts=3)
    for _ in range(3):
        while journal.next() != "start a":
            pass  # that b had started, too, in the life before
        kill("branch")
    assert settled(top)[0].status is Status.RUNNING
    assert remote("branch").count_children().active == 2


def test_children_on_every_place_end_with_a_killed_supervisor(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """A thread and an actor in its process are gone with it, a guest in another host stops."""
    landlord = Worker.options(name="landlord").start(journal.directory, "landlord")
    children = [
        worker("process", options=OWN),
        worker("thread", options={"place": THREAD}),
        worker("here", options={"place": HERE}),
        worker("guest", options={"place": landlord}),
    ]
    supervise(branch("branch", *children))
    started = [f"start {child.id}" for child in children]
    journal.expect("start landlord", *started)
    guest = watch(ActorRef.to("guest", landlord.host))
    kill("branch")
    assert guest.wait(PATIENCE_S).kind == "shutdown"
    lines = [journal.next() for _ in range(len(started) + 1)]
    lines.remove("stop guest")
    assert lines == started
    landlord.stop()


def test_nested_supervisors_end_with_the_one_above(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """The tree below the killed one is gone to its leaves, then grows again."""
    inner = branch("inner", worker("leaf", options=OWN))
    supervise(branch("outer", inner, worker("side", options=OWN)), worker("other"))
    journal.expect("start leaf", "start side", "start other")
    before = [ActorRef.to(name).pid() for name in ("inner", "leaf", "side")]
    kill("outer")
    journal.expect("start leaf", "start side")
    assert not any(map(is_alive, before))
    assert remote("inner").count_children().active == 1
    kill("inner")  # the links of the second life are as good
    journal.expect("start leaf")
    assert journal.rest() == []


def test_hanging_supervisor_is_killed_with_its_children(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """Found by its health check, as a worker is; the children had not hung."""
    health = HealthCheck(every=0.05, deadline=0.5)
    top = supervise(branch("branch", worker("a", options=OWN), health=health))
    journal.expect("start a")
    before = ActorRef.to("a").pid()
    os.kill(ActorRef.to("branch").pid(), signal.SIGSTOP)
    journal.expect("start a")
    assert not is_alive(before)
    assert settled(top)[0].last_cause == "hung: no answer within 0.5 s"


def test_children_that_hang_end_with_a_killed_supervisor(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """They are not asked."""
    journal.gate("a")
    supervise(branch("branch", worker("a", options=OWN)))
    journal.expect("start a")
    ActorRef.to("a").tell("hang")
    journal.expect("hang a")
    kill("branch")
    journal.expect("start a")


def test_watchers_of_a_child_are_told_once(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """Of its end, with the reason; the successor's end is another's."""
    supervise(branch("branch", worker("a", options=OWN)))
    journal.expect("start a")
    told = watch(ActorRef.to("a"))
    kill("branch")
    reason = told.wait(PATIENCE_S)
    assert (reason.kind, reason.text) == ("killed", "linked to 'branch', which has ended")
    journal.expect("start a")
    second = watch(ActorRef.to("a"))
    ActorRef.to("a").tell("stop")
    assert second.wait(PATIENCE_S).kind == "normal"


def test_killed_temporary_supervisor_leaves_nothing(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """Nobody restarts it, and its children, dynamic ones too, are gone for good."""
    top = supervise(branch("branch", worker("a", options=OWN), restart=Restart.TEMPORARY))
    remote("branch").start_child(worker("b", options=OWN))
    journal.expect("start a", "start b")
    ends = [watch(ActorRef.to(name)) for name in "ab"]
    kill("branch")
    assert [end.wait(PATIENCE_S).kind for end in ends] == ["killed", "killed"]
    assert top.which_children() == ()
    assert [facts.name for facts in System.current().hosts()] == ["sup"]


def test_stopped_supervisor_stops_its_children_in_order_as_ever(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """A link kills only those that are left when the supervisor has ended."""
    top = supervise(branch("branch", worker("a", options=OWN), worker("b", options=OWN)))
    top.terminate_child("branch")
    journal.expect("start a", "start b", "stop b", "stop a")
