"""`tell_many` means what `tell` in a loop means; it only costs less."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from peerage.actors.runtime import DROP, FAIL, ActorRef, Frames, MailboxFullError, Place, System, watch
from peerage.actors.runtime.mail.batch import BATCH_MESSAGES
from peerage.actors.runtime.mail.memory import LARGE
from peerage.actors.runtime.mail.process import current_port
from peerage.actors.runtime.mail.window import WINDOW_BYTES, WINDOW_MESSAGES
from tests.actors.runtime.cast import Echo, Slow, Worker


class Unreadable:
    """Pickles, and cannot be built again."""

    def __reduce__(self) -> tuple[Any, ...]:
        return int, ("no number",)


@pytest.fixture
def echo(system: System, place: Place) -> ActorRef[Echo]:
    return Echo.options(place=place).start()


@pytest.fixture
def gate() -> Iterator[int]:
    fd = os.eventfd(0)
    yield fd
    os.close(fd)


def lost(expected: int) -> bool:
    """Whether so many dead letters come in from now on; the count starts at the system fixture's zero."""
    port = current_port()
    return port.wait(lambda: port.dead_letters >= expected, 20.0) and port.dead_letters == expected


@pytest.fixture
def before(system: System) -> int:
    return current_port().dead_letters


def test_messages_arrive_one_by_one_in_order(echo: ActorRef[Echo]) -> None:
    """Between tells before and after, whatever the number."""
    numbers = list(range(3 * BATCH_MESSAGES + 5))
    echo.tell("before")
    echo.tell_many(numbers)
    echo.tell("after")
    assert echo.ask("heard") == ["before", *numbers, "after"]


def test_any_iterable_will_do(echo: ActorRef[Echo]) -> None:
    """An empty one, a generator."""
    echo.tell_many([])
    echo.tell_many(number for number in range(3))
    assert echo.ask("heard") == [0, 1, 2]


def test_large_messages_and_frames_keep_their_place(echo: ActorRef[Echo]) -> None:
    """They travel alone, in order with the others."""
    large = b"x" * LARGE
    echo.tell_many(
        [1, Frames("header", [b"frame"]), 2, large, bytearray(b"3"), b"y" * (LARGE - 100), b"z" * 200]
    )
    heard = echo.ask("heard")
    assert heard == [
        1,
        Frames("header", [b"frame"]),
        2,
        large,
        bytearray(b"3"),
        b"y" * (LARGE - 100),
        b"z" * 200,
    ]


def test_messages_do_not_share_their_parts(echo: ActorRef[Echo]) -> None:
    """One object told twice is two objects there."""
    shared = ["mutable"]
    echo.tell_many([shared, shared])
    one, two = echo.ask("heard")
    assert one == two == shared
    assert one is not two


def test_an_actor_tells_many_to_a_neighbour(worker: ActorRef[Worker], place: Place) -> None:
    """In its own host too, and the receiver knows its sender."""
    for child in (worker.ask(("start",)), Worker.options(place=place).start()):
        worker.ask(("tell_many", child, [("log", number) for number in range(100)]))
        assert worker.ask(("ask", child, ("log",))) == list(
            range(100)
        )  # in order behind them: the same sender


def test_a_failure_in_the_middle_loses_the_rest_seen(worker: ActorRef[Worker], before: int) -> None:
    """The message that failed is handled; those behind it are dead letters."""
    seen = watch(worker)
    worker.tell_many([("log", 1), ("raise", ValueError("boom")), ("log", 2), ("log", 3)])
    assert seen.wait(20.0).text == "ValueError: boom"
    assert lost(before + 2)


def test_a_message_that_cannot_be_read_is_lost_alone(echo: ActorRef[Echo], before: int) -> None:
    """Its neighbours in the batch are handled."""
    echo.tell_many([1, Unreadable(), 2])
    assert echo.ask("heard") == [1, 2]
    assert lost(before + 1)


def test_what_cannot_be_pickled_stops_it_there(echo: ActorRef[Echo]) -> None:
    """What came before has gone, as with tell."""
    with pytest.raises(TypeError):
        echo.tell_many([1, 2, threading.Lock(), 3])
    assert echo.ask("heard") == [1, 2]


def test_a_full_window_says_how_many_went(system: System, gate: int) -> None:
    """FAIL raises, DROP counts, and the rest is delivered once there is room."""
    ref = Slow.options(fds={"gate": gate}).start()
    ref.tell("block", exempt=True)
    with pytest.raises(MailboxFullError) as caught:
        ref.tell_many(range(WINDOW_MESSAGES + 10), when_full=FAIL)
    assert caught.value.accepted == WINDOW_MESSAGES
    before = current_port().dead_letters
    ref.tell_many(range(3), when_full=DROP)
    assert current_port().dead_letters == before + 3
    ref.tell_many(range(5), exempt=True)
    os.eventfd_write(gate, 1)
    ref.tell_many(range(3 * WINDOW_MESSAGES))
    assert ref.ask("handled", timeout=20) == 4 * WINDOW_MESSAGES + 5


def test_bytes_count_in_a_batch(system: System, gate: int) -> None:
    """64 MiB fill the window whatever their number."""
    ref = Slow.options(fds={"gate": gate}).start()
    ref.tell("block", exempt=True)
    message = b"x" * 50_000
    with pytest.raises(MailboxFullError) as caught:
        ref.tell_many([message] * (WINDOW_BYTES // 50_000 + 1), when_full=FAIL)
    assert WINDOW_BYTES - 100_000 <= caught.value.accepted * len(message) <= WINDOW_BYTES
    os.eventfd_write(gate, 1)
    assert ref.ask("handled", timeout=20) == caught.value.accepted


def test_a_batch_to_nobody_is_counted(system: System, worker: ActorRef[Worker]) -> None:
    """Message by message: no host, no such actor in a host, a stopped one with its mailbox full."""
    before = current_port().dead_letters
    ActorRef.to("nobody").tell_many(range(5))
    assert current_port().dead_letters == before + 5
    ActorRef.to("nobody", worker.host).tell_many(range(5))
    assert lost(before + 10)
    child = worker.ask(("start",))
    child.stop(block=False)
    child.tell_many([("log",)] * 5)
    assert lost(before + 15)


def test_a_batch_in_a_killed_host_is_counted(system: System, gate: int) -> None:
    """Sent = handled + reported."""
    ref = Slow.options(fds={"gate": gate}).start()
    ref.tell("block", exempt=True)
    before = current_port().dead_letters
    ref.tell_many(range(500))
    ref.kill()
    assert lost(before + 501)


def test_a_mailbox_shows_each_message_of_a_batch(system: System, worker: ActorRef[Worker]) -> None:
    """Its depth is in messages."""
    worker.tell_many([("log", number) for number in range(200)])
    worker.ask(("log",))
    mine = [actor for actor in system.actors() if actor.actor == worker.name]
    assert (mine[0].mailbox, mine[0].mailbox_bytes, mine[0].handled) == (0, 0, 201)
