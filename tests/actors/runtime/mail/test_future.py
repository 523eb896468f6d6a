"""Futures: Pykka's, read by who waits, continued without blocking, awaited without stopping the loop."""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import Any

import pykka
import pytest

from peerage.actors.runtime import ActorDeadError, ActorRef, Future, FutureCancelledError, System, Timeout
from tests.actors.runtime.cast import Worker


def test_a_future_made_by_hand() -> None:
    """set once, get often; a second set is queue.Full as in Pykka."""
    future: Future[int] = Future()
    future.set(5)
    assert future.get() == future.get() == 5
    with pytest.raises(queue.Full):
        future.set(6)


def test_of_threads_that_set_at_once_one_wins() -> None:
    """The others hear that they were late, each time."""
    for _ in range(50):
        future: Future[int] = Future()
        start = threading.Barrier(4)
        won: list[int] = []

        def set_it(number: int, future: Future[int] = future, start: Any = start, won: Any = won) -> None:
            start.wait()
            try:
                future.set(number)
            except queue.Full:
                return
            won.append(number)

        threads = [threading.Thread(target=set_it, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert won == [future.get()]


def test_an_exception_set_is_raised() -> None:
    """Given as an exception, as a triple, or the one being handled."""
    for how in ("value", "triple", "current"):
        future: Future[int] = Future()
        error = ValueError(how)
        if how == "current":
            try:
                raise error
            except ValueError:
                future.set_exception()
        else:
            future.set_exception(error if how == "value" else (ValueError, error, None))
        with pytest.raises(ValueError, match=how):
            future.get()


def test_map_filter_reduce_join_as_in_pykka() -> None:
    """Pykka's own examples."""
    one, two = Future[Any](), Future[Any]()
    joined = one.join(two)
    mapped = one.map(len)
    even = one.filter(lambda value: value % 2 == 0)
    total = one.reduce(lambda left, right: left + right, 100)
    one.set([1, 2, 3])
    two.set("x")
    assert joined.get() == [[1, 2, 3], "x"]
    assert (mapped.get(), even.get(), total.get()) == (3, [2], 106)


def test_get_all_of_pykka_works(worker: ActorRef[Worker]) -> None:
    """Several answers at once."""
    futures = [worker.ask(("pid",), block=False) for _ in range(5)]
    assert pykka.get_all(futures) == [worker.pid()] * 5


def test_get_from_another_thread(worker: ActorRef[Worker]) -> None:
    """A future may be handed to a thread that did not ask, whether the asker reads its mailbox or not."""
    future = worker.ask(("later", 0.05, "x"), block=False)
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(future.get(timeout=5)))
    thread.start()
    thread.join()
    assert found == ["x"]


def test_two_threads_wait_for_futures_of_one_mailbox(worker: ActorRef[Worker]) -> None:
    """Who reads a mailbox resolves the other's future too."""
    early, late = (worker.ask(("later", delay, delay), block=False) for delay in (0.05, 0.1))
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(early.get(timeout=5)))
    thread.start()
    assert late.get(timeout=5) == 0.1
    thread.join()
    assert found == [0.05]


def test_a_returned_future_answers_when_it_is_resolved(worker: ActorRef[Worker]) -> None:
    """on_receive may pass the question on and return at once."""
    other = Worker.start()
    assert worker.ask(("pass_on", other, ("pid",)), timeout=5) == other.pid()


def test_then_continues_in_the_actor(worker: ActorRef[Worker]) -> None:
    """No handler blocks in between."""
    assert worker.ask(("then", Worker.start(), ("facts",)), timeout=5)[0] == "then"


def test_then_outside_an_actor_runs_when_the_answer_is_read() -> None:
    """Also on derived futures, and at once on resolved ones."""
    future: Future[int] = Future()
    seen: list[int] = []
    future.map(lambda value: value + 1).then(lambda done: seen.append(done.get()))
    future.set(1)
    future.then(lambda done: seen.append(done.get()))
    assert seen == [2, 1]


def test_cancelled_futures_say_so(worker: ActorRef[Worker]) -> None:
    """A late answer is dropped."""
    future = worker.ask(("later", 0.01, "x"), block=False)
    assert future.cancel()
    assert not future.cancel()
    assert worker.ask(("later", 0.02, "y")) == "y"
    with pytest.raises(FutureCancelledError):
        future.get()


def test_awaiting_never_blocks_the_loop(worker: ActorRef[Worker]) -> None:
    """It goes on while twenty answers are awaited, and asks for what these wait for (Pykka's #99)."""

    async def main() -> None:
        asking = [asyncio.create_task(worker.ask_async(("hold",))) for _ in range(20)]
        await asyncio.sleep(0)  # each is sent
        await worker.ask_async(("release", "x"))
        assert await asyncio.gather(*asking) == ["x"] * 20

    asyncio.run(main())
    asyncio.run(main())  # a second loop in the same thread


def test_awaiting_a_death_raises(system: System) -> None:
    """As soon as it is known."""
    ref = Worker.start()

    async def main() -> None:
        future = ref.ask(("hold",), block=False)
        ref.tell(("die",))
        with pytest.raises(ActorDeadError):
            await future
        with pytest.raises(ActorDeadError):
            await ref.ask_async("x")

    asyncio.run(asyncio.wait_for(main(), 5))


def test_ask_async_has_a_timeout(worker: ActorRef[Worker]) -> None:
    """Pykka's Timeout, not asyncio's."""

    async def main() -> None:
        with pytest.raises(Timeout):
            await worker.ask_async(("hold",), timeout=0.05)

    asyncio.run(main())


def test_a_joined_future_can_be_awaited(worker: ActorRef[Worker]) -> None:
    """Derived futures wait for all their sources."""

    async def main() -> Any:
        one, two = (worker.ask(("later", delay, delay), block=False) for delay in (0.01, 0.02))
        return await one.join(two)

    assert asyncio.run(main()) == [0.01, 0.02]
