"""What an actor's host does for it: timers, callbacks, descriptors, deferred answers."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from peerage.actors.runtime import (
    HERE,
    PROCESS,
    THREAD,
    ActorRef,
    ForeignRefError,
    Place,
    ProcessActor,
    System,
    watch,
)
from peerage.actors.runtime.host.context import ActorContext
from peerage.actors.runtime.host.mailbox import Mailbox
from peerage.actors.runtime.mail.process import current_port
from tests.actors.runtime.cast import Lifecycle, Upper, Worker
from tests.waiting import wait_until


def test_a_deferred_answer_comes_later(worker: ActorRef[Worker]) -> None:
    """Others are served in between."""
    held = worker.ask(("hold",), block=False)
    assert worker.ask(("pid",)) == worker.pid()
    worker.tell(("release", "now"))
    assert held.get(timeout=5) == "now"


def test_timers_fire_in_order_of_time(worker: ActorRef[Worker]) -> None:
    """Not in order of their making."""
    assert worker.ask(("later_log", 0.03, 0.01, 0.02)) == [0.01, 0.02, 0.03]


def test_a_cancelled_timer_does_not_fire(worker: ActorRef[Worker]) -> None:
    """Cancel is final."""
    assert worker.ask(("cancelled_timer",)) == []


def test_call_threadsafe_comes_from_another_thread(worker: ActorRef[Worker]) -> None:
    """A worker thread hands its result to the loop."""
    assert isinstance(worker.ask(("from_thread",), timeout=5), int)


def test_an_exception_in_a_callback_fails_the_actor(worker: ActorRef[Worker]) -> None:
    """As one in on_receive does."""
    seen = watch(worker)
    worker.tell(("fail_later",))
    assert seen.wait(20.0).text == "ValueError: in a callback"


def test_a_callback_that_waits_leaves_what_is_behind_it_to_be_done_once(
    worker: ActorRef[Worker],
) -> None:
    """The turn in which it waits does that; the one around it goes on, and so does the host."""
    other = worker.ask(("start", HERE))
    assert worker.ask(("wait_and_let_others", other, ("pid",)), timeout=5) == "done"
    assert worker.ask(("pid",), timeout=5) == worker.pid()


def test_an_actor_that_asks_another_of_its_host_leaves_its_messages_to_be_handled_once(
    worker: ActorRef[Worker],
) -> None:
    """Both have something to do in one turn, and the first waits for the second."""
    first, second = worker.ask(("start", HERE)), worker.ask(("start", HERE))
    worker.ask(("ready_together", first, second))
    first.ask(("pid",), timeout=5)
    assert second.ask(("log",), timeout=5) == ["told", "asked"]
    assert worker.ask(("pid",), timeout=5) == worker.pid()


def test_the_end_of_turn_hook_runs_after_the_batch(worker: ActorRef[Worker]) -> None:
    """One hook for many messages: that is what batching is made of."""
    for _ in range(3):
        worker.tell(("end_of_turn",))
    log = worker.ask(("log",))
    assert log[0] == "message"
    assert log.count("message") == 3


@pytest.fixture
def stream(system: System, place: Place) -> socket.socket:
    ours, theirs = socket.socketpair()
    with theirs:
        Upper.options(name="upper", place=place, fds={"stream": theirs.fileno()}).start()
    return ours


def test_a_passed_descriptor_is_read_by_the_actor(stream: socket.socket) -> None:
    """The actor has its own copy: the starter closed its own."""
    with stream:
        stream.send(b"hello")
        assert stream.recv(100) == b"HELLO"


def test_an_exception_in_a_reader_fails_the_actor(stream: socket.socket) -> None:
    """Descriptor callbacks are the actor's code too."""
    with stream:
        seen = watch(ActorRef.to("upper"))
        stream.send(b"boom")
        assert seen.wait(20.0).text == "ValueError: boom"


@pytest.mark.parametrize("inner", [PROCESS, THREAD], ids=["process", "thread"])
def test_an_actor_passes_descriptors_on(worker: ActorRef[Worker], inner: Place) -> None:
    """From inside a host too, into a process or a thread."""
    assert worker.ask(("start_with_fd", inner), timeout=5) == b"FROM INSIDE"


