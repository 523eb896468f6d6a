"""Dynamic children, made from a template, stop side by side; those with a place in the list one after the other."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from peerage.actors.runtime import HERE, PROCESS, THREAD, ActorRef, watch
from peerage.supervisors import ChildSpec, Restart, Start, Strategy, SupervisorRef
from tests.supervisors.conftest import MakeChild, RunSupervisor
from tests.supervisors.journal import PATIENCE_S, Journal, Worker

Places = pytest.mark.parametrize("place", [PROCESS, THREAD], ids=["process", "thread"])


def template(journal: Journal, place: Any, **fields: Any) -> ChildSpec:
    return ChildSpec("worker", Start.of(Worker, journal.directory).using(place=place), **fields)


def add_slow(supervisor: SupervisorRef, spec: ChildSpec, *names: str, journal: Journal) -> None:
    """Start instances whose on_stop waits for its gate."""
    for name in names:
        journal.gate(name)
        supervisor.start_child(spec.instance(name, name)).tell("slow")
        journal.expect(f"start {name}")


def expect_in_any_order(journal: Journal, *lines: str) -> None:
    assert sorted(journal.next() for _ in lines) == sorted(lines)


@Places
def test_dynamic_children_stop_side_by_side_with_their_supervisor(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal, place: Any
) -> None:
    """All are in their on_stop before the first is let go; the static sibling stops behind all of them."""
    supervisor = supervise(worker("static"))
    journal.expect("start static")
    add_slow(supervisor, template(journal, place), "a", "b", "c", journal=journal)
    stopped = supervisor.ref.stop(block=False)
    expect_in_any_order(journal, "stopping a", "stopping b", "stopping c")
    for name in "bac":
        journal.release(name)
        journal.expect(f"stop {name}")
    journal.expect("stop static")
    assert stopped.get(timeout=PATIENCE_S)


def test_dynamic_children_stop_side_by_side_when_their_group_is_restarted(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """one_for_all: the strategy's terminations are side by side as well, and the restart waits for all of them."""
    supervisor = supervise(worker("static"), strategy=Strategy.ONE_FOR_ALL)
    spec = template(journal, THREAD, restart=Restart.TEMPORARY)
    journal.expect("start static")
    add_slow(supervisor, spec, "a", "b", journal=journal)
    ActorRef.to("static").tell("crash")
    expect_in_any_order(journal, "stopping a", "stopping b")
    for name in "ab":
        journal.release(name)
        journal.expect(f"stop {name}")
    journal.expect("start static")
    assert [info.id for info in supervisor.which_children()] == ["static"]


def test_a_static_child_between_dynamic_ones_keeps_its_place(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """Those started after it stop before it, those before it after it."""
    supervisor, spec = supervise(), template(journal, THREAD)
    for name in ("a", "static", "b"):
        supervisor.start_child(worker(name) if name == "static" else spec.instance(name, name))
    supervisor.ref.stop()
    journal.expect("start a", "start static", "start b", "stop b", "stop static", "stop a")


def test_instances_in_the_list_of_a_supervisor_have_its_order(
    supervise: RunSupervisor, journal: Journal
) -> None:
    """Dynamic is what start_child has added."""
    spec = template(journal, THREAD)
    supervisor = supervise(*(spec.instance(name, name) for name in "abc"))
    supervisor.ref.stop()
    journal.expect("start a", "start b", "start c", "stop c", "stop b", "stop a")


def test_each_dynamic_child_has_its_own_shutdown_time(supervise: RunSupervisor, journal: Journal) -> None:
    """One that overstays is killed at its time; a slower one of another template still has all of its own."""
    supervisor = supervise()
    add_slow(supervisor, template(journal, PROCESS, shutdown=PATIENCE_S), "patient", journal=journal)
    add_slow(supervisor, template(journal, PROCESS, shutdown=0.1), "hasty", journal=journal)
    ActorRef.to("hasty").tell("hang")
    journal.expect("hang hasty")
    ends = {name: watch(ActorRef.to(name)) for name in ("hasty", "patient")}
    stopped = supervisor.ref.stop(block=False)
    journal.expect("stopping patient")
    assert ends["hasty"].wait(PATIENCE_S).kind == "killed"
    journal.release("patient")
    journal.expect("stop patient")
    assert stopped.get(timeout=PATIENCE_S)
    assert ends["patient"].wait(PATIENCE_S).kind == "normal"


def test_a_child_in_the_supervisors_own_host_stops_within_a_short_shutdown_time(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    """It gets its turn at once, though its supervisor waits in the same loop: it is not taken for overdue."""
    supervise(worker("a", options={"place": HERE}, shutdown=0.15)).ref.stop()
    journal.expect("start a", "stop a")
    assert "child killed" not in caplog.text


def test_an_instance_knows_its_origin_wherever_it_travels(journal: Journal) -> None:
    """The spec may be sent to a supervisor in another process."""
    spec = template(journal, THREAD)
    assert not spec.is_instance
    assert pickle.loads(pickle.dumps(spec.instance("a", "a"))).is_instance
