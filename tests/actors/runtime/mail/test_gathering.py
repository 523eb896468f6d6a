"""Tells on each other's heels travel together, and nobody can tell by anything but the cost."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from peerage.actors.runtime import HERE, ActorRef, Place, ProcessActor, System
from peerage.actors.runtime.mail.batch import BATCH_MESSAGES
from peerage.actors.runtime.mail.codec import SMALL
from peerage.actors.runtime.mail.process import current_port
from tests.actors.runtime.cast import Echo, Worker

EXPECTED = 5
SEEN: list[str] = []  # of a host: who was given a message, in order


class Bell(ProcessActor):
    """Rings, on its descriptor, when it has been told so many messages."""

    def on_receive(self, message: Any) -> None:
        if message == EXPECTED:
            os.eventfd_write(self.runtime.fds["bell"], 1)


class Busy(ProcessActor):
    """Tells and then does not return until its descriptor says so."""

    def on_receive(self, message: Any) -> None:
        bell: ActorRef[Bell] = message
        for number in range(1, EXPECTED + 1):
            bell.tell(number)
        os.eventfd_read(self.runtime.fds["gate"])


class Named(ProcessActor):
    """Notes its name for each message; its neighbours in the host do so in the same list."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def on_receive(self, message: Any) -> Any:
        if message == "neighbours":
            return [Named.options(place=HERE).start(name) for name in ("first", "second")]
        if message == "seen":
            return SEEN
        if message == "note":
            SEEN.append(self.name)
        else:
            _fill, first, second = message
            first.tell_many(["note"] * BATCH_MESSAGES)
            second.tell("note")
        return None


@pytest.fixture
def bell() -> Iterator[int]:
    fd = os.eventfd(0)
    yield fd
    os.close(fd)


@pytest.fixture
def gate() -> Iterator[int]:
    fd = os.eventfd(0)
    yield fd
    os.close(fd)


def test_whatever_is_told_arrives_in_order(system: System, place: Place) -> None:
    """Messages that cannot change and others, small and larger ones, asks between them."""
    echo = Echo.options(place=place).start()
    told: list[Any] = []
    for number in range(3 * BATCH_MESSAGES):
        messages = [number, str(number), (number, "in a tuple"), b"x" * (SMALL + 1), None, 1.5, [number]]
        message = messages[number % len(messages)]
        told.append(message)
        echo.tell(message)
        if not number % 100:
            echo.ask("asked")
            told.append("asked")
    assert echo.ask("heard") == told


def test_what_could_change_after_it_was_told_does_not_change_the_message(
    system: System, place: Place
) -> None:
    """A message is what it was when it was told."""
    echo = Echo.options(place=place).start()
    message: list[int] = []
    for number in range(10):
        message.append(number)
        echo.tell(message)
    assert echo.ask("heard") == [list(range(number + 1)) for number in range(10)]


def test_two_actors_of_one_host_are_told_in_turns(system: System) -> None:
    """Each hears its own, in order."""
    worker = Worker.start()
    child = worker.ask(("start",))
    for number in range(2 * BATCH_MESSAGES):
        (worker, child)[number % 2].tell(("log", number))
    assert worker.ask(("log",)) == list(range(0, 2 * BATCH_MESSAGES, 2))
    assert child.ask(("log",)) == list(range(1, 2 * BATCH_MESSAGES, 2))


def test_who_tells_and_then_sleeps_holds_nothing_back(system: System, bell: int) -> None:
    """A thread that neither asks nor tells again."""
    ref = Bell.options(fds={"bell": bell}).start()
    for number in range(1, EXPECTED + 1):
        ref.tell(number)
    assert os.eventfd_read(bell) == 1


def test_an_actor_that_tells_and_then_works_holds_nothing_back(system: System, bell: int, gate: int) -> None:
    """Its turn ends only after the last message has arrived."""
    ref = Bell.options(fds={"bell": bell}).start()
    Busy.options(fds={"gate": gate}).start().tell(ref)
    assert os.eventfd_read(bell) == 1
    os.eventfd_write(gate, 1)


def test_a_thread_that_tells_and_ends_loses_nothing(system: System) -> None:
    """Its last words are on their way before its port is closed."""
    echo = Echo.start()

    def tell_and_end() -> None:
        for number in range(EXPECTED):
            echo.tell(number)

    thread = threading.Thread(target=tell_and_end)
    thread.start()
    thread.join()
    assert current_port().wait(lambda: echo.ask("heard") == list(range(EXPECTED)), 20.0)


def test_what_was_gathered_for_a_killed_actor_is_reported(system: System) -> None:
    """Sent = handled + reported."""
    worker = Worker.start()
    port = current_port()
    before = port.dead_letters
    pid = worker.ask(("pid",))
    worker.tell(("spin",))
    for number in range(EXPECTED):
        worker.tell(("log", number))
    os.kill(pid, 9)
    assert port.wait(lambda: port.dead_letters >= before + EXPECTED + 1, 20.0)
    assert port.dead_letters == before + EXPECTED + 1


def test_a_long_batch_does_not_starve_the_neighbours(system: System) -> None:
    """An actor's turn ends before a batch of that size does, and the batch goes on in its next one."""
    third = Named.start("third")
    first, second = third.ask("neighbours")
    third.ask(("fill", first, second))
    seen: list[str] = []
    while len(seen) < BATCH_MESSAGES + 1:
        seen = first.ask("seen")
    assert seen.count("first") == BATCH_MESSAGES
    assert seen.index("second") < BATCH_MESSAGES
