"""Asks that wait for a successor: in a port that only keeps what it is told, then between real actors."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.runtime import (
    HERE,
    PROCESS,
    THREAD,
    ActorDeadError,
    ActorRef,
    DownReason,
    ForeignRefError,
    Future,
    Place,
    System,
    Timeout,
    watch,
)
from peerage.actors.runtime.errors import LimitReachedError, RemoteTraceback
from peerage.actors.runtime.mail.codec import Encoded, encode
from peerage.actors.runtime.mail.patience import PatientAsk, is_gone
from peerage.actors.runtime.mail.window import WINDOW_MESSAGES
from tests.actors.runtime.cast import Worker

NOT_FOUND = "A (a) not found"


class FakePort:
    """Keeps what a patient ask wants of its port."""

    def __init__(self) -> None:
        self.following = 0
        self.closed = False
        self.asked: list[Future[Any]] = []
        self.on_up: Callable[[], object] = list
        self.on_close: Callable[[], object] = list
        self.is_wanted: Callable[[], bool] = bool
        self.unfollowed: list[int] = []
        self.alarms: list[tuple[float, Callable[[], object]]] = []

    def ask_again(self, _ref: object, _message: Encoded, _sender: bytes) -> Future[Any]:
        self.asked.append(Future())
        return self.asked[-1]

    def follow(
        self,
        _ref: object,
        on_up: Callable[[], object],
        _on_down: Callable[[DownReason], object],
        *,
        on_close: Callable[[], object],
        is_wanted: Callable[[], bool],
    ) -> int:
        if self.closed:
            raise ActorDeadError("the actor system has shut down")
        self.on_up, self.on_close, self.is_wanted = on_up, on_close, is_wanted
        return 5

    def unfollow(self, number: int) -> None:
        self.unfollowed.append(number)

    def call_later(self, delay: float, fn: Callable[[], object]) -> None:
        self.alarms.append((delay, fn))


@pytest.fixture
def port() -> FakePort:
    return FakePort()


def ask(port: FakePort, patience: float = 60.0) -> tuple[Future[Any], Future[Any]]:
    """Returns: the answer that the asker waits for, and that of the first actor."""
    until = time.monotonic() + patience
    answer: Future[Any] = Future()
    first: Future[Any] = Future()
    PatientAsk(answer, port, object(), Encoded(*encode("?")), b"", until).begin(first)
    return answer, first


def test_an_answer_is_passed_on(port: FakePort) -> None:
    """Nobody is followed for that."""
    answer, first = ask(port)
    first.set("here")
    assert answer.get(timeout=0) == "here"
    assert port.alarms == []


def test_a_successor_is_asked_once_it_is_up(port: FakePort) -> None:
    """Each time that the one before has gone, and followed no longer than that."""
    answer, first = ask(port)
    first.set_exception(ActorDeadError(NOT_FOUND))
    assert port.asked == []
    port.on_up()
    port.asked[0].set_exception(ActorDeadError("A (a) ended before it answered"))
    port.on_up()
    port.asked[1].set("here")
    assert answer.get(timeout=0) == "here"
    assert port.unfollowed == [5, 5]
    assert len(port.alarms) == 1


def test_when_patience_is_at_an_end_the_ask_fails_as_without(port: FakePort) -> None:
    """With the error of the last try."""
    answer, first = ask(port)
    first.set_exception(ActorDeadError(NOT_FOUND))
    [(_delay, alarm)] = port.alarms
    alarm()
    with pytest.raises(ActorDeadError, match="not found"):
        answer.get(timeout=0)
    assert not port.is_wanted()
    port.on_up()
    assert port.asked == []


def test_a_successor_that_has_been_asked_is_given_its_time(port: FakePort) -> None:
    """Patience is for those who are not there; for the answer there is `timeout`."""
    answer, first = ask(port)
    first.set_exception(ActorDeadError(NOT_FOUND))
    port.on_up()
    [(_delay, alarm)] = port.alarms
    alarm()
    port.asked[0].set("late")
    assert answer.get(timeout=0) == "late"


def test_without_patience_left_no_successor_is_waited_for(port: FakePort) -> None:
    """It came too late."""
    answer, first = ask(port, patience=0.0)
    first.set_exception(ActorDeadError(NOT_FOUND))
    with pytest.raises(ActorDeadError):
        answer.get(timeout=0)


def test_an_ask_that_is_cancelled_asks_nobody_more(port: FakePort) -> None:
    """The actor may come back, but nobody wants to know."""
    answer, first = ask(port)
    first.set_exception(ActorDeadError(NOT_FOUND))
    answer.cancel()
    port.on_up()
    assert port.asked == []
    assert port.unfollowed == [5]


def test_no_more_than_a_window_of_asks_wait(port: FakePort) -> None:
    """What cannot be bounded by the actor is bounded here."""
    port.following = WINDOW_MESSAGES
    answer, first = ask(port)
    first.set_exception(ActorDeadError(NOT_FOUND))
    with pytest.raises(ActorDeadError):
        answer.get(timeout=0)


def test_the_end_of_the_system_ends_all_patience(port: FakePort) -> None:
    """Be it while a successor is waited for, or before."""
    waiting, first = ask(port)
    first.set_exception(ActorDeadError(NOT_FOUND))
    port.on_close()
    late, second = ask(port)
    port.closed = True
    second.set_exception(ActorDeadError(NOT_FOUND))
    for answer in (waiting, late):
        with pytest.raises(ActorDeadError, match="system"):
            answer.get(timeout=0)


def test_only_the_actors_own_absence_is_waited_for(port: FakePort) -> None:
    """Neither an exception that it raised, be it one like ours, nor a want of room here."""
    raised = ActorDeadError("another one")
    raised.__cause__ = RemoteTraceback("…")
    for error in (
        raised,
        ValueError("no"),
        LimitReachedError("a way", "no descriptors"),
        ForeignRefError("A (a)", "is of another system", False),
    ):
        assert not is_gone(error)
        answer, first = ask(port)
        first.set_exception(error)
        with pytest.raises(type(error)):
            answer.get(timeout=0)
    assert is_gone(ActorDeadError(NOT_FOUND))
    assert not is_gone(None)


# Between actors


@pytest.fixture(params=["process", "thread", "same host"])
def start(request: pytest.FixtureRequest, system: System) -> Callable[[], ActorRef[Any]]:
    """Starts the actor `late`, which answers what it is told: in its own process or thread, or in a host that lives on."""
    if request.param == "same host":
        nest = Worker.options(name="nest", place=PROCESS).start()
        return lambda: nest.ask(("start", HERE, "late"))
    place = PROCESS if request.param == "process" else THREAD
    return lambda: Worker.options(name="late", place=place).start()


def late(start: Callable[[], ActorRef[Any]]) -> ActorRef[Any]:
    """The ref of an actor that has ended."""
    ref = start()
    ended = watch(ref)
    ref.stop()
    ended.wait(20.0)
    return ref


def test_an_ask_waits_for_the_actor_to_be_started(start: Callable[[], ActorRef[Any]]) -> None:
    """It is answered by the next one of that name."""
    ref = late(start)
    answer = ref.ask(("log", 1), block=False, patience=30.0)
    assert not answer.is_ready()
    start()
    assert answer.get(timeout=10.0) == [1]


def test_an_ask_whose_actor_ends_before_it_answers_goes_to_its_successor(
    start: Callable[[], ActorRef[Any]], tmp_path: Path
) -> None:
    """It is handled twice then."""
    first = start()
    answer = first.ask(("fail_once", tmp_path / "mark"), block=False, patience=30.0)
    watch(first).wait(20.0)
    assert not answer.is_ready()
    start()
    assert answer.get(timeout=10.0) == "handled twice"


def test_a_killed_process_is_no_answer(system: System, tmp_path: Path) -> None:
    """It has no last words; the news of its death is enough."""
    first = Worker.options(name="late").start()
    answer = first.ask(("fail_once", tmp_path / "mark", "kill"), block=False, patience=30.0)
    watch(first).wait(20.0)
    Worker.options(name="late").start()
    assert answer.get(timeout=10.0) == "handled twice"


def test_a_thread_may_wait_before_there_is_any(start: Callable[[], ActorRef[Any]]) -> None:
    """While it waits, another thread starts the actor."""
    ref = late(start)
    starter = threading.Thread(target=start)
    starter.start()
    assert ref.ask(("log", 2), timeout=10.0, patience=30.0) == [2]
    starter.join()


def test_patience_ends(system: System) -> None:
    """With the error that an ask without it has at once."""
    answer = ActorRef.to("nobody").ask(1, block=False, patience=0.05)
    with pytest.raises(ActorDeadError, match="not found"):
        ActorRef.to("nobody").ask(1, patience=0.05)
    with pytest.raises(ActorDeadError, match="not found"):
        answer.get(timeout=10.0)


def test_a_timeout_ends_it_before(system: System) -> None:
    """It bounds the whole call."""
    with pytest.raises(Timeout):
        ActorRef.to("nobody").ask(1, timeout=0.05, patience=30.0)


def test_an_actor_asks_with_patience_without_blocking(system: System, place: Place) -> None:
    """Other messages are handled meanwhile; the receiver sees who asked."""
    asker = Worker.options(name="asker", place=place).start()
    answer = asker.ask(("pass_on_patiently", ActorRef.to("late"), ("facts",)), block=False)
    assert asker.ask(("log",)) == []
    Worker.options(name="late", place=place).start()
    assert answer.get(timeout=10.0)[2] == "asker"


def test_an_actor_asks_with_patience_and_waits(system: System, place: Place) -> None:
    """In the middle of a handler."""
    asker = Worker.options(name="asker", place=place).start()
    answer = asker.ask(("ask_patiently", ActorRef.to("late"), ("log", 3)), block=False)
    Worker.options(name="late", place=place).start()
    assert answer.get(timeout=10.0) == [3]


def test_patience_of_an_actor_ends(system: System, place: Place) -> None:
    """By its host's own clock."""
    asker = Worker.options(name="asker", place=place).start()
    with pytest.raises(ActorDeadError, match="not found"):
        asker.ask(("ask_patiently", ActorRef.to("late"), ("log", 3), 0.05), timeout=10.0)


