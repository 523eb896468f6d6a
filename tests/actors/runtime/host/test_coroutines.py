"""Hooks and callbacks that are coroutines, in a process and in a thread."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from peerage.actors.runtime import (
    HERE,
    ActorDeadError,
    ActorRef,
    AskCycleError,
    DownReason,
    Place,
    ProcessActor,
    System,
    watch,
)
from peerage.testing import Probe

LIMIT_S = 10.0
LONG_S = 600.0


class Asker(ProcessActor):
    """All hooks are coroutines. Does what it is told, and notes it."""

    def __init__(self, probe: ActorRef[Any] | None = None) -> None:
        super().__init__()
        self.log: list[Any] = []
        self.probe = probe
        self.gate: asyncio.Event

    async def on_start(self) -> None:
        await asyncio.sleep(0)
        self.gate = asyncio.Event()
        self.log.append("started")

    async def on_receive(self, message: Any) -> Any:
        match message:
            case "log":
                return self.log
            case "wait for the gate":
                await self.gate.wait()
                self.log.append("through")
            case ("open later", seconds):
                self.runtime.call_later(seconds, self.open)
            case ("ask", ref, question):
                return await ref.ask_async(question, timeout=LIMIT_S)
            case ("raise", error):
                await asyncio.sleep(0)
                raise error
            case "in a thread":
                return await asyncio.to_thread(sum, [1, 2])
            case ("watch", ref):
                self.runtime.watch(ref)
            case "spawn one that fails":
                self.runtime.spawn(self.fail())
            case "spawn one that waits":
                self.runtime.spawn(self.wait())
            case "the gate within":
                self.runtime.call_soon(self.open)  # a plain callback waits for this hook, a task does not
                self.runtime.spawn(self.open())
                await self.gate.wait()
                return "went on"
            case ("child", question):
                child: ActorRef[Any] = Asker.options(place=HERE).start()
                return await child.ask_async(question, timeout=LIMIT_S)
            case _:
                self.log.append(message)
        return None

    async def on_down(self, ref: ActorRef[Any], reason: DownReason) -> None:
        await asyncio.sleep(0)
        self.log.append(("down", reason.kind))

    async def on_stop(self) -> None:
        await asyncio.sleep(0)
        if self.probe is not None:
            self.probe.tell("on_stop")

    async def open(self) -> None:
        await asyncio.sleep(0)
        self.gate.set()

    async def fail(self) -> None:
        await asyncio.sleep(0)
        raise ValueError("in a task")

    async def wait(self) -> None:
        try:
            await asyncio.sleep(LONG_S)
        finally:
            assert self.probe is not None
            self.probe.tell("cancelled")


@pytest.fixture
def asker(system: System, place: Place) -> ActorRef[Asker]:
    return Asker.options(place=place).start()


def test_hooks_are_awaited(asker: ActorRef[Asker]) -> None:
    """on_start before anything else, on_receive before the answer; executors work as everywhere."""
    assert asker.ask("log", timeout=LIMIT_S) == ["started"]
    assert asker.ask("in a thread", timeout=LIMIT_S) == 3


def test_messages_are_handled_one_at_a_time_and_in_order(asker: ActorRef[Asker]) -> None:
    """The next one is begun when the coroutine before it has finished; the task of a callback goes on meanwhile."""
    asker.tell(("open later", 0.0))
    asker.tell("wait for the gate")
    asker.tell("next")
    assert asker.ask("log", timeout=LIMIT_S)[1:] == ["through", "next"]


def test_tasks_go_on_while_a_hook_waits(asker: ActorRef[Asker]) -> None:
    """Whatever it awaits may have to come from them."""
    assert asker.ask("the gate within", timeout=LIMIT_S) == "went on"


def test_an_exception_goes_to_the_asker_or_ends_the_actor(asker: ActorRef[Asker]) -> None:
    """As that of a plain hook."""
    with pytest.raises(KeyError, match="as told"):
        asker.ask(("raise", KeyError("as told")), timeout=LIMIT_S)
    assert asker.ask("log", timeout=LIMIT_S) == ["started"]
    seen = watch(asker)
    asker.tell(("raise", KeyError("as told")))
    assert seen.wait(LIMIT_S).text == "KeyError: 'as told'"


def test_an_ask_that_is_awaited_may_be_answered_by_anybody(system: System, asker: ActorRef[Asker]) -> None:
    """Another process, or another actor of the same host, which runs a loop of its own."""
    other: ActorRef[Any] = Asker.start()
    assert asker.ask(("ask", other, "log"), timeout=LIMIT_S) == ["started"]
    assert asker.ask(("child", "log"), timeout=LIMIT_S) == ["started"]
    assert asker.ask(("child", ("ask", other, "log")), timeout=LIMIT_S) == ["started"]


def test_an_ask_of_itself_fails_at_once(asker: ActorRef[Asker]) -> None:
    """It cannot be handled before the hook that awaits it has returned."""
    with pytest.raises(AskCycleError):
        asker.ask(("ask", asker, "log"), timeout=LIMIT_S)


def test_a_coroutine_that_fails_ends_the_actor(asker: ActorRef[Asker]) -> None:
    """As a callback does."""
    seen = watch(asker)
    asker.tell("spawn one that fails")
    assert seen.wait(LIMIT_S).text == "ValueError: in a task"


def test_on_down_may_be_a_coroutine(system: System, asker: ActorRef[Asker]) -> None:
    """As any callback."""
    other: ActorRef[Any] = Asker.start()
    asker.ask(("watch", other), timeout=LIMIT_S)
    other.stop()
    asker.ask("x", timeout=LIMIT_S)
    while ("down", "normal") not in asker.ask("log", timeout=LIMIT_S):
        pass


def test_at_the_end_what_runs_is_cancelled_after_on_stop(system: System, place: Place) -> None:
    """Each `finally` runs, and the stop waits for all that."""
    with Probe() as probe:
        ref: ActorRef[Any] = Asker.options(place=place).start(probe.ref)
        ref.ask("spawn one that waits", timeout=LIMIT_S)
        assert ref.stop(timeout=LIMIT_S)
        probe.expect("on_stop")
        probe.expect("cancelled")


class FailsToStart(ProcessActor):
    async def on_start(self) -> None:
        await asyncio.sleep(0)
        raise ValueError("not today")


def test_what_on_start_raises_is_raised_by_start(system: System, place: Place) -> None:
    """As a plain on_start's."""
    with pytest.raises(ValueError, match="not today"):
        FailsToStart.options(place=place).start()


class Base(ProcessActor):
    async def on_receive(self, message: Any) -> Any:
        await asyncio.sleep(0)
        return message


class Derived(Base):
    async def on_receive(self, message: Any) -> Any:
        if message == "again":
            return await self.on_receive("self")
        return f"more than {await super().on_receive(message)}"


def test_a_hook_can_await_that_of_its_base_class_and_itself(system: System, place: Place) -> None:
    """They are coroutine functions like others."""
    ref: ActorRef[Any] = Derived.options(place=place).start()
    assert ref.ask("this", timeout=LIMIT_S) == "more than this"
    assert ref.ask("again", timeout=LIMIT_S) == "more than self"


def test_no_coroutine_is_begun_for_an_actor_that_has_ended(system: System) -> None:
    """Whoever holds the object is told."""
    with pytest.raises(ActorDeadError):
        Asker.start().ask(("raise", SystemExit(1)), timeout=LIMIT_S)
