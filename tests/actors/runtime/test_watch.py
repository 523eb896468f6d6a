"""Whoever watches is told once, with the reason."""

from __future__ import annotations

import os
import signal

import pytest

from peerage.actors.runtime import HERE, ActorRef, DownReason, Place, System, Timeout, watch
from peerage.actors.runtime.mail.exit_reason import from_status
from peerage.actors.runtime.mail.process import current_port
from peerage.actors.runtime.processes import reaper
from tests.actors.runtime.cast import Worker


@pytest.fixture(autouse=True)
def _waits_for_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a process that has ended, however late the fork server gets a core to tell it."""
    monkeypatch.setattr(reaper, "STATUS_WAIT_S", 20.0)


def test_a_thread_gets_the_reason(worker: ActorRef[Worker]) -> None:
    """`watch(ref).wait()` returns when the actor has stopped, and not before."""
    seen = watch(worker)
    with pytest.raises(Timeout):
        seen.wait(0.05)
    worker.stop()
    assert seen.wait(20.0) == DownReason("normal", "stopped")


def test_the_reason_of_a_sigkill_has_the_signal(system: System) -> None:
    """Nothing of the actor's own can tell: the process's death is noticed."""
    ref = Worker.start()
    seen = watch(ref)
    ref.tell(("die",))
    reason = seen.wait(20.0)
    assert (reason.kind, reason.signal) == ("killed", signal.SIGKILL)


def test_the_reason_of_an_exit_has_the_code(system: System) -> None:
    """os._exit in an actor is a death, with its code."""
    ref = Worker.start()
    seen = watch(ref)
    ref.tell(("exit", 3))
    reason = seen.wait(20.0)
    assert (reason.kind, reason.exit_code) == ("killed", 3)


def test_sigterm_stops_the_actors_of_a_host(system: System) -> None:
    """An operator's kill is a graceful stop."""
    ref = Worker.start()
    seen = watch(ref)
    os.kill(ref.pid(), signal.SIGTERM)
    assert seen.wait(20.0).kind == "shutdown"


def test_watching_no_actor_says_noproc(system: System, worker: ActorRef[Worker]) -> None:
    """At once, whether host or actor is missing."""
    assert watch(ActorRef.to("nobody")).wait(1.0).kind == "noproc"
    assert watch(ActorRef.to("nobody", worker.host)).wait(20.0).kind == "noproc"


def test_a_watch_that_comes_late_still_learns_the_reason(system: System, place: Place) -> None:
    """Who watches just after a normal end is told so, not that there was nobody: its host is gone by then."""
    ref = Worker.options(place=place).start()
    ref.stop()
    assert current_port().wait(lambda: not system.hosts(), 20.0)
    assert watch(ref).wait(1.0) == DownReason("normal", "stopped")


def test_each_actor_of_a_host_that_ended_has_its_own_reason(worker: ActorRef[Worker], system: System) -> None:
    """A failure is not taken for a normal end because a neighbour ended so later."""
    child = worker.ask(("start",))
    child.tell(("raise", ValueError("boom")))
    watch(child).wait(20.0)
    assert watch(child).wait(20.0).text == "ValueError: boom"
    worker.stop()
    assert current_port().wait(lambda: not system.hosts(), 20.0)
    assert watch(child).wait(1.0).kind == "exception"
    assert watch(worker).wait(1.0).kind == "normal"


def test_on_down_is_called_once_for_a_death(worker: ActorRef[Worker]) -> None:
    """on_down(ref, reason), once even for two watches of one ref."""
    other = Worker.options(name="victim").start()
    worker.ask(("watch", other))
    worker.ask(("watch", other))
    other.kill()
    assert worker.ask(("downs",), timeout=5) == [("victim", "killed", signal.SIGKILL)]
    assert worker.ask(("log",)) == [("victim", "killed", signal.SIGKILL)]


def test_on_down_is_called_for_a_stop(worker: ActorRef[Worker], place: Place) -> None:
    """A normal end is news too."""
    other = Worker.options(name="other", place=place).start()
    worker.ask(("watch", other))
    other.stop()
    assert worker.ask(("downs",), timeout=5) == [("other", "normal", None)]


def test_an_actor_watches_a_neighbour_in_its_host(worker: ActorRef[Worker]) -> None:
    """Within a host nothing changes."""
    child = worker.ask(("start", HERE, "child"))
    worker.ask(("watch", child))
    child.stop()
    assert worker.ask(("downs",), timeout=5) == [("child", "normal", None)]


def test_on_down_is_called_if_there_is_no_such_actor(worker: ActorRef[Worker]) -> None:
    """on_down comes also for who was never there."""
    worker.ask(("watch", ActorRef.to("nobody")))
    assert worker.ask(("downs",), timeout=5) == [("nobody", "noproc", None)]


def test_unwatch_is_silent(worker: ActorRef[Worker]) -> None:
    """After unwatch nothing is told."""
    one, two = Worker.options(name="one").start(), Worker.options(name="two").start()
    worker.ask(("watch", one))
    worker.ask(("watch", two))
    worker.ask(("unwatch", one))
    one.kill()
    watch(one).wait(20.0)
    two.kill()
    assert worker.ask(("downs",), timeout=5) == [("two", "killed", signal.SIGKILL)]


def test_all_actors_of_a_killed_host_are_reported(system: System) -> None:
    """The process takes everyone inside along, and each watcher hears."""
    ref = Worker.start()
    children = [ref.ask(("start",)) for _ in range(3)]
    watches = [watch(child) for child in children]
    ref.kill()
    assert [seen.wait(20.0).kind for seen in watches] == ["killed"] * 3


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [
        (0, "normal", "process exited with code 0"),
        (3 << 8, "killed", "process exited with code 3"),
        (9, "killed", "process ended by SIGKILL"),
        (None, "killed", "process ended"),
    ],
)
def test_wait_statuses_become_reasons(status: int | None, kind: str, text: str) -> None:
    """What waitpid says, in words."""
    reason = from_status(status)
    assert (reason.kind, reason.text) == (kind, text)
    assert str(reason) == f"{kind}: {text}"