def test_passing_a_descriptor_leaks_none(system: System) -> None:
    """Neither here nor with a refused start."""
    with socket.socket() as sock:
        ref = Worker.options(name="once", fds={"s": sock.fileno()}).start()
        before = len(list(Path("/proc/self/fd").iterdir()))
        ref.stop()
        ref = Worker.options(name="once", fds={"s": sock.fileno()}).start()
        with pytest.raises(Exception, match="alive"):
            Worker.options(name="once", fds={"s": sock.fileno()}).start()
        ref.stop()
        watch(ref).wait(20.0)
    # ZeroMQ closes its sockets a moment later, in a thread of its own.
    assert current_port().wait(lambda: len(list(Path("/proc/self/fd").iterdir())) <= before, 20.0)


def test_descriptors_do_not_go_into_a_strange_process(worker: ActorRef[Worker]) -> None:
    """It is refused, not ignored."""
    with pytest.raises(ValueError, match="descriptors"):
        Worker.options(place=worker.host, fds={"x": 0}).start()


class Census(ProcessActor):
    """Answers what its context knows of another actor, and of the system's processes."""

    def on_receive(self, message: ActorRef[Any]) -> tuple[int | None, tuple[int, ...]]:
        return self.runtime.life_of(message), self.runtime.process_ids


def test_each_life_of_an_actor_has_a_higher_number(system: System) -> None:
    """And between two it has none; the processes are the embedder's and those of the hosts that live."""
    census = Census.options(name="census", place=PROCESS).start()
    lives = []
    for _ in range(2):
        other = Worker.options(name="counted", place=PROCESS).start()
        lives.append(wait_until(lambda: census.ask(other)[0], what="the news of its start"))  # noqa: B023
        processes = census.ask(other)[1]
        assert processes[0] == os.getpid()
        assert set(processes) >= {census.pid(), other.pid()}
        other.kill()
        wait_until(lambda: census.ask(other)[0] is None, what="the news of its end")  # noqa: B023
    census.stop()
    first, second = lives
    assert first < second


@pytest.fixture(params=["process", "thread", "same host"])
def start(request: pytest.FixtureRequest, system: System) -> Callable[[], ActorRef[Any]]:
    """Starts the actor that is followed: in its own process or thread, or in a host that lives on."""
    if request.param == "same host":
        nest = Worker.options(name="nest", place=PROCESS).start()
        return lambda: nest.ask(("start", HERE, "followed"))
    place = PROCESS if request.param == "process" else THREAD
    return lambda: Worker.options(name="followed", place=place).start()


@pytest.fixture(params=[PROCESS, THREAD], ids=["from process", "from thread"])
def follower(request: pytest.FixtureRequest, system: System) -> ActorRef[Worker]:
    return Worker.options(name="follower", place=request.param).start()


def heard(follower: ActorRef[Worker], *news: str) -> bool:
    """Whether it hears this, as soon as it has heard so much."""
    return bool(follower.ask(("heard", len(news)), timeout=10.0) == list(news))


def test_a_name_is_followed_through_its_lives(
    follower: ActorRef[Worker], start: Callable[[], ActorRef[Any]]
) -> None:
    """Up at once if it is, down with the reason, up again when the next one is."""
    ref = start()
    follower.ask(("follow", ref))
    assert heard(follower, "up")
    ref.stop()
    assert heard(follower, "up", "normal")
    second = start()
    assert heard(follower, "up", "normal", "up")
    second.tell(("raise", ValueError("boom")))
    assert heard(follower, "up", "normal", "up", "exception")


def test_a_name_may_be_followed_before_there_is_anybody(
    follower: ActorRef[Worker], start: Callable[[], ActorRef[Any]]
) -> None:
    """Nothing is told until then."""
    ref = start()
    ref.stop()
    watch(ref).wait(20.0)
    follower.ask(("follow", ActorRef.to(ref.name, ref.host)))
    assert follower.ask(("log",)) == []
    start()
    assert heard(follower, "up")


