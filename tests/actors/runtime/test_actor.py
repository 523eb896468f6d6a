"""Pykka's actor, wherever it runs: start, hooks, failure, stop."""

from __future__ import annotations

import os
import threading
from typing import Any

import pykka
import pytest

from peerage.actors.runtime import (
    PROCESS,
    ActorDeadError,
    ActorRef,
    ActorRegistry,
    Future,
    Place,
    ProcessActor,
    RemoteFailureError,
    RemoteTraceback,
    System,
    watch,
)
from tests.actors.runtime.cast import Echo, Lifecycle, Worker


@pytest.fixture
def witness(system: System) -> ActorRef[Worker]:
    return Worker.options(name="witness").start()


def test_a_process_actor_is_a_pykka_actor(system: System) -> None:
    """Code written for Pykka recognises it, its ref and its future."""
    ref = Echo.start()
    assert issubclass(Echo, pykka.Actor)
    assert isinstance(ref, pykka.ActorRef)
    assert isinstance(ref.ask("x", block=False), pykka.Future)


def test_start_runs_the_actor_in_another_process(system: System) -> None:
    """`start()` means a process of its own."""
    assert Worker.start().ask(("pid",)) != os.getpid()


def test_hooks_run_in_pykkas_order(witness: ActorRef[Worker], place: Place) -> None:
    """Constructor, on_start, messages, on_stop."""
    ref = Lifecycle.options(place=place).start(witness)
    ref.tell("message")
    ref.stop()
    assert witness.ask(("log",)) == ["init", "on_start", "message", "on_stop"]


def test_a_tell_that_raises_fails_the_actor(witness: ActorRef[Worker], place: Place) -> None:
    """on_failure runs instead of on_stop; watchers learn the exception and its traceback."""
    ref = Lifecycle.options(place=place).start(witness, fail_in="bad")
    seen = watch(ref)
    ref.tell("bad")
    reason = seen.wait(20.0)
    assert (reason.kind, reason.text) == ("exception", "ValueError: bad")
    assert "_note" in reason.traceback
    assert witness.ask(("log",))[2:] == ["bad", "on_failure ValueError"]


def test_an_ask_that_raises_reaches_the_asker_and_the_actor_lives(worker: ActorRef[Worker]) -> None:
    """The exception keeps its class and brings the remote traceback as its cause."""
    with pytest.raises(ZeroDivisionError, match="by nought") as caught:
        worker.ask(("raise", ZeroDivisionError("by nought")))
    assert isinstance(caught.value.__cause__, RemoteTraceback)
    assert "do_raise" in str(caught.value.__cause__)
    assert worker.is_alive()


class UnpicklableError(Exception):
    """Holds what cannot leave its process."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(one + two)
        self.lock = threading.Lock()


class KeywordError(Exception):
    """Cannot be built again from its args."""

    def __init__(self, one: int, *, two: list[int]) -> None:
        super().__init__(f"number {one}")
        self.two = two


class Raiser(ProcessActor):
    def on_receive(self, message: Any) -> Any:
        if message == "exit":
            raise SystemExit(message)
        if message == "keyword":
            error = KeywordError(1, two=[2])
            error.add_note("noted")
            raise error from KeyError("cause")
        if message == "group":
            raise ExceptionGroup("several", [KeywordError(1, two=[2]), FileNotFoundError(2, "none", "a.txt")])
        raise UnpicklableError(1, 2)


def test_an_exception_that_cannot_travel_is_described(system: System, place: Place) -> None:
    """A substitute names class and text; nobody hangs."""
    with pytest.raises(RemoteFailureError, match="UnpicklableError: 3"):
        Raiser.options(place=place).start().ask("x")


def test_an_exception_arrives_as_it_was_raised(system: System, place: Place) -> None:
    """Whatever its constructor takes; the remote traceback is its cause, what it was raised from its context."""
    with pytest.raises(KeywordError, match="number 1") as caught:
        Raiser.options(place=place).start().ask("keyword")
    error = caught.value
    assert (error.args, error.two, error.__notes__) == (("number 1",), [2], ["noted"])
    assert isinstance(error.__cause__, RemoteTraceback)
    assert repr(error.__context__) == "KeyError('cause')"


def test_each_exception_of_a_group_arrives_as_it_was_raised(system: System, place: Place) -> None:
    """With what the interpreter keeps of it, a file's name say."""
    with pytest.raises(ExceptionGroup, match="several") as caught:
        Raiser.options(place=place).start().ask("group")
    own, missing = caught.value.exceptions
    assert isinstance(own, KeywordError)
    assert own.two == [2]
    assert isinstance(missing, FileNotFoundError)
    assert (missing.errno, missing.filename) == (2, "a.txt")


def test_an_exit_raised_inside_ends_that_actor_only(system: System, place: Place) -> None:
    """SystemExit and its kind stop the actor; who asked gets ActorDeadError."""
    ref = Raiser.options(place=place).start()
    with pytest.raises(ActorDeadError):
        ref.ask("exit")


def test_a_class_of_a_function_can_be_started(system: System) -> None:
    """By value, with what it closes over."""
    factor = 7

    class Local(ProcessActor):
        def on_receive(self, message: Any) -> Any:
            return message * factor

    assert Local.start().ask(6) == 42


def test_main_is_not_run_again(system: System) -> None:
    """A host's __main__ is not the embedder's."""
    assert Worker.start().ask(("module_of_main",)) == "none"


def test_the_registry_knows_living_actors(system: System, place: Place) -> None:
    """Pykka's registry has the refs started here, until they end."""
    one, two = Echo.options(place=place).start(), Worker.options(place=place).start()
    assert ActorRegistry.get_by_class(Echo) == [one]
    assert ActorRegistry.get_by_urn(two.actor_urn) == two
    one.stop()
    assert ActorRegistry.get_all() == [two]
    ActorRegistry.stop_all()
    assert ActorRegistry.get_all() == []


def test_a_killed_actor_leaves_the_registry(system: System) -> None:
    """The runtime watches what it registered."""
    ref = Echo.options(place=PROCESS).start()
    seen = watch(ref)
    ref.kill()
    seen.wait(20.0)
    with pytest.raises(ActorDeadError):
        ref.ask("x")
    _until_unregistered(ref)


def _until_unregistered(ref: ActorRef[Any]) -> None:
    from peerage.actors.runtime.mail.process import current_port

    assert current_port().wait(lambda: ref not in ActorRegistry.get_all(), 20.0)


def test_an_actor_built_directly_needs_no_system() -> None:
    """Its author's unit tests may call its methods without starting it."""
    assert Echo("hi").on_receive("x") == "x"


class Leaving(ProcessActor):
    """Takes its time to stop, or to fail: until it is let go on."""

    def __init__(self, gate: Future[None]) -> None:
        super().__init__()
        self.gate = gate

    def on_receive(self, message: Any) -> Any:
        raise ValueError(message)

    def on_stop(self) -> None:
        self.gate.get(timeout=10)

    def on_failure(self, *_: Any) -> None:
        self.gate.get(timeout=10)


def test_the_registry_forgets_an_actor_before_its_last_hook(system: System, place: Place) -> None:
    """As Pykka's does: on_stop and on_failure may take long."""
    for leave in ("stop", "fail"):
        gate = Future[None]()
        ref = Leaving.options(place=place).start(gate)
        seen = watch(ref)
        if leave == "stop":
            ref.stop(block=False)
        else:
            ref.tell("leave")
        _until_unregistered(ref)
        assert ref.is_alive()
        gate.set()
        seen.wait(20.0)
