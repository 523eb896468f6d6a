"""Asks whose answers are not wanted any more: what the actor sees, and what it does not begin."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from peerage.actors.runtime import (
    HERE,
    INHERIT,
    PROCESS,
    ActorDeadError,
    ActorRef,
    FutureCancelledError,
    Place,
    System,
    Timeout,
)
from peerage.actors.runtime.mail.window import WINDOW_MESSAGES
from tests.actors.runtime.producers import Patient


@pytest.fixture
def gate() -> Iterator[int]:
    """An event file descriptor that opens the actor's gate."""
    fd = os.eventfd(0)
    yield fd
    os.close(fd)


@pytest.fixture
def patient(system: System, place: Place, gate: int) -> ActorRef[Patient]:
    return Patient.options(place=place, fds={"gate": gate}).start()


def open_gate(gate: int) -> None:
    os.eventfd_write(gate, 1)


def test_the_actor_sees_how_long_the_asker_waits(patient: ActorRef[Patient]) -> None:
    """And nothing where it waits for ever, or does not wait."""
    assert 9.0 < patient.ask(("deadline",), timeout=10.0) <= 10.0
    assert patient.ask(("deadline",)) is None
    assert patient.ask(("deadline",), block=False, timeout=10.0).get(timeout=5) is None
    patient.tell(("deadline",))
    assert patient.ask(("seen",)) == [None]


def test_from_asyncio_too(patient: ActorRef[Patient]) -> None:
    """Whether the ask went at once, or waited in line."""

    async def main() -> list[Any]:
        calls = [patient.ask_async(("deadline",), timeout=30.0) for _ in range(WINDOW_MESSAGES + 10)]
        return await asyncio.gather(*calls, patient.ask_async(("deadline",)))

    *limited, unlimited = asyncio.run(main())
    assert all(0.0 < left <= 30.0 for left in limited)
    assert unlimited is None


def test_the_rest_of_the_deadline_is_passed_on(patient: ActorRef[Patient], system: System) -> None:
    """To an actor elsewhere, and to one of the same host."""
    other = Patient.options(place=PROCESS).start()
    near = patient.ask(("start", HERE))
    for ref in (other, near):
        assert 0.0 < patient.ask(("pass_on", ref, ("deadline",)), timeout=10.0) <= 10.0
        assert patient.ask(("pass_on", ref, ("deadline",))) is None


def test_what_is_inherited_outside_an_actor_is_no_limit(patient: ActorRef[Patient]) -> None:
    """Nobody waits for this thread."""
    assert patient.ask(("deadline",), timeout=INHERIT) is None
    assert repr(INHERIT) == "INHERIT"


def test_an_ask_whose_time_is_over_is_not_begun(patient: ActorRef[Patient], gate: int) -> None:
    """Its asker has had its Timeout; the actor counts it. What stands behind it is handled."""
    patient.tell(("block",))
    with pytest.raises(Timeout, match=r"0\.05 seconds"):
        patient.ask(("note", "late"), timeout=0.05)
    behind = patient.ask(("note", "in time"), block=False)
    open_gate(gate)
    assert behind.get(timeout=5) == ["in time"]
    assert patient.ask(("not_begun",)) == 1


def test_a_cancelled_ask_is_not_begun(patient: ActorRef[Patient]) -> None:
    """Its place in the window is free again, and the order of the others is kept."""
    patient.tell(("block_until", 2))
    futures = [patient.ask(("note", number), block=False) for number in range(5)]
    assert futures[1].cancel()
    assert futures[3].cancel()
    assert not futures[3].cancel()
    with pytest.raises(FutureCancelledError):
        futures[3].get()
    assert futures[4].get(timeout=5) == [0, 2, 4]
    assert patient.ask(("not_begun",)) == 2


def test_a_cancelled_task_cancels_its_ask(patient: ActorRef[Patient]) -> None:
    """In asyncio, a task that is cancelled is the future that is."""

    async def main() -> None:
        task = asyncio.ensure_future(patient.ask_async(("note", "cancelled")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    patient.tell(("block_until", 1))
    asyncio.run(main())
    assert patient.ask(("note", "last"), timeout=5) == ["last"]


def test_a_long_handler_sees_that_it_was_cancelled(patient: ActorRef[Patient], gate: int) -> None:
    """Though it reads no messages itself. The actor goes on with the next."""
    future = patient.ask(("until_cancelled",), block=False)
    os.eventfd_read(gate)  # it has begun
    future.cancel()
    assert patient.ask(("seen",), timeout=10) == ["cancelled"]


def test_a_long_handler_sees_that_its_time_is_over(patient: ActorRef[Patient]) -> None:
    """By the clock alone."""
    while not patient.ask(("seen",)):  # on a busy machine it may be too late to begin
        with contextlib.suppress(Timeout):  # its answer may still come in time
            patient.ask(("until_cancelled",), timeout=0.05)


def test_the_death_of_the_asker_cancels(patient: ActorRef[Patient], system: System) -> None:
    """Of its process, while the handler works."""
    asker = Patient.options(place=PROCESS).start()
    asker.tell(("ask_for_long", patient))
    assert patient.ask(("begun",), timeout=10) == "begun"
    asker.kill()
    assert patient.ask(("release",), timeout=10) == "cancelled"


def test_the_end_of_an_asking_thread_cancels(patient: ActorRef[Patient]) -> None:
    """Nobody reads its mailbox any more."""
    patient.tell(("block_until", 1))
    thread = threading.Thread(target=lambda: patient.ask(("note", "thread"), block=False))
    thread.start()
    thread.join()
    assert patient.ask(("note", "last"), timeout=5) == ["last"]


def test_a_deferred_answer_knows_that_nobody_waits(patient: ActorRef[Patient]) -> None:
    """`Reply.is_awaited` says so, and setting it has no effect."""
    future = patient.ask(("defer",), block=False)
    assert patient.ask(("awaited",)) is True
    future.cancel()
    assert patient.ask(("awaited",)) is False
    assert patient.ask(("release",)) == "released"


def test_an_answer_that_is_wanted_comes_in_time(patient: ActorRef[Patient]) -> None:
    """Many asks with a limit, and none is refused."""
    for number in range(200):
        assert patient.ask(("echo", number), timeout=20.0) == number
    assert patient.ask(("not_begun",)) == 0
    assert patient.ask(("limits",)) == 0


def test_cancelling_what_was_answered_or_never_sent_has_no_effect(patient: ActorRef[Patient]) -> None:
    """The actor hears of neither."""
    future = patient.ask(("echo", 1), block=False)
    assert future.get(timeout=5) == 1
    assert not future.cancel()
    refused = ActorRef.to("nobody").ask(("echo", 1), block=False)
    assert not refused.cancel()
    with pytest.raises(ActorDeadError):
        refused.get()
