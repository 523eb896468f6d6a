"""What actors are doing, read off the stacks of their threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from peerage.actors.runtime import THREAD, ActorRef, ProcessActor, System
from peerage.actors.runtime.doing import Doing, doing_here
from peerage.testing import wait_until

goes_on = threading.Event()


class Request:
    """A message."""


class Busy(ProcessActor):
    """Is in the middle of whatever it is asked for."""

    def on_start(self) -> None:
        self.runtime.call_soon(self._nothing)

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Request):
            self._work()
        elif isinstance(message, ActorRef):
            return message.ask(Request(), timeout=30.0)
        elif message == "later":
            self.runtime.call_soon(self._work)
        return None

    def _work(self) -> None:
        goes_on.wait(30.0)

    def _nothing(self) -> None: ...


@pytest.fixture(autouse=True)
def system() -> Iterator[None]:
    """At the end every actor of these tests is gone."""
    goes_on.clear()
    yield
    goes_on.set()
    System.current().shutdown()


def now() -> dict[str, Doing]:
    return {each.actor: each for each in doing_here()}


def seen(name: str, message: str, is_there: Callable[[Doing], bool] = lambda _doing: True) -> Doing:
    """What an actor is doing, as soon as it does that and has come so far: it has begun before it has."""

    def look() -> Doing | None:
        found = now().get(name)
        return found if found and found.message == message and is_there(found) else None

    found = wait_until(look)
    assert isinstance(found, Doing)
    return found


def works(doing: Doing) -> bool:
    return any(place.endswith(" Busy._work") for place in doing.stack)


def start(name: str) -> ActorRef[Any]:
    return Busy.options(name=name, place=THREAD).start()


@pytest.mark.parametrize("is_ask", [True, False])
def test_a_handler_that_computes_is_seen_with_its_message(is_ask: bool) -> None:
    """And how long ago that came, and where it is; what waits behind it is counted once the host can read it."""
    busy = start("busy")
    if is_ask:
        busy.ask(Request(), block=False)
    else:
        busy.tell(Request())
    found = seen("busy", "Request", works)
    assert found.state == "running"
    assert found.class_path.endswith(":Busy")
    assert " Busy.on_receive" in found.stack[0]
    wait_until(lambda: now()["busy"].age >= 0.05)
    goes_on.set()
    wait_until(lambda: now() == {})


def test_a_callback_has_its_name() -> None:
    start("timed").tell("later")
    found = seen("timed", "callback Busy._work", works)
    assert found.age >= 0.0
    assert found.stack[0].endswith(" Busy._work")


def test_whom_an_actor_waits_for() -> None:
    """The asker's frames end where its neighbour's begin: each has its own."""
    asked, asker = start("asked"), start("asker")
    asker.tell(asked)
    assert seen("asked", "Request").waits_for == ""
    found = seen("asker", "ActorRef", lambda doing: doing.state == "waiting")
    assert found.waits_for == "asked"
    assert not any(place.endswith("_work") for place in found.stack)


def test_messages_that_came_in_one_frame() -> None:
    """Each is seen by itself."""
    busy = start("batched")
    busy.tell("first")
    for _ in range(20):
        busy.tell(Request())
    assert seen("batched", "Request").state == "running"


def test_whoever_does_nothing_is_left_out() -> None:
    start("idle")
    wait_until(lambda: now() == {})
