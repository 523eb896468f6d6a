"""From asyncio nothing waits on the loop's thread: `ask_async`, `tell_async` and `await future`.

How long the loop is held, and how late timeouts are, is measured by `python -m tests.bench.deadlines`.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Collection, Coroutine, Iterable, Iterator
from typing import Any

import pytest

from peerage.actors.runtime import (
    DROP,
    FAIL,
    ActorDeadError,
    ActorRef,
    AskCycleError,
    Future,
    MailboxFullError,
    Place,
    System,
    Timeout,
    Wait,
    watch,
)
from peerage.actors.runtime.mail.process import current_port
from peerage.actors.runtime.mail.window import WINDOW_MESSAGES
from tests.actors.runtime.cast import Echo, Slow, Worker
from tests.waiting import wait_until

COARSE_S = 20.0  # against hanging


def run(main: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(main, COARSE_S))


class Gate:
    """An actor that handles nothing until it is opened."""

    def __init__(self, place: Place) -> None:
        self.fd = os.eventfd(0)
        self.ref = Slow.options(place=place, fds={"gate": self.fd}).start()
        self.ref.tell("block", exempt=True)
        self.handled = self.ref.ask("handled", block=False, exempt=True)

    def open(self) -> None:
        os.eventfd_write(self.fd, 1)


@pytest.fixture
def gate(system: System, place: Place) -> Iterator[Gate]:
    gate = Gate(place)
    yield gate
    gate.open()
    gate.handled.get(timeout=COARSE_S)
    os.close(gate.fd)


def fill(ref: ActorRef[Any]) -> None:
    ref.tell_many(["x"] * WINDOW_MESSAGES, when_full=FAIL)


def waiting(ref: ActorRef[Any]) -> int:
    """How many messages of this thread wait in line."""
    return sum(len(line.letters) for line in current_port().face.lines if line.route.ref == ref)


def test_more_asks_than_the_window_are_all_answered(system: System, place: Place) -> None:
    """In order, while the loop goes on."""
    echo = Echo.options(place=place).start()

    async def main() -> list[Any]:
        return list(await asyncio.gather(*(echo.ask_async(n) for n in range(2 * WINDOW_MESSAGES))))

    assert run(main()) == list(range(2 * WINDOW_MESSAGES))
    assert echo.ask("heard") == list(range(2 * WINDOW_MESSAGES))


def test_more_tells_than_the_window_arrive_in_order(system: System, place: Place) -> None:
    """Each returns when it has gone."""
    echo = Echo.options(place=place).start()

    async def main() -> None:
        await asyncio.gather(*(echo.tell_async(n) for n in range(2 * WINDOW_MESSAGES)))

    run(main())
    assert echo.ask("heard", timeout=COARSE_S) == list(range(2 * WINDOW_MESSAGES))


def test_a_full_mailbox_does_not_hold_the_loop(gate: Gate) -> None:
    """An ask times out with both reasons, a tell waits as long as it chose, and the loop runs meanwhile: it makes room."""
    fill(gate.ref)

    async def main() -> None:
        with pytest.raises(Timeout, match=r"0\.1 seconds: mailbox of .* is full") as caught:
            await gate.ref.ask_async("x", timeout=0.1)
        assert isinstance(caught.value.__cause__, MailboxFullError)
        with pytest.raises(MailboxFullError):
            await gate.ref.tell_async("x", when_full=Wait(0.1))
        with pytest.raises(MailboxFullError):
            await gate.ref.ask_async("x", timeout=COARSE_S, when_full=Wait(0.1))
        waiting = [
            asyncio.create_task(gate.ref.tell_async("x", when_full=Wait(COARSE_S))),
            asyncio.create_task(gate.ref.ask_async("handled", timeout=COARSE_S)),
        ]
        await asyncio.sleep(0)  # each waits
        gate.open()
        assert await asyncio.gather(*waiting) == [None, WINDOW_MESSAGES + 1]

    run(main())


def test_futures_that_are_awaited_wait_in_line_too(gate: Gate) -> None:
    """A proxy's calls, and asks without blocking: as many as a window, then there is an error at once."""
    fill(gate.ref)

    async def main() -> None:
        futures = [gate.ref.ask("handled", block=False) for _ in range(WINDOW_MESSAGES)]
        assert waiting(gate.ref) == WINDOW_MESSAGES
        with pytest.raises(MailboxFullError, match=f"{2 * WINDOW_MESSAGES} messages"):
            gate.ref.ask("handled", block=False)
        gate.open()
        assert [await future for future in futures] == [WINDOW_MESSAGES] * WINDOW_MESSAGES

    run(main())


