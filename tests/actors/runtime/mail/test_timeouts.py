"""A timeout bounds the whole call: room in the mailbox included. How exactly is measured by `tests.bench.deadlines`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from peerage.actors.runtime import (
    DROP,
    FAIL,
    ActorDeadError,
    ActorRef,
    ActorStartError,
    Future,
    MailboxFullError,
    Place,
    ProcessActor,
    System,
    Timeout,
    Wait,
    watch,
)
from peerage.actors.runtime.mail.window import WINDOW_MESSAGES
from tests.actors.runtime.cast import Slow, Worker
from tests.waiting import wait_until

SOON_S = 5.0  # coarse: less than the 10 s that a full mailbox is waited for by default


class Hung:
    """An actor that handles nothing, its mailbox full of this thread's messages."""

    def __init__(self, place: Place) -> None:
        self.fd = os.eventfd(0)
        self.ref = Slow.options(place=place, fds={"gate": self.fd}).start()
        self.ref.tell("block", exempt=True)
        self.ref.tell_many(["x"] * WINDOW_MESSAGES, when_full=FAIL)

    def open(self) -> None:
        os.eventfd_write(self.fd, 1)


@pytest.fixture
def hung(system: System, place: Place) -> Iterator[Hung]:
    hung = Hung(place)
    yield hung
    hung.open()
    with contextlib.suppress(ActorDeadError):  # of a test that stopped it
        assert hung.ref.ask("handled", exempt=True, timeout=10) >= 0
    os.close(hung.fd)


def test_an_ask_times_out_though_there_is_no_room(hung: Hung) -> None:
    """Both facts are told: that the time is over, and that the mailbox was full."""
    for block in (True, False):
        with pytest.raises(Timeout, match=r"0\.1 seconds: mailbox of .* is full") as caught:
            hung.ref.ask("x", timeout=0.1, block=block)
        assert isinstance(caught.value.__cause__, MailboxFullError)


def test_a_choice_that_waits_for_less_tells_of_the_full_mailbox(hung: Hung) -> None:
    """An ask may choose as a tell does, but for dropping."""
    for choice in (FAIL, Wait(0.05)):
        with pytest.raises(MailboxFullError):
            hung.ref.ask("x", timeout=SOON_S, when_full=choice)
    with pytest.raises(TypeError, match="DROP"):
        hung.ref.ask("x", when_full=DROP)


def test_repeated_timeouts_do_not_hang_and_leave_nothing_behind(hung: Hung) -> None:
    """A full mailbox takes nothing more, however often it is tried."""
    for _ in range(20):
        with pytest.raises(Timeout):
            hung.ref.ask("x", timeout=0.001)
    hung.open()
    assert hung.ref.ask("handled", timeout=10) == WINDOW_MESSAGES


def test_waiting_for_room_for_ever_ends_when_there_is_some(hung: Hung) -> None:
    """`Wait(None)`: a producer that must not fail lives as long as its consumer."""
    threading.Timer(0.1, hung.open).start()
    hung.ref.tell("x", when_full=Wait(None))
    assert hung.ref.ask("handled", timeout=10) == WINDOW_MESSAGES + 1


def test_waiting_for_room_for_ever_ends_with_the_actor(system: System) -> None:
    """What did not go is a dead letter, an ask fails."""
    hung = Hung(Place.PROCESS)
    os.close(hung.fd)
    threading.Timer(0.1, hung.ref.kill).start()
    hung.ref.tell("x", when_full=Wait(None))
    with pytest.raises(ActorDeadError):
        hung.ref.ask("x", when_full=Wait(None))


def test_an_actor_that_asks_a_full_mailbox_times_out_too(hung: Hung, place: Place) -> None:
    """In a handler, with a window of its own."""
    asker = Worker.options(place=place).start()
    asker.ask(("tell", hung.ref, "x", WINDOW_MESSAGES), timeout=10)
    with pytest.raises(Timeout, match="is full"):
        asker.ask(("ask_within", hung.ref, "x", 0.1), timeout=SOON_S)


def test_neighbours_that_run_meanwhile_do_not_outlast_the_wait(system: System) -> None:
    """An ask of a neighbour lets the others of the host run: no further message of theirs once its time is over."""
    asker = Worker.start()
    silent, busy = asker.ask(("start",)), asker.ask(("start",))
    assert asker.ask(("ask_beside", silent, busy, 0.2), timeout=SOON_S) <= 1
    asker.kill()


def test_joined_futures_share_one_timeout(hung: Hung) -> None:
    """Pykka gives it to each in turn."""
    hung.open()
    worker = Worker.start()
    futures: list[Future[Any]] = [worker.ask(("hold",), block=False) for _ in range(50)]
    with pytest.raises(Timeout):
        futures[0].join(*futures[1:]).get(timeout=0.2)


def test_an_asker_is_not_held_up_by_a_thread_that_waits_for_its_mailbox(worker: ActorRef[Worker]) -> None:
    """A future that was handed to another thread is read there without keeping the owner from sending."""
    held = worker.ask(("hold",), block=False)
    outcome: list[object] = []

    def wait() -> None:
        try:
            outcome.append(held.get(timeout=20))
        except ActorDeadError as error:
            outcome.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    wait_until(lambda: held.waiters)
    for _ in range(300):
        worker.tell(("log",))
    assert worker.ask(("pid",), timeout=SOON_S) == worker.pid()
    worker.ask(("release", "x"), timeout=SOON_S)
    thread.join()
    assert outcome == ["x"]


def test_other_questions_are_bounded_too(hung: Hung) -> None:
    """Nobody answers them: liveness counts as yes, a stop and a watch time out."""
    assert hung.ref.is_alive()
    with pytest.raises(Timeout):
        watch(hung.ref).wait(0.05)
    with pytest.raises(Timeout):
        hung.ref.stop(timeout=0.05)
    assert hung.ref.pid() > 0


class Late(ProcessActor):
    def on_start(self) -> None:
        os.eventfd_read(self.runtime.fds["gate"])


def test_a_start_is_given_up_in_time(system: System, place: Place) -> None:
    """Whatever of it took so long."""
    gate = os.eventfd(0)
    with pytest.raises(ActorStartError, match=r"within 0\.3 s"):
        Late.options(place=place, start_timeout=0.3, fds={"gate": gate}).start()
    os.eventfd_write(gate, 1)
    os.close(gate)


@pytest.mark.parametrize(("timeout", "error"), [(float("nan"), ValueError), ("1", TypeError)])
def test_what_is_no_number_of_seconds_is_named(system: System, timeout: Any, error: type[Exception]) -> None:
    """NaN, above all, would never be over."""
    del system
    worker = Worker.start()
    calls: tuple[Callable[[], object], ...] = (
        lambda: worker.ask(1, timeout=timeout),
        lambda: asyncio.run(worker.ask_async(1, timeout=timeout)),
        lambda: Future[int]().get(timeout=timeout),
        lambda: Future[int]().join(Future[int]()).get(timeout=timeout),
        lambda: watch(worker).wait(timeout),
        lambda: Wait(timeout),
    )
    for call in calls:
        with pytest.raises(error, match=r"timeout is .*: a number of seconds was expected, or None"):
            call()
    with pytest.raises(error, match=r"patience is .*: a number of seconds was expected, or None"):
        worker.ask(1, patience=timeout)


def test_an_infinite_timeout_is_none(system: System) -> None:
    del system
    worker = Worker.start()
    assert worker.ask(("log",), timeout=float("inf")) == []
    assert asyncio.run(worker.ask_async(("log",), timeout=float("inf"))) == []
