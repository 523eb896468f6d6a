"""The supervisor itself, with children on threads, in the manner of OTP's supervisor suite."""

import time
from typing import Any

import pytest
import structlog

from peerage.actors.runtime import THREAD, ActorRef, ProcessActor, StopIncompleteError, Timeout, watch
from peerage.supervisors.errors import (
    ChildAlreadyPresentError,
    ChildAlreadyStartedError,
    ChildRestartingError,
    ChildRunningError,
    ChildSpecError,
    ChildStartError,
    UnknownChildError,
)
from peerage.supervisors.intensity import Backoff, Intensity
from peerage.supervisors.messages import ChildCounts, SupervisorRef, TerminateChild
from peerage.supervisors.spec import (
    BRUTAL_KILL,
    INFINITY,
    AutoShutdown,
    ChildSpec,
    ChildType,
    Flags,
    Restart,
    Start,
    Strategy,
)
from peerage.supervisors.strategy import Status
from peerage.supervisors.supervisor import Supervisor
from tests.supervisors.conftest import MakeChild, RunSupervisor, settled
from tests.supervisors.journal import PATIENCE_S, Journal
from tests.waiting import wait_until

P, T, X = Restart.PERMANENT, Restart.TRANSIENT, Restart.TEMPORARY
ONE, ALL, REST = Strategy


@pytest.mark.parametrize("children", [None, ChildSpec("a", Start.of(ProcessActor))])
def test_children_that_are_no_list_are_named(children: Any) -> None:
    """A single spec, above all."""
    with pytest.raises(ChildSpecError, match=r"children is .*, allowed is a list of ChildSpec"):
        Supervisor.options(place=THREAD).start(children)


def test_a_child_to_start_that_is_no_spec_is_named(supervise: RunSupervisor) -> None:
    """As in the list that a supervisor begins with."""
    with pytest.raises(ChildSpecError, match=r"spec is <class .*>, allowed is a ChildSpec"):
        supervise().start_child(ProcessActor)  # type: ignore[arg-type]  # that is the mistake


def ids(supervisor: SupervisorRef) -> dict[str, Status]:
    """Return the children and their states."""
    return {info.id: info.status for info in supervisor.which_children()}


def settled_ids(supervisor: SupervisorRef) -> dict[str, Status]:
    """Return them once none of the children is on its way up."""
    return {info.id: info.status for info in settled(supervisor)}


def settle(supervisor: SupervisorRef, expected: dict[str, Status]) -> None:
    """Ask until the children are in these states: ends of different children reach a supervisor in any order."""
    deadline = time.monotonic() + PATIENCE_S
    while (found := ids(supervisor)) != expected:
        assert time.monotonic() < deadline, f"{found} is not {expected}"


def tell(name: str, message: str) -> None:
    """Tell a child by its name."""
    ActorRef.to(name).tell(message)


def ask(name: str, message: str) -> Any:
    """Ask a child by its name: it has done it when this returns."""
    return ActorRef.to(name).ask(message, timeout=PATIENCE_S)


def watched_tell(name: str, message: str) -> str:
    """Tell a child something that ends it; return the kind of its end."""
    ref = ActorRef.to(name)
    end = watch(ref)
    ref.tell(message)
    return end.wait(PATIENCE_S).kind


# Start and stop


def test_start_normal(supervise: RunSupervisor) -> None:
    """A supervisor without children starts, and ends normally when stopped."""
    supervisor = supervise()
    end = watch(supervisor.ref)
    assert supervisor.ref.stop(timeout=PATIENCE_S)
    assert end.wait(PATIENCE_S).kind == "normal"