def test_a_killed_process_is_followed_by_its_successor(follower: ActorRef[Worker]) -> None:
    """The host table tells of both."""
    ref = Worker.options(name="followed").start()
    follower.ask(("follow", ref))
    assert heard(follower, "up")
    ref.kill()
    assert heard(follower, "up", "killed")
    Worker.options(name="followed").start()
    assert heard(follower, "up", "killed", "up")


def test_an_actor_is_up_when_its_start_is_done(follower: ActorRef[Worker], place: Place) -> None:
    """One whose constructor or `on_start` fails never was."""
    follower.ask(("follow", ActorRef.to("witnessed")))
    witness = Worker.options(name="witness", place=place).start()
    with pytest.raises(ValueError, match="on_start"):
        Lifecycle.options(name="witnessed", place=place).start(witness, "on_start")
    started = Lifecycle.options(name="witnessed", place=place).start(witness)
    assert heard(follower, "up")
    started.stop()
    assert heard(follower, "up", "normal")


def test_actors_of_one_host_follow_each_other(worker: ActorRef[Worker]) -> None:
    """No message leaves it."""
    worker.ask(("follow", ActorRef.to("child", worker.host)))
    child = worker.ask(("start", HERE, "child"))
    assert heard(worker, "up")
    child.stop()
    assert heard(worker, "up", "normal")
    worker.ask(("start", HERE, "child"))
    assert heard(worker, "up", "normal", "up")


def test_a_follow_that_is_cancelled_is_silent(
    follower: ActorRef[Worker], start: Callable[[], ActorRef[Any]]
) -> None:
    """Also of what is on its way."""
    ref = start()
    follower.ask(("follow", ref))
    assert heard(follower, "up")
    follower.ask(("unfollow",))
    follower.ask(("unfollow",))
    seen = watch(ref)
    ref.stop()
    seen.wait(20.0)
    assert heard(follower, "up")


def test_a_follow_ends_with_its_actor(worker: ActorRef[Worker]) -> None:
    """The host that lives on is not told any more."""
    child = worker.ask(("start", HERE, "child"))
    child.ask(("follow", worker))
    child.stop()
    assert worker.ask(("followers",)) == 0


def test_a_follow_of_another_system_is_refused(worker: ActorRef[Worker]) -> None:
    """As all that is done with such a ref."""
    stranger = ActorRef("stranger", system="another")
    with pytest.raises(ForeignRefError):
        worker.ask(("follow", stranger))


class LossListener(ProcessActor):
    """Hears of the dead letters of its process."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, int]] = []
        self.runtime.on_dead_letter(lambda target, messages: self.heard.append((target, messages)))

    def on_receive(self, message: ActorRef[Any] | None) -> Any:
        if message is not None:
            message.tell("is anybody there?")
            message.tell("then never mind", if_there=True)
        return self.heard


def test_a_hook_hears_of_the_dead_letters_of_its_process() -> None:
    """Not of what was for whoever is there."""
    listener = LossListener.options(place=PROCESS).start()
    try:
        assert listener.ask(ActorRef.to("nobody", "nowhere")) == [("nowhere/nobody", 1)]
    finally:
        listener.stop()


def test_messages_that_wait_in_a_host_are_counted_together() -> None:
    """Of all its actors, with the age of the oldest; none is none."""
    cells: dict[int, Any] = {number: SimpleNamespace(mailbox=Mailbox()) for number in range(3)}
    host: Any = SimpleNamespace(cells=cells, loop=None)
    cell: Any = SimpleNamespace()
    context = ActorContext(cell, host, {}, None)
    assert context.waiting_messages() == (0, 0.0)
    now = time.monotonic()
    for number, age in ((0, 1.0), (0, 0.5), (2, 100.0)):
        cells[number].mailbox.put((0, 0, 0, 0, b"", None, (), 5, now - age))
    messages, oldest = context.waiting_messages()
    assert messages == 3
    assert 100.0 <= oldest < 160.0
    cells.clear()
    assert context.waiting_messages() == (0, 0.0)
