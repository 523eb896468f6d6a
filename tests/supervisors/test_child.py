"""The record of a child, and the list of them."""

import pytest

from peerage.actors.runtime import PROCESS, DownReason
from peerage.supervisors.child import CAUSE_CHARS, Child, Children
from peerage.supervisors.errors import (
    ChildAlreadyPresentError,
    ChildAlreadyStartedError,
    ChildRestartingError,
    ChildRunningError,
    UnknownChildError,
)
from peerage.supervisors.messages import ChildCounts
from peerage.supervisors.spec import ChildType
from peerage.supervisors.strategy import Exit, ExitKind, StartAgain, Status
from tests.supervisors.parts import FakeClock, FakeRef, FakeStart, running, spec, starting

AGAIN = StartAgain(("a", "b"), 0.0, "a", "why", 1)


def test_a_child_on_its_way_up_has_no_ref_for_others() -> None:
    """It does not serve yet."""
    child = starting(spec(), FakeStart())
    assert (child.info().status, child.info().ref) == (Status.STARTING, None)
    child.came_up(ref := FakeRef("a"))
    assert (child.info().status, child.info().ref, child.start) == (Status.RUNNING, ref, None)


def test_a_start_takes_it_off_the_restart_that_it_waited_for() -> None:
    """What it waited for has come."""
    child = Child(spec())
    child.status, child.batch = Status.RESTARTING, AGAIN
    child.begin(FakeStart())
    assert child.info().status is Status.STARTING
    assert child.batch is not AGAIN


def test_the_last_ref_outlives_the_actor() -> None:
    """What is left of its process may have to be killed; a start that failed has left none."""
    child = running(spec())
    ref = child.ref
    child.gone()
    child.gone()
    assert (child.ref, child.last_ref) == (None, ref)


def test_its_end_calls_off_what_is_due() -> None:
    """Deadlines of one life must not hit the next."""
    clock, child = FakeClock(), running(spec())
    child.timers.append(clock.call_later(1.0, pytest.fail))
    child.gone()
    clock.pass_by(2.0)
    assert child.timers == []


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        (DownReason("normal", "stopped"), ExitKind.NORMAL),
        (DownReason("shutdown", "its host stopped"), ExitKind.SHUTDOWN),
        (DownReason("exception", "SupervisorGaveUpError: of a branch"), ExitKind.SHUTDOWN),
        (DownReason("exception", "ValueError: no"), ExitKind.ABNORMAL),
        (DownReason("killed", "process ended by SIGKILL"), ExitKind.ABNORMAL),
    ],
)
def test_what_an_end_counts_as(reason: DownReason, kind: ExitKind) -> None:
    """To the strategy there are three kinds of them."""
    assert running(spec()).end_for(reason) == Exit("a", kind, str(reason))


def test_a_verdict_is_the_better_cause() -> None:
    """It says why the process was killed, and makes every end abnormal."""
    child = running(spec())
    child.verdict = "hung"
    assert child.end_for(DownReason("normal", "")) == Exit("a", ExitKind.ABNORMAL, "hung")


def test_a_long_cause_is_cut() -> None:
    """An exception may quote a whole message."""
    exit_ = running(spec()).end_for(DownReason("exception", "x" * 10_000))
    assert len(exit_.cause) == CAUSE_CHARS


def test_a_failed_start_took_its_time() -> None:
    """Which is not counted as time passed."""
    child = Child(spec())
    assert child.failed_start("no", 10.0, 12.0, is_limit=False) == Exit("a", ExitKind.START_FAILED, "no", 2.0)


def test_waiting_at_a_limit_adds_up_until_another_failure() -> None:
    """From the beginning of the first try."""
    child = Child(spec())
    child.failed_start("full", 10.0, 11.0, is_limit=True)
    assert child.failed_start("full", 15.0, 16.0, is_limit=True).waited == 6.0
    child.failed_start("no", 20.0, 21.0, is_limit=False)
    assert child.failed_start("full", 30.0, 31.0, is_limit=True).waited == 1.0


def test_only_a_child_in_a_process_has_its_own() -> None:
    """A process is where children are by default."""
    assert Child(spec(place=PROCESS)).has_own_process
    assert not Child(spec()).has_own_process


# The list


def test_children_are_found_by_id_and_by_ref() -> None:
    """Of a child that does not run, no ref is known."""
    children = Children([spec("a"), spec("b")])
    child = children.find("b")
    assert children.of(FakeRef("b")) is None
    child.came_up(FakeRef("b"))
    assert children.of(FakeRef("b")) is child
    with pytest.raises(UnknownChildError):
        children.find("c")


def test_only_a_stopped_child_can_be_restarted_or_deleted() -> None:
    """One that starts is on its way back already."""
    children = Children([spec("a")])
    child = children.find("a")
    assert children.find_stopped("a") is child
    for status, error in (
        (Status.RUNNING, ChildRunningError),
        (Status.RESTARTING, ChildRestartingError),
        (Status.STARTING, ChildRestartingError),
    ):
        child.status = status
        with pytest.raises(error):
            children.find_stopped("a")


def test_a_taken_id_says_whether_its_child_lives() -> None:
    """One that is on its way up counts as living."""
    children = Children([spec("a")])
    children.check_new("b")
    with pytest.raises(ChildAlreadyPresentError):
        children.check_new("a")
    children.find("a").status = Status.STARTING
    with pytest.raises(ChildAlreadyStartedError):
        children.check_new("a")


def test_a_restart_takes_its_children_in_start_order() -> None:
    """Those that still wait for this very restart."""
    children = Children([spec("a"), spec("b")])
    for child in children:
        child.batch = AGAIN
    assert children.waiting_for(AGAIN) is children.find("a")
    children.find("a").begin(FakeStart())
    assert children.waiting_for(AGAIN) is children.find("b")
    assert children.waiting_for(StartAgain(("a", "b"), 0.0, "a", "why", 1)) is None


def test_counts_tell_living_ones_and_supervisors_apart() -> None:
    """A child that is starting is not active."""
    children = Children([spec("a"), spec("b", type=ChildType.SUPERVISOR), spec("c")])
    children.find("a").came_up(FakeRef("a"))
    children.find("b").begin(FakeStart())
    assert children.counts() == ChildCounts(specs=3, active=1, supervisors=1, workers=2)
    assert children.any_starting


def test_children_without_an_order_stop_together() -> None:
    """The others one by one, last started first."""
    children = Children([spec("a"), spec("b")])
    template = spec("t")
    for child_id in ("i1", "i2"):
        children.add(template.instance(child_id))
    children.add(spec("c"))
    groups = [[child.spec.id for child in group] for group in children.stopped_together()]
    assert groups == [["c"], ["i2", "i1"], ["b"], ["a"]]


def test_a_child_is_removed_once() -> None:
    """A second request to forget it is no error."""
    children = Children([spec("a")])
    child = children.find("a")
    children.remove(child)
    children.remove(child)
    assert list(children) == []


def test_an_observer_is_told_what_becomes_of_it() -> None:
    """In plain values, that need no class of ours to be read."""
    child = running(spec("a"))
    child.restarts, child.last_cause = 2, "killed"
    facts = Children([spec("b")]).facts()[0]
    assert (facts.id, facts.status, facts.restarts) == ("b", "stopped", 0)
    assert child.facts()[2:] == ("a", "worker", "running", "permanent", 2, "killed")