def test_children_start_in_order_and_stop_in_reverse(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """The order of the list is the order of life."""
    supervisor = supervise(worker("a"), worker("b"), worker("c"))
    journal.expect("start a", "start b", "start c")
    supervisor.ref.stop(timeout=PATIENCE_S)
    journal.expect("stop c", "stop b", "stop a")


class Owing(ProcessActor):
    """Owes something at its end: does it, cannot, or takes its time."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what

    def on_receive(self, message: Any) -> Any:
        raise RuntimeError(message)

    def on_stop(self) -> None:
        if self._what == "cannot":
            raise StopIncompleteError("the disk is full")
        if self._what == "slow":
            time.sleep(60)


class Telling(Supervisor):
    """Says at its end what its children could not do."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._undone: list[tuple[str, str]] = []

    def on_stop(self) -> None:
        super().on_stop()
        raise StopIncompleteError(str(sorted(self._undone)))

    def on_child_undone(self, child_id: str, cause: str) -> None:
        self._undone.append((child_id, cause))


def test_what_children_could_not_do_at_the_end_is_told() -> None:
    """One was killed because it took too long, one failed, one was just being restarted; the fourth is done."""
    specs = [
        ChildSpec("done", Start.of(Owing, "done").using(place=THREAD)),
        ChildSpec("cannot", Start.of(Owing, "cannot").using(place=THREAD)),
        ChildSpec("slow", Start.of(Owing, "slow"), shutdown=0.1),
        ChildSpec("away", Start.of(Owing, "away").using(place=THREAD)),
    ]
    flags = Flags(intensity=Intensity(9, 60.0), backoff=Backoff(base=60.0, limit=60.0))
    ref = Telling.options(name="telling", place=THREAD).start(specs, flags)
    supervisor = SupervisorRef(ref, PATIENCE_S)
    running = dict.fromkeys(("done", "cannot", "slow", "away"), Status.RUNNING)
    watched_tell("away", "boom")
    wait_until(lambda: supervisor.which_children()[-1].restarts == 1)  # it runs before and after
    settle(supervisor, running)
    watched_tell("away", "boom")
    settle(supervisor, running | {"away": Status.RESTARTING})  # the second time it has to wait
    end = watch(ref)
    ref.stop(block=False)
    reason = end.wait(PATIENCE_S)
    assert reason.is_orderly
    assert reason.text == "StopIncompleteError: " + str(
        [
            ("away", "it was not running"),
            ("cannot", "exception: StopIncompleteError: the disk is full"),
            ("slow", "not stopped within 0.1 s"),
        ]
    )


def test_start_fails_with_its_child(supervise: RunSupervisor, worker: MakeChild, journal: Journal) -> None:
    """A child that does not start stops those before it; the starter hears who and why."""
    journal.fail_starts("c", 1)
    with pytest.raises(ChildStartError, match="'c' did not start: ValueError: c was told not to start"):
        supervise(worker("a"), worker("b"), worker("c"), worker("d"))
    journal.expect("start a", "start b", "fail c", "stop b", "stop a")


def test_start_refuses_faulty_specs(supervise: RunSupervisor, worker: MakeChild, journal: Journal) -> None:
    """Nothing is started when the specs contradict each other."""
    with pytest.raises(ChildSpecError):
        supervise(worker("a"), worker("a"))
    assert journal.rest() == []


@pytest.mark.parametrize("shutdown", [INFINITY, 10.0, BRUTAL_KILL])
def test_stop_lets_thread_children_finish(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal, shutdown: Any
) -> None:
    """INFINITY, seconds enough, and brutal kill where there is no process to kill: on_stop runs."""
    supervisor = supervise(worker("a", shutdown=shutdown))
    supervisor.terminate_child("a")
    journal.expect("start a", "stop a")


# Restart type by end


@pytest.mark.parametrize(
    ("restart", "message", "left", "started"),
    [
        pytest.param(P, "stop", {"a": Status.RUNNING}, True, id="permanent_normal"),
        pytest.param(P, "crash", {"a": Status.RUNNING}, True, id="permanent_abnormal"),
        pytest.param(T, "stop", {"a": Status.STOPPED}, False, id="transient_normal"),
        pytest.param(T, "crash", {"a": Status.RUNNING}, True, id="transient_abnormal"),
        pytest.param(X, "stop", {}, False, id="temporary_normal"),
        pytest.param(X, "crash", {}, False, id="temporary_abnormal"),
    ],
)
def test_restart_type(
    supervise: RunSupervisor,
    worker: MakeChild,
    journal: Journal,
    restart: Restart,
    message: str,
    left: dict[str, Status],
    started: bool,
) -> None:
    """Who comes back after which end, and whose spec stays."""
    supervisor = supervise(worker("a", restart=restart))
    journal.expect("start a")
    watched_tell("a", message)
    if message == "stop":
        journal.expect("stop a")
    if started:
        journal.expect("start a")
    settle(supervisor, left)
    assert journal.rest() == []


def test_ref_is_valid_again_after_a_restart(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """The name outlives the actor: a ref from before reaches the new one."""
    supervisor = supervise(worker("a"))
    (before,) = supervisor.which_children()
    assert before.ref is not None
    before.ref.tell("crash")
    journal.expect("start a", "start a")
    (after,) = settled(supervisor)
    assert after.ref == before.ref
    assert before.ref.ask("ping", timeout=PATIENCE_S) == "ping"
    assert (after.restarts, after.last_cause) == (1, "exception: RuntimeError: a was told to crash")


def test_each_restart_is_logged_once_with_name_cause_and_attempt(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """One line for each restart tells the operator who, why and how often."""
    with structlog.testing.capture_logs() as logs:
        supervisor = supervise(worker("a"))
        for _ in range(2):
            tell("a", "crash")
        journal.expect("start a", "start a")
        settled_ids(supervisor)
        tell("a", "crash")
        journal.expect("start a")
        settled_ids(supervisor)
    restarts = [entry for entry in logs if entry["event"] == "child restarted"]
    assert [(entry["child"], entry["supervisor"], entry["attempt"]) for entry in restarts] == [
        ("a", "sup", 1),
        ("a", "sup", 2),
    ]
    assert all("a was told to crash" in entry["cause"] for entry in restarts)


# Strategies

ABC = ("a", "b", "c")


def test_one_for_one(supervise: RunSupervisor, worker: MakeChild, journal: Journal) -> None:
    """Only the ended child is restarted."""
    supervisor = supervise(*map(worker, ABC), strategy=ONE)
    journal.expect("start a", "start b", "start c")
    tell("b", "crash")
    journal.expect("start b")
    assert list(settled_ids(supervisor).values()) == [Status.RUNNING] * 3
    assert journal.rest() == []


def test_one_for_all(supervise: RunSupervisor, worker: MakeChild, journal: Journal) -> None:
    """All others stop in reverse, then all start in order."""
    supervise(*map(worker, ABC), strategy=ALL)
    journal.expect("start a", "start b", "start c")
    tell("b", "crash")
    journal.expect("stop c", "stop a", "start a", "start b", "start c")


def test_rest_for_one(supervise: RunSupervisor, worker: MakeChild, journal: Journal) -> None:
    """Those started later stop in reverse, then it and they start in order."""
    supervisor = supervise(*map(worker, ABC), strategy=REST)
    journal.expect("start a", "start b", "start c")
    tell("b", "crash")
    journal.expect("stop c", "start b", "start c")
    assert list(settled_ids(supervisor)) == ["a", "b", "c"]
    assert journal.rest() == []


def test_temporary_bystander(supervise: RunSupervisor, worker: MakeChild, journal: Journal) -> None:
    """one_for_all: a temporary sibling is stopped with the others and forgotten."""
    supervisor = supervise(worker("a"), worker("b", restart=X), strategy=ALL)
    journal.expect("start a", "start b")
    tell("a", "crash")
    journal.expect("stop b", "start a")
    assert settled_ids(supervisor) == {"a": Status.RUNNING}


def test_multiple_restarts(supervise: RunSupervisor, worker: MakeChild, journal: Journal) -> None:
    """As many restarts as the intensity allows are done, one after the other."""
    supervise(worker("a"), restarts=3)
    journal.expect("start a")
    for _ in range(3):
        tell("a", "crash")
        journal.expect("start a")


@pytest.mark.parametrize(
    "strategy",
    [
        pytest.param(ONE, id="one_for_one_escalation"),
        pytest.param(ALL, id="one_for_all_escalation"),
        pytest.param(REST, id="rest_for_one_escalation"),
    ],
)
def test_escalation(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal, strategy: Strategy
) -> None:
    """One restart too many: everyone is stopped in reverse, the supervisor ends and names child, cause,
    attempts."""
    supervisor = supervise(*map(worker, ABC), strategy=strategy, restarts=0)
    journal.expect("start a", "start b", "start c")
    end = watch(supervisor.ref)
    tell("b", "crash")
    reason = end.wait(PATIENCE_S)
    journal.expect("stop c", "stop a")
    assert reason.kind == "exception"
    for word in ("SupervisorGaveUpError", "'sup'", "'b'", "restart 1", "b was told to crash"):
        assert word in reason.text


def test_one_for_all_other_child_fails_restart(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """A sibling that fails to come back takes the started ones down again, then all come up."""
    supervisor = supervise(*map(worker, ABC), strategy=ALL)
    journal.expect("start a", "start b", "start c")
    journal.fail_starts("b", 1)
    tell("a", "crash")
    journal.expect("stop c", "stop b", "start a", "fail b", "stop a", "start a", "start b", "start c")
    assert list(settled_ids(supervisor).values()) == [Status.RUNNING] * 3


def test_rest_for_one_other_child_fails_restart(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """A later sibling that fails to come back is tried again with those behind it; the first stays up."""
    supervisor = supervise(*map(worker, ABC), strategy=REST)
    journal.expect("start a", "start b", "start c")
    journal.fail_starts("b", 1)
    tell("a", "crash")
    journal.expect("stop c", "stop b", "start a", "fail b", "start b", "start c")
    assert list(settled_ids(supervisor).values()) == [Status.RUNNING] * 3


def test_crash_while_starting_again_is_tried_again(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """A failed restart is the next attempt's cause, not the end."""
    supervisor = supervise(worker("a"), restarts=3)
    journal.fail_starts("a", 2)
    tell("a", "crash")
    journal.expect("start a", "fail a", "fail a", "start a")
    (info,) = settled(supervisor)
    assert (info.restarts, info.last_cause) == (1, "ValueError: a was told not to start")


def test_hanging_restart_loop_ends_in_giving_up(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """A child that can never start again counts toward the intensity with each try."""
    supervisor = supervise(worker("a"), worker("b"), restarts=3)
    journal.fail_starts("a", 1000)
    end = watch(supervisor.ref)
    tell("a", "crash")
    assert "ValueError: a was told not to start" in end.wait(PATIENCE_S).text
    journal.expect("start a", "start b", "fail a", "fail a", "fail a", "stop b")


def test_simultaneous_ends_are_each_handled(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """Children that end together all come back."""
    names = [f"w{index}" for index in range(6)]
    supervisor = supervise(*map(worker, names), restarts=6)
    journal.expect(*(f"start {name}" for name in names))
    for name in names:
        tell(name, "crash")
    assert sorted(journal.next() for _ in names) == [f"start {name}" for name in names]
    assert set(settled_ids(supervisor).values()) == {Status.RUNNING}


def test_end_during_a_slow_termination_is_not_lost(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """While one child takes its time to stop, questions are answered and another's end is kept for
    afterwards."""
    journal.gate("a")
    supervisor = supervise(worker("a", shutdown=INFINITY), worker("b"))
    journal.expect("start a", "start b")
    ask("a", "slow")
    request = supervisor.ref.ask(_terminate("a"), block=False)
    journal.expect("stopping a")
    assert watched_tell("b", "crash") == "exception"
    assert ids(supervisor)["b"] in (Status.RESTARTING, Status.RUNNING)
    assert journal.rest() == []
    journal.release("a")
    journal.expect("stop a", "start b")
    request.get(timeout=PATIENCE_S)
    assert settled_ids(supervisor) == {"a": Status.STOPPED, "b": Status.RUNNING}


def _terminate(child_id: str) -> TerminateChild:
    return TerminateChild(child_id)


def test_end_of_a_sibling_that_was_to_be_terminated_counts_once(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """one_for_all: both crash; the second end is part of the first one's restart."""
    journal.gate("c")
    supervisor = supervise(*(worker(name, shutdown=INFINITY) for name in ABC), strategy=ALL, restarts=1)
    journal.expect("start a", "start b", "start c")
    ask("c", "slow")
    watched_tell("a", "crash")
    journal.expect("stopping c")
    watched_tell("b", "crash")
    journal.release("c")
    journal.expect("stop c", "start a", "start b", "start c")
    assert list(settled_ids(supervisor).values()) == [Status.RUNNING] * 3


# Back-off

NEVER = Backoff(base=3600.0, limit=3600.0)


def test_requests_are_granted_while_a_restart_waits(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """A child in its back-off is restarting; the others live on and the supervisor listens."""
    supervisor = supervise(worker("a"), worker("b"), backoff=NEVER)
    journal.expect("start a", "start b")
    tell("a", "crash")
    journal.expect("start a")
    tell("a", "crash")
    settle(supervisor, {"a": Status.RESTARTING, "b": Status.RUNNING})
    with pytest.raises(ChildRestartingError):
        supervisor.restart_child("a")
    with pytest.raises(ChildRestartingError):
        supervisor.delete_child("a")
    with pytest.raises(ChildAlreadyStartedError):
        supervisor.start_child(worker("a"))


def test_terminate_child_calls_a_waiting_restart_off(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """Terminated in its back-off, a child stays down until it is restarted by request."""
    supervisor = supervise(worker("a"), worker("b"), backoff=Backoff(base=3600.0, limit=3600.0))
    journal.expect("start a", "start b")
    tell("a", "crash")
    journal.expect("start a")
    tell("a", "crash")
    settle(supervisor, {"a": Status.RESTARTING, "b": Status.RUNNING})
    supervisor.terminate_child("a")
    assert ids(supervisor)["a"] is Status.STOPPED
    supervisor.restart_child("a")
    journal.expect("start a")
    assert settled_ids(supervisor)["a"] is Status.RUNNING


def test_restart_after_a_wait_happens(supervise: RunSupervisor, worker: MakeChild, journal: Journal) -> None:
    """The second restart waits its time, then is done; the wait does not save a crash loop."""
    supervisor = supervise(worker("a"), restarts=2, backoff=Backoff(base=0.01, limit=0.01))
    end = watch(supervisor.ref)
    journal.expect("start a")
    for _ in range(2):
        tell("a", "crash")
        journal.expect("start a")
    tell("a", "crash")
    assert "SupervisorGaveUpError" in end.wait(PATIENCE_S).text


def test_stop_during_a_back_off(supervise: RunSupervisor, worker: MakeChild, journal: Journal) -> None:
    """A supervisor that is stopped does not wait for a restart that is due in an hour."""
    supervisor = supervise(worker("a"), worker("b"), backoff=NEVER)
    journal.expect("start a", "start b")
    tell("a", "crash")
    journal.expect("start a")
    tell("a", "crash")
    settle(supervisor, {"a": Status.RESTARTING, "b": Status.RUNNING})
    assert supervisor.ref.stop(timeout=PATIENCE_S)
    journal.expect("stop b")


# Administration of children


def test_child_adm(supervise: RunSupervisor, worker: MakeChild, journal: Journal) -> None:
    """The whole life of a dynamic child by request, with each refusal on the way."""
    supervisor = supervise()
    ref = supervisor.start_child(worker("a"))
    assert ref.ask("ping", timeout=PATIENCE_S) == "ping"
    with pytest.raises(ChildAlreadyStartedError):
        supervisor.start_child(worker("a"))
    with pytest.raises(ChildRunningError):
        supervisor.restart_child("a")
    with pytest.raises(ChildRunningError):
        supervisor.delete_child("a")
    supervisor.terminate_child("a")
    supervisor.terminate_child("a")  # of a stopped child: nothing to do, no error, as in OTP
    with pytest.raises(ChildAlreadyPresentError):
        supervisor.start_child(worker("a"))
    assert supervisor.restart_child("a") == ref
    supervisor.terminate_child("a")
    supervisor.delete_child("a")
    assert ids(supervisor) == {}
    journal.expect("start a", "stop a", "start a", "stop a")


@pytest.mark.parametrize(
    "request_name", ["terminate_child", "restart_child", "renew_child", "delete_child", "child_spec"]
)
def test_unknown_child(supervise: RunSupervisor, request_name: str) -> None:
    """A request about nobody names the id it was given."""
    supervisor = supervise()
    with pytest.raises(UnknownChildError) as caught:
        getattr(supervisor, request_name)("nobody")
    assert caught.value.child_id == "nobody"


def test_dynamic_child_is_restarted(supervise: RunSupervisor, worker: MakeChild, journal: Journal) -> None:
    """A child added later is supervised as the first ones are."""
    supervisor = supervise()
    supervisor.start_child(worker("a"))
    tell("a", "crash")
    journal.expect("start a", "start a")


def test_dynamic_child_that_fails_to_start_is_not_kept(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """The asker hears it; nothing is retried, nothing is counted."""
    supervisor = supervise(restarts=0)
    journal.fail_starts("a", 1)
    with pytest.raises(ChildStartError):
        supervisor.start_child(worker("a"))
    assert ids(supervisor) == {}
    supervisor.start_child(worker("a"))


def test_restart_child_that_fails_stays_stopped(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """A restart by request is not counted and not retried."""
    supervisor = supervise(worker("a"), restarts=0)
    supervisor.terminate_child("a")
    journal.fail_starts("a", 1)
    with pytest.raises(ChildStartError):
        supervisor.restart_child("a")
    assert ids(supervisor) == {"a": Status.STOPPED}


def test_a_renewal_is_no_restart_and_one_that_fails_is(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """Stopped and started in order, and not counted; a child that does not come up is tried again like any other."""
    supervisor = supervise(worker("a"), worker("b"), restarts=1)
    journal.expect("start a", "start b")
    for _ in range(3):
        supervisor.renew_child("a")
        journal.expect("stop a", "start a")
    assert [info.restarts for info in supervisor.which_children()] == [0, 0]
    journal.fail_starts("a", 1)
    with pytest.raises(ChildStartError):
        supervisor.renew_child("a")
    settle(supervisor, {"a": Status.RUNNING, "b": Status.RUNNING})
    assert [info.restarts for info in supervisor.which_children()] == [1, 0]


def test_terminated_temporary_child_is_forgotten(supervise: RunSupervisor, worker: MakeChild) -> None:
    """OTP keeps no specs of temporary children."""
    supervisor = supervise(worker("a", restart=X))
    supervisor.terminate_child("a")
    assert ids(supervisor) == {}


def test_terminated_child_is_not_restarted(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """A termination by request is no end to be answered by a restart, nor does it count."""
    supervisor = supervise(worker("a"), restarts=0)
    supervisor.terminate_child("a")
    assert ids(supervisor) == {"a": Status.STOPPED}
    journal.expect("start a", "stop a")
    assert journal.rest() == []


def test_instances_of_a_template(supervise: RunSupervisor, worker: MakeChild, journal: Journal) -> None:
    """simple_one_for_one: many children of one spec, each gone without a trace when it ends."""
    supervisor = supervise(restarts=0)
    template = worker("any", restart=X)
    for index in range(5):
        # The worker's own name stays "any": the arguments are the template's, with the instance's behind.
        supervisor.start_child(template.instance(f"w{index}", note=f" as w{index}"))
    journal.expect(*(f"start any as w{index}" for index in range(5)))
    assert supervisor.count_children() == ChildCounts(5, 5, 0, 5)
    tell("w3", "crash")
    tell("w0", "stop")
    supervisor.terminate_child("w1")
    settle(supervisor, {"w2": Status.RUNNING, "w4": Status.RUNNING})


def test_count_children(supervise: RunSupervisor, worker: MakeChild) -> None:
    """Specs, living ones, supervisors and workers are told apart."""
    inner = ChildSpec("inner", Start.of(Supervisor).using(place=THREAD), type=ChildType.SUPERVISOR)
    supervisor = supervise(inner, worker("a"), worker("b"))
    assert supervisor.count_children() == ChildCounts(3, 3, 1, 2)
    supervisor.terminate_child("a")
    assert supervisor.count_children() == ChildCounts(3, 2, 1, 2)


def test_which_children(supervise: RunSupervisor, worker: MakeChild) -> None:
    """In start order, each with its ref while it runs."""
    supervisor = supervise(worker("a"), worker("b", restart=T))
    supervisor.terminate_child("b")
    a, b = supervisor.which_children()
    assert (a.id, a.name, a.status, a.ref, a.restart) == ("a", "a", Status.RUNNING, ActorRef.to("a"), P)
    assert (b.id, b.status, b.ref, b.restart, b.restarts) == ("b", Status.STOPPED, None, T, 0)


def test_child_spec(supervise: RunSupervisor, worker: MakeChild) -> None:
    """The spec can be read back."""
    spec = worker("a", shutdown=3)
    assert supervise(spec).child_spec("a") == spec


def test_stray_message_is_no_harm(supervise: RunSupervisor, worker: MakeChild) -> None:
    """A message that means nothing is answered with an error, or logged, and the tree stands."""
    supervisor = supervise(worker("a"))
    supervisor.ref.tell("what?")
    with pytest.raises(TypeError, match="no use for str"):
        supervisor.ref.ask("what?", timeout=PATIENCE_S)
    assert ids(supervisor) == {"a": Status.RUNNING}


# Significant children


def test_auto_shutdown_any_significant(supervise: RunSupervisor, worker: MakeChild, journal: Journal) -> None:
    """The end of one significant child ends the supervisor in good order."""
    supervisor = supervise(
        worker("a"),
        worker("b", restart=T, significant=True),
        worker("c", restart=T, significant=True),
        auto_shutdown=AutoShutdown.ANY_SIGNIFICANT,
    )
    end = watch(supervisor.ref)
    tell("b", "stop")
    assert end.wait(PATIENCE_S).kind == "normal"
    journal.expect("start a", "start b", "start c", "stop b", "stop c", "stop a")


def test_auto_shutdown_all_significant(supervise: RunSupervisor, worker: MakeChild, journal: Journal) -> None:
    """Only the end of the last significant child ends the supervisor."""
    supervisor = supervise(
        worker("a", restart=X, significant=True),
        worker("b", restart=T, significant=True),
        worker("c"),
        auto_shutdown=AutoShutdown.ALL_SIGNIFICANT,
    )
    end = watch(supervisor.ref)
    tell("a", "crash")
    settle(supervisor, {"b": Status.RUNNING, "c": Status.RUNNING})
    journal.expect("start a", "start b", "start c")
    tell("b", "stop")
    assert end.wait(PATIENCE_S).kind == "normal"
    journal.expect("stop b", "stop c")


def test_terminating_a_significant_child_shuts_nothing_down(
    supervise: RunSupervisor, worker: MakeChild
) -> None:
    """Only an end by itself counts."""
    supervisor = supervise(
        worker("a", restart=T, significant=True), auto_shutdown=AutoShutdown.ANY_SIGNIFICANT
    )
    supervisor.terminate_child("a")
    assert ids(supervisor) == {"a": Status.STOPPED}


# Trees


def inner(worker: MakeChild, restarts: int, restart: Restart = P) -> ChildSpec:
    """Return a supervisor of one worker "leaf", as a child."""
    flags = Flags(intensity=Intensity(restarts, 60.0), backoff=Backoff(base=0))
    return ChildSpec(
        "inner",
        Start.of(Supervisor, [worker("leaf")], flags).using(place=THREAD),
        restart,
        type=ChildType.SUPERVISOR,
    )


def test_tree_stops_from_the_top(supervise: RunSupervisor, worker: MakeChild, journal: Journal) -> None:
    """A stopped supervisor stops its supervisors, and they their children, before its earlier children."""
    supervisor = supervise(worker("a"), inner(worker, 3))
    supervisor.ref.stop(timeout=PATIENCE_S)
    journal.expect("start a", "start leaf", "stop leaf", "stop a")


def test_tree_escalates_one_level(supervise: RunSupervisor, worker: MakeChild, journal: Journal) -> None:
    """A supervisor that gives up is restarted by the one above it, with its children."""
    supervisor = supervise(inner(worker, 0))
    journal.expect("start leaf")
    tell("leaf", "crash")
    journal.expect("start leaf")
    (info,) = settled(supervisor)
    assert (info.status, info.restarts) == (Status.RUNNING, 1)
    assert "SupervisorGaveUpError" in info.last_cause


def test_transient_supervisor_that_gives_up_is_not_restarted(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """OTP: giving up is a shutdown, which is no abnormal end."""
    supervisor = supervise(inner(worker, 0, T))
    tell("leaf", "crash")
    settle(supervisor, {"inner": Status.STOPPED})
    journal.expect("start leaf")


def test_failing_supervisor_takes_its_children_along(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal
) -> None:
    """Children do not outlive a supervisor that raised: nobody would answer for them."""

    class Faulty(Supervisor):
        def on_receive(self, message: Any) -> Any:
            raise ZeroDivisionError

    ref = Faulty.options(name="faulty", place=THREAD).start([worker("a"), worker("b")])
    end = watch(ref)
    ref.tell("now")
    assert end.wait(PATIENCE_S).kind == "exception"
    journal.expect("start a", "start b", "stop b", "stop a")


def test_thread_child_that_hangs_at_shutdown_is_given_up_on(
    supervise: RunSupervisor, worker: MakeChild, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread cannot be killed: after its shutdown time and a grace its supervisor goes on without it."""
    monkeypatch.setattr("peerage.supervisors.stopping.KILL_WAIT_S", 0.05)
    journal.gate("a")
    supervisor = supervise(worker("a", shutdown=0.05), worker("b"))
    journal.expect("start a", "start b")
    tell("a", "hang")
    journal.expect("hang a")
    supervisor.terminate_child("a")
    assert ids(supervisor) == {"a": Status.STOPPED, "b": Status.RUNNING}
    with pytest.raises(ChildStartError):
        supervisor.restart_child("a")  # the name is still taken
    end = watch(ActorRef.to("a"))
    journal.release("a")
    end.wait(PATIENCE_S)


def test_request_timeout_is_the_askers(supervise: RunSupervisor, worker: MakeChild, journal: Journal) -> None:
    """SupervisorRef's timeout ends the wait, not the request."""
    journal.gate("a")
    supervisor = supervise(worker("a", shutdown=INFINITY))
    ask("a", "slow")
    with pytest.raises(Timeout):
        SupervisorRef(supervisor.ref, timeout=0.05).terminate_child("a")
    journal.expect("start a", "stopping a")
    journal.release("a")
    journal.expect("stop a")
