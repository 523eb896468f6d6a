"""To whom a message goes when some have no room, or have died: refs are fakes, and the wait is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from peerage.actors.runtime import DROP, FAIL, ActorRef, Future, MailboxFullError, Timeout, Wait
from peerage.supervisors import sending
from peerage.supervisors.sending import alive, ask_one, send_to_one, tell_all, within

LONG_S = 60.0


class Worker(ActorRef[Any]):
    """Has room or not, as the test says; notes how it was sent to."""

    def __init__(self, name: str, *, is_full: bool = False) -> None:
        super().__init__(name)
        self.is_full = is_full
        self.choices: list[Any] = []

    def tell(self, message: Any, *, when_full: Any = None, **_options: Any) -> None:
        self.choices.append(when_full)
        if self.is_full and when_full != DROP:
            raise MailboxFullError(self.name, 1, 1)

    def ask(self, message: Any, *, when_full: Any = None, **_options: Any) -> Any:
        self.tell(message, when_full=when_full)
        future: Future[Any] = Future()
        future.resolve(self.name)
        return future


class Room:
    """Stands for the wait: the worker that has room again, and how long the sender would have waited."""

    def __init__(self) -> None:
        self.next: Worker | None = None
        self.waited: list[tuple[list[str], float | None]] = []

    def __call__(self, refs: Sequence[ActorRef[Any]], timeout: float | None) -> ActorRef[Any] | None:
        self.waited.append(([ref.name for ref in refs], timeout))
        if self.next is not None:
            self.next.is_full = False
        return self.next


@pytest.fixture(autouse=True)
def room(monkeypatch: pytest.MonkeyPatch) -> Room:
    room = Room()
    monkeypatch.setattr(sending, "wait_for_room", room)
    return room


@pytest.fixture
def full() -> list[Worker]:
    return [Worker(name, is_full=True) for name in "ab"]


def send(refs: Sequence[Worker], when_full: Any = None, until: float | None = None) -> str:
    """Returns: who has got the message."""

    def tell(ref: ActorRef[Any], choice: Any) -> str:
        ref.tell("message", when_full=choice)
        return ref.name

    return send_to_one(refs, tell, when_full, until)


def test_the_first_with_room_gets_it(room: Room) -> None:
    """Nobody is waited for."""
    assert send([Worker("a", is_full=True), Worker("b"), Worker("c")], Wait(None)) == "b"
    assert room.waited == []


def test_when_all_are_full_whoever_has_room_first_gets_it(room: Room, full: list[Worker]) -> None:
    """Not the first one, which may hang."""
    room.next = full[1]
    assert send(full) == "b"
    ((names, timeout),) = room.waited
    assert names == ["a", "b"]
    assert timeout is not None
    assert 0.0 < timeout <= 10.0


def test_a_wait_ends(room: Room, full: list[Worker]) -> None:
    """With what the sender has chosen, or the time that its ask may take."""
    for when_full, until in ((Wait(0.0), None), (Wait(None), 0.0)):
        with pytest.raises(MailboxFullError):
            send(full, when_full, until)
    assert [timeout for _names, timeout in room.waited] == [0.0, 0.0]


def test_a_sender_that_does_not_wait_is_told_at_once(room: Room, full: list[Worker]) -> None:
    """FAIL raises, DROP has the first one count it."""
    with pytest.raises(MailboxFullError):
        send(full, FAIL)
    assert send(full, DROP) == "a"
    assert room.waited == []


def test_a_single_worker_is_waited_for_as_any_actor(room: Room) -> None:
    """By its ref, which knows what to do when an actor fills its own mailbox."""
    only = Worker("a", is_full=True)
    with pytest.raises(MailboxFullError):
        send([only], Wait(3.0))
    assert only.choices == [FAIL, Wait(3.0)]
    assert room.waited == []


def test_an_ask_without_room_in_its_time_has_timed_out(full: list[Worker]) -> None:
    """As with a ref, the cause is that there was no room."""
    with pytest.raises(Timeout, match=r"0\.0 seconds: mailbox of 'a' is full"):
        ask_one(full, "message", 0.0, None)
    with pytest.raises(MailboxFullError):
        ask_one(full, "message", LONG_S, FAIL)


def test_in_asyncio_an_ask_waits_in_line(room: Room, full: list[Worker]) -> None:
    """The loop must not wait: the first one's ref keeps the message, and answers with a future."""

    async def main() -> Any:
        full[0].ask = lambda message, **options: full[1].ask(message, when_full=DROP)  # type: ignore[method-assign]  # a line
        return await ask_one(full, "message", None, None)

    assert asyncio.run(main()) == "b"
    assert room.waited == []


def test_all_with_room_are_told_before_one_is_waited_for() -> None:
    """One that is full keeps none of the others waiting."""
    lazy, quick = Worker("a", is_full=True), Worker("b")
    with pytest.raises(MailboxFullError):
        tell_all([lazy, quick], "message", Wait(1.0))
    assert (lazy.choices, quick.choices) == ([FAIL, Wait(1.0)], [FAIL])


def test_the_dead_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """If all are, the first of them is left, to be waited for or reported."""
    hosts = {"b", "c"}
    monkeypatch.setattr(sending, "has_host", lambda ref: ref.name in hosts)
    workers = [Worker(name) for name in "abc"]
    assert [ref.name for ref in alive(workers)] == ["b", "c"]
    hosts.clear()
    assert [ref.name for ref in alive(workers)] == ["a"]


def test_an_awaited_answer_has_its_time() -> None:
    """Afterwards nobody waits for it any more; a TimeoutError of the worker's own is its answer."""
    late: Future[Any] = Future()
    failed: Future[Any] = Future()
    failed.resolve(None, TimeoutError("the worker's"))
    with pytest.raises(Timeout, match=r"0\.01 seconds"):
        asyncio.run(within(late, 0.01))
    assert late.done
    with pytest.raises(TimeoutError, match="the worker's"):
        asyncio.run(within(failed, LONG_S))