def test_exempt_asks_that_time_out_are_not_kept(gate: Gate) -> None:
    """No window bounds how many."""

    async def main() -> None:
        before = len(current_port().asks)
        for _ in range(100):
            with pytest.raises(Timeout):
                await gate.ref.ask_async("x", timeout=0.001, exempt=True)
        assert len(current_port().asks) == before

    run(main())


def test_the_choices_of_a_tell_hold_for_asyncio(gate: Gate) -> None:
    """At once: an error, or a dead letter."""
    fill(gate.ref)

    async def main() -> None:
        with pytest.raises(MailboxFullError):
            await gate.ref.tell_async("x", when_full=FAIL)
        with pytest.raises(MailboxFullError):
            await gate.ref.ask_async("x", when_full=FAIL)
        with pytest.raises(TypeError, match="DROP"):
            await gate.ref.ask_async("x", when_full=DROP)
        before = current_port().dead_letters
        await gate.ref.tell_async("x", when_full=DROP)
        assert current_port().dead_letters == before + 1
        await gate.ref.tell_async("x", exempt=True)

    run(main())


def test_waiting_tells_go_when_there_is_room(gate: Gate) -> None:
    """Wait(None) waits as long as the actor lives."""
    fill(gate.ref)

    async def main() -> None:
        waiters = [asyncio.create_task(gate.ref.tell_async("x", when_full=Wait(None))) for _ in range(100)]
        await asyncio.sleep(0)  # each task runs until it waits
        assert waiting(gate.ref) == 100
        gate.open()
        await asyncio.gather(*waiters)

    run(main())
    assert gate.ref.ask("handled", timeout=COARSE_S) == WINDOW_MESSAGES + 100


def test_nothing_overtakes_what_waits_in_line(system: System, place: Place) -> None:
    """Whatever is sent from the same thread afterwards, and however."""
    echo = Echo.options(place=place).start()

    async def main() -> None:
        asks = [echo.ask_async(n) for n in range(WINDOW_MESSAGES + 1000)]
        assert waiting(echo)
        tasks = [asyncio.create_task(ask) for ask in asks]
        echo.tell("exempt", exempt=True)
        echo.tell_many(["one", "two"], exempt=True)
        later = echo.tell_async("async")
        asked = echo.ask("exempt ask", block=False, exempt=True)
        echo.tell("waits")
        assert not waiting(echo)
        assert await asked == "exempt ask"
        await later
        await asyncio.gather(*tasks)

    run(main())
    heard = echo.ask("heard", timeout=COARSE_S)
    assert heard[:-6] == list(range(WINDOW_MESSAGES + 1000))
    assert heard[-6:] == ["exempt", "one", "two", "async", "exempt ask", "waits"]


def test_a_stop_goes_behind_what_waits_in_line(system: System) -> None:
    """As behind all that was sent before."""
    echo = Echo.start()

    async def main() -> list[int]:
        asks = [asyncio.ensure_future(echo.ask_async(n)) for n in range(WINDOW_MESSAGES + 10)]
        stopped = echo.stop(block=False)
        answers = await asyncio.gather(*asks)
        assert await stopped is True
        return answers

    assert run(main()) == list(range(WINDOW_MESSAGES + 10))


def test_the_message_is_taken_as_it_was_at_the_call(system: System) -> None:
    """Also when it waits in line."""
    echo = Echo.start()

    async def main() -> None:
        fillers = [echo.ask_async(n) for n in range(WINDOW_MESSAGES)]
        message = ["before"]
        asked = echo.ask_async(message)
        message[0] = "after"
        assert await asked == ["before"]
        await asyncio.gather(*fillers)

    run(main())


def test_a_cancelled_task_leaves_the_line(gate: Gate) -> None:
    """Its message is never sent; others keep their places."""
    fill(gate.ref)

    async def main() -> None:
        tasks = [asyncio.create_task(gate.ref.tell_async("x", when_full=Wait(None))) for _ in range(100)]
        await asyncio.sleep(0)
        for task in tasks[:99]:
            task.cancel()
        await asyncio.sleep(0)
        assert waiting(gate.ref) == 1
        gate.open()
        await tasks[99]

    run(main())
    assert gate.ref.ask("handled", timeout=COARSE_S) == WINDOW_MESSAGES + 1