def test_a_loop_asks_with_patience(start: Callable[[], ActorRef[Any]]) -> None:
    """`ask_async` never holds the loop; what it sends is what it was given at the call."""
    ref = late(start)

    async def main() -> list[Any]:
        message = ["log", 4]
        answer = asyncio.ensure_future(ref.ask_async(message, 20.0, patience=30.0))
        message.append(5)
        await asyncio.sleep(0)
        await asyncio.to_thread(start)
        answered: list[Any] = await answer
        with pytest.raises(ActorDeadError):
            await ActorRef.to("nobody").ask_async(1, patience=0.01)
        with pytest.raises(Timeout):
            await ActorRef.to("nobody").ask_async(1, 0.01, patience=30.0)
        with pytest.raises(TypeError):
            await ref.ask_async(lock, patience=30.0)
        return answered

    lock = threading.Lock()  # cannot be pickled
    assert asyncio.run(main()) == [4]


def test_what_an_actor_answers_with_is_not_asked_again(system: System, place: Place) -> None:
    """Its own exceptions are answers, also when they speak of another that is gone."""
    asker = Worker.options(place=place).start()
    with pytest.raises(ActorDeadError, match="nobody"):
        asker.ask(("ask", ActorRef.to("nobody"), 1), timeout=10.0, patience=30.0)


def test_the_end_of_the_asking_thread_is_the_end_of_it(system: System) -> None:
    """Nobody reads its mailbox any more."""
    answers: list[Future[Any]] = []
    thread = threading.Thread(
        target=lambda: answers.append(ActorRef.to("nobody").ask(1, block=False, patience=30.0))
    )
    thread.start()
    thread.join()
    with pytest.raises(ActorDeadError, match="thread"):
        answers[0].get(timeout=5.0)


def test_no_more_successors_are_asked_than_was_said(port: FakePort) -> None:
    """A question that ends whoever gets it is not asked for ever; nor has it to have an end in time."""
    answer: Future[Any] = Future()
    PatientAsk(answer, port, object(), Encoded(*encode("?")), b"", None, lives=1).failed(
        ActorDeadError(NOT_FOUND)
    )
    port.on_up()
    port.asked[0].set_exception(ActorDeadError("A (a) ended before it answered"))
    assert isinstance(answer.error, ActorDeadError)
    assert (len(port.asked), port.alarms) == (1, [])
