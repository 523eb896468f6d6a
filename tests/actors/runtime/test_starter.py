"""Starting an actor: in each place, with each option, and what is told when it cannot be."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import (
    HERE,
    PROCESS,
    THREAD,
    ActorRef,
    ActorStartError,
    Place,
    ProcessActor,
    RemoteTraceback,
    System,
    Topic,
    watch,
)
from peerage.actors.runtime.processes import passed_fds
from tests.actors.runtime.cast import Echo, Lifecycle, Worker


@pytest.fixture
def witness(system: System) -> ActorRef[Worker]:
    return Worker.options(name="witness").start()


@pytest.mark.parametrize("place", [PROCESS, THREAD, "other"])
def test_nothing_is_shared_with_an_actor_elsewhere(place: Any) -> None:
    """Arguments by reference are for the same host, and refused at once for any other."""
    with pytest.raises(ValueError, match="by_reference=True is for place HERE"):
        Echo.options(place=place, by_reference=True)


def test_a_starter_may_be_used_again_where_the_name_is_generated(system: System) -> None:
    """Each actor gets a name of its own, which says its class."""
    starter = Echo.options(place=THREAD)
    first, second = starter.start(1), starter.start(2)
    assert first.name != second.name
    assert {ref.name.partition("-")[0] for ref in (first, second)} == {"Echo"}


def test_the_same_options_may_start_actors_of_several_names(system: System) -> None:
    """And a name is looked at when it is given."""
    starter = Echo.options(place=THREAD)
    assert [starter.named(name).start(1).name for name in ("anna", "bert")] == ["anna", "bert"]
    with pytest.raises(ValueError, match="name"):
        starter.named("a\0b")


def test_a_host_may_have_another_name_than_its_actor(system: System, place: Place) -> None:
    """And may outlive it."""
    ref = Echo.options(place=place, name="tenant", host="house", keep=True).start()
    assert (ref.name, ref.host) == ("tenant", "house")
    ended = watch(ref)
    ref.stop()
    ended.wait(20.0)
    assert Echo.options(place="house").start().host == "house"


@pytest.mark.parametrize("hook", ["init", "on_start"])
def test_a_failing_start_raises_at_the_starter(witness: ActorRef[Worker], place: Place, hook: str) -> None:
    """What constructor or on_start raise is raised by start(), and no actor is left."""
    with pytest.raises(ValueError, match=hook) as caught:
        Lifecycle.options(place=place, name="stillborn").start(witness, fail_in=hook)
    assert isinstance(caught.value.__cause__, RemoteTraceback)
    assert not ActorRef.to("stillborn").is_alive()


def test_a_host_that_dies_while_starting_fails_the_start_at_once(system: System) -> None:
    """No timeout has to pass when the constructor kills its process."""
    with pytest.raises(ActorStartError, match="SIGKILL"):
        Suicide.start()


class Suicide(ProcessActor):
    def __init__(self) -> None:
        os.kill(os.getpid(), 9)


class Sleeper(ProcessActor):
    def __init__(self) -> None:
        super().__init__()
        os.eventfd_read(os.eventfd(0))


def test_a_start_that_takes_too_long_is_given_up(system: System) -> None:
    """start_timeout names the host, and the host is killed."""
    with pytest.raises(ActorStartError, match="no answer from host 'sleeper'"):
        Sleeper.options(name="sleeper", start_timeout=0.1).start()
    Echo.options(name="sleeper").start()


def test_descriptors_are_not_passed_to_a_system_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end has come in the middle of the start: the root is not waited for."""
    System.current().shutdown()
    with System() as system:
        Path(passed_fds.path_of(system.directory)).unlink()
        monkeypatch.setattr(system.process.network, "mend", system.shutdown)
        with pytest.raises(ActorStartError, match=r"'late'.*shutting down"):
            Echo.options(name="late", fds={"null": 0}).start()


def test_what_cannot_be_passed_on_is_told_with_the_actors_name(system: System, place: Place) -> None:
    """A descriptor that is not open, say. Nothing is left of the start."""
    closed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # one more than there can be
    with pytest.raises(ActorStartError, match=r"'bare'.*Bad file descriptor"):
        Echo.options(name="bare", place=place, fds={"pipe": closed}).start()
    assert Echo.options(name="bare", place=place).start().ask("x") == "x"


def test_a_live_name_cannot_be_taken(worker: ActorRef[Worker], place: Place) -> None:
    """A second actor of that name is refused, the first lives on."""
    with pytest.raises(ActorStartError, match="alive"):
        Echo.options(name=worker.name, place=place).start()
    assert worker.is_alive()


def test_a_name_is_free_as_soon_as_its_bearer_has_stopped(system: System, place: Place) -> None:
    """stop, start, stop, start: without waiting in between; old refs are valid again."""
    old = Echo.options(name="phoenix", place=place).start(1)
    for life in range(2, 5):
        old.stop()
        Echo.options(name="phoenix", place=place).start(life)
        assert old.proxy().greeting.get() == life


def test_here_places_the_child_in_the_callers_host(worker: ActorRef[Worker]) -> None:
    """One process, one host, two actors, arguments by reference."""
    child = worker.ask(("start", HERE))
    assert child.host == worker.host
    assert child.ask(("pid",)) == worker.ask(("pid",))
    assert worker.ask(("start_by_reference", [1]))


def test_here_outside_an_actor_is_refused(system: System) -> None:
    """There is no host to share."""
    with pytest.raises(RuntimeError, match="HERE"):
        Echo.options(place=HERE).start()


def test_an_actor_can_be_started_in_a_named_host(worker: ActorRef[Worker]) -> None:
    """By the host's name or by a ref of an actor in it; an unknown host is an error at once."""
    assert Worker.options(place=worker.host).start().ask(("pid",)) == worker.ask(("pid",))
    assert Worker.options(place=worker).start().host == worker.host
    with pytest.raises(ActorStartError, match="no host 'nowhere'"):
        Worker.options(place="nowhere").start()


def test_actors_start_actors(worker: ActorRef[Worker], place: Place) -> None:
    """From inside a host, a process or a thread can be started as from outside."""
    child = worker.ask(("start", place, "grandchild"))
    assert child.ask(("facts",)) == ("grandchild", None, None)


def test_extra_is_there_in_the_constructor(system: System, place: Place) -> None:
    """The framework's context needs no constructor parameter."""
    ref = NeedsExtra.options(place=place, extra={"key": 1}).start()
    assert ref.ask("x") == {"key": 1}


class NeedsExtra(ProcessActor):
    def __init__(self) -> None:
        self.context = self.runtime.extra
        super().__init__()

    def on_receive(self, message: Any) -> Any:
        return self.context


def test_what_is_no_text_is_no_name() -> None:
    """It is told when the options are given."""
    with pytest.raises(TypeError, match="name is 5: text was expected"):
        Worker.options(name=5)  # type: ignore[arg-type]  # that is the mistake
    with pytest.raises(TypeError, match="name is 5: text was expected"):
        Topic(5)  # type: ignore[arg-type]