def test_a_cancelled_ask_gives_its_place_back_when_its_answer_comes(system: System, place: Place) -> None:
    """The late answer is dropped; nothing of the call is kept meanwhile but its place in the window."""
    worker = Worker.options(place=place).start()

    async def main() -> None:
        tasks = [asyncio.create_task(worker.ask_async(("hold",))) for _ in range(10)]
        await worker.ask_async(("pid",))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        route = current_port().route(worker)
        assert route is not None
        assert route.window.asks == 10
        await worker.ask_async(("release", "late"))
        await worker.ask_async(("pid",))
        assert (route.window.asks, route.window.messages, route.window.size) == (0, 0, 0)
        assert not current_port().asks

    run(main())


def test_timeouts_before_a_hung_actor_leave_nothing_in_line(gate: Gate) -> None:
    """However many: its window bounds what is kept."""

    async def main() -> None:
        for _ in range(3):
            asks = (gate.ref.ask_async("x", timeout=0.2) for _ in range(WINDOW_MESSAGES // 2))
            results = await asyncio.gather(*asks, return_exceptions=True)
            assert {type(result) for result in results} == {Timeout}
        assert waiting(gate.ref) == 0
        assert len(current_port().asks) <= WINDOW_MESSAGES + 1

    run(main())


def test_a_death_fails_what_is_under_way_and_what_waits(system: System) -> None:
    """Asks fail, waiting tells are dead letters, and all tasks go on."""
    gate = Gate(Place.PROCESS)

    async def main() -> None:
        asks = [asyncio.ensure_future(gate.ref.ask_async("x")) for _ in range(WINDOW_MESSAGES + 100)]
        tells = [asyncio.ensure_future(gate.ref.tell_async("x")) for _ in range(100)]
        await asyncio.sleep(0)  # what has room is sent, the rest waits
        before = current_port().dead_letters
        gate.ref.kill()
        results = await asyncio.gather(*asks, return_exceptions=True)
        assert {type(result) for result in results} == {ActorDeadError}
        await asyncio.gather(*tells)
        assert current_port().dead_letters == before + 100 + 1  # it blocked in a tell
        with pytest.raises(ActorDeadError):
            await gate.ref.ask_async("x")

    run(main())
    os.close(gate.fd)


def test_what_waits_goes_to_the_next_life_of_the_actor(system: System) -> None:
    """A ref is valid again when an actor of its name is back; what was sent to the old one fails."""
    fd = os.eventfd(0)
    ref = Slow.options(name="again", fds={"gate": fd}).start()
    ref.tell("block", exempt=True)
    fill(ref)
    other = ActorRef.to("again")
    os.kill(ref.pid(), 9)
    with pytest.raises(ActorDeadError):
        ref.ask("x", exempt=True, timeout=COARSE_S)
    Slow.options(name="again", fds={"gate": fd}).start()
    os.close(fd)
    assert run(other.ask_async("handled")) == 0


def test_an_exception_of_the_actor_is_raised_by_the_task(worker: ActorRef[Worker]) -> None:
    """With its remote traceback; StopIteration as asyncio allows it."""

    async def main() -> None:
        with pytest.raises(KeyError, match="lost") as caught:
            await worker.ask_async(("raise", KeyError("lost")))
        assert "do_raise" in str(caught.value.__cause__)
        with pytest.raises(RuntimeError, match="StopIteration"):
            await worker.ask_async(("raise", StopIteration(1)))
        with pytest.raises(TypeError):
            await worker.ask_async(threading.Lock())
        with pytest.raises(TypeError):
            await worker.tell_async(threading.Lock())

    run(main())


def test_calls_made_outside_a_loop_are_sent_when_they_are_awaited(worker: ActorRef[Worker]) -> None:
    """asyncio.run(ref.ask_async(…)) is enough."""
    assert asyncio.run(worker.ask_async(("pid",))) == worker.pid()
    asyncio.run(worker.tell_async(("log", 1)))
    assert worker.ask(("log",)) == [1]


def test_a_loop_may_end_with_asks_pending(worker: ActorRef[Worker]) -> None:
    """Another one in the same thread, and the thread itself, go on."""

    async def leave() -> None:
        for _ in range(10):
            asyncio.ensure_future(worker.ask_async(("hold",)))  # noqa: RUF006 - to be forgotten
        await asyncio.sleep(0)  # each ask is sent

    asyncio.run(leave())
    loop = asyncio.new_event_loop()
    forgotten = worker.ask_async(("hold",))
    forgotten.close()
    loop.run_until_complete(leave())
    loop.close()
    assert asyncio.run(worker.ask_async(("release", "late"))) is None
    assert worker.ask(("pid",)) == worker.pid()


def test_two_loops_of_one_thread_take_turns(worker: ActorRef[Worker]) -> None:
    """An answer for the one may be read by the other."""
    one, two = asyncio.new_event_loop(), asyncio.new_event_loop()

    async def ask() -> asyncio.Future[Any]:
        future = asyncio.ensure_future(worker.ask_async(("hold",)))
        await asyncio.sleep(0)
        return future

    first = one.run_until_complete(ask())
    assert two.run_until_complete(worker.ask_async(("release", "x"))) is None
    # The worker answers in order: when this is answered, the other loop has read "x" too.
    assert two.run_until_complete(worker.ask_async(("pid",))) == worker.pid()
    assert one.run_until_complete(asyncio.wait_for(first, COARSE_S)) == "x"
    one.close()
    two.close()


def test_a_loop_reads_what_a_blocking_call_has_left(worker: ActorRef[Worker]) -> None:
    """Which has taken the only signal of it: later answers come without one."""

    async def main() -> None:
        await worker.ask_async(("pid",))
        port = current_port()
        asked = worker.ask(("pid",), block=False)
        wait_until(port.inbox.has_arrivals)  # what is shown is a call that holds the loop
        port.wake(port.address)
        time.sleep(0.1)  # noqa: ASYNC251 - as above: usually it has arrived by then
        assert asked.get(timeout=COARSE_S) == worker.pid()
        wait_until(port.inbox.has_arrivals)
        assert await worker.ask_async(("pid",)) == worker.pid()
        assert await worker.ask(("pid",), block=False) == worker.pid()

    run(main())


def test_loops_in_several_threads(worker: ActorRef[Worker]) -> None:
    """Each has its own mailbox and window."""
    found: list[int] = []

    def ask_many() -> None:
        async def main() -> None:
            await asyncio.gather(*(worker.ask_async(("pid",)) for _ in range(500)))

        run(main())
        found.append(1)

    threads = [threading.Thread(target=ask_many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(COARSE_S)
    assert len(found) == 4


def test_a_future_of_another_thread_can_be_awaited(worker: ActorRef[Worker]) -> None:
    """Whether that thread reads its mailbox or sleeps."""
    future: Future[Any] = worker.ask(("later", 0.05, "x"), block=False)
    answers: list[Any] = []

    async def main() -> None:
        answers.append(await future)

    thread = threading.Thread(target=lambda: run(main()))
    thread.start()
    thread.join(COARSE_S)
    assert answers == ["x"]


def test_a_handler_may_run_a_loop(worker: ActorRef[Worker], system: System) -> None:
    """What it asks of other hosts, of its neighbours and of itself: answered, or told at once that it cannot be."""
    other = Worker.start()
    neighbour = worker.ask(("start",))
    assert worker.ask(("gather", [other, neighbour], ("pid",)), timeout=COARSE_S) == [
        other.pid(),
        neighbour.pid(),
    ]
    assert worker.ask(("gather", [neighbour], ("gather", [other], ("pid",))), timeout=COARSE_S) == [
        [other.pid()]
    ]
    with pytest.raises(AskCycleError):
        worker.ask(("gather", [worker], ("pid",)), timeout=COARSE_S)


def test_the_end_of_the_system_ends_what_is_awaited() -> None:
    """No task hangs, and no descriptor of ours stays with the loop."""

    async def main() -> None:
        worker = Worker.start()
        asks = [asyncio.ensure_future(worker.ask_async(("hold",))) for _ in range(100)]
        await asyncio.sleep(0)  # each ask is sent
        await asyncio.to_thread(System.current().shutdown)
        results = await asyncio.gather(*asks, return_exceptions=True)
        assert {type(result) for result in results} == {ActorDeadError}
        again = Worker.start()
        assert await again.ask_async(("pid",)) == again.pid()

    run(main())


def test_thousands_of_asks_to_others_do_not_slow_a_sweep(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a death has to settle is looked for only where there is something: once for each that has left something."""
    hung, idle, port = Worker.start(), Worker.start(), current_port()
    asks = [hung.ask(("hold",), block=False) for _ in range(WINDOW_MESSAGES - 1)]
    looks, of_hosts = [], port.asks.of_hosts

    def counted(serials: Collection[int]) -> Iterable[int]:
        looks.append(serials)
        return of_hosts(serials)

    monkeypatch.setattr(port.asks, "of_hosts", counted)
    end = watch(idle)
    idle.kill()
    end.wait(COARSE_S)
    for _ in range(5):
        mortal = Worker.start()
        pending = mortal.ask(("hold",), block=False)
        mortal.kill()
        with pytest.raises(ActorDeadError):
            pending.get(timeout=COARSE_S)
    assert len(looks) == 5
    assert len(port.asks) == len(asks)
    hung.kill()
    for ask in asks:
        with pytest.raises(ActorDeadError):
            ask.get(timeout=COARSE_S)
