"""actors/runtime/mail/promise.py: a future that is sent can be set, read and sent on where it arrives."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from peerage.actors.runtime import (
    HERE,
    PROCESS,
    THREAD,
    ActorDeadError,
    ActorRef,
    Future,
    FutureCancelledError,
    ProcessActor,
    ProcessFuture,
    System,
    Timeout,
    as_pykka,
    watch,
)
from peerage.actors.runtime.mail import here
from peerage.actors.runtime.mail.process import current_port
from tests.waiting import wait_until


class Holder(ProcessActor):
    """Does to futures what its messages say."""

    def __init__(self, future: Future[Any] | None = None) -> None:
        super().__init__()
        self.kept: list[Any] = []
        if future is not None:
            future.set("in the constructor")

    def on_receive(self, message: Any) -> Any:
        name, *arguments = message
        return getattr(self, f"do_{name}")(*arguments)

    def do_set(self, future: Future[Any], value: Any) -> None:
        future.set(value)

    def do_set_and_change(self, future: Future[Any], size: int) -> None:
        value = bytearray(size)
        future.set([value])
        value[:] = b"x" * size

    def do_set_twice(self, future: Future[Any]) -> str:
        future.set("first")
        try:
            future.set("second")
        except queue.Full:
            return "full"
        return "dropped"

    def do_set_what_cannot_travel(self, future: Future[Any]) -> str:
        try:
            future.set(threading.Lock())
        except TypeError as error:
            future.set("instead")
            return str(error)
        return "set"

    def do_fail(self, future: Future[Any], error: Exception) -> None:
        try:
            raise error
        except Exception:
            future.set_exception()

    def do_give_back(self, future: Future[Any]) -> list[Any]:
        return [future, {"again": future}]

    def do_are_one(self, one: Future[Any], other: Future[Any]) -> bool:
        return one is other

    def do_keep(self, *values: Any) -> None:
        self.kept.extend(values)

    def do_is_kept(self, value: Any) -> bool:
        return any(value is kept for kept in self.kept)

    def do_has_any(self) -> bool:
        return bool(self.kept)

    def do_set_kept(self, value: Any) -> None:
        self.kept[0].set(value)

    def do_read_kept(self) -> Any:
        return self.kept[0].get(timeout=20)

    def do_read(self, future: Future[Any]) -> Any:
        return future.get(timeout=20)

    def do_read_and_change(self, future: Future[Any]) -> None:
        future.get(timeout=20).append("changed")

    def do_await(self, future: Future[Any]) -> Any:
        async def main() -> Any:
            return await asyncio.wait_for(future, 20)

        return asyncio.run(main())

    def do_then(self, future: Future[Any]) -> None:
        reply = self.runtime.defer()
        future.then(lambda done: reply.set((done.error or done.get(), self.actor_urn)))

    def do_return(self, future: Future[Any]) -> Future[Any]:
        return future

    def do_tell(self, ref: ActorRef[Any], *message: Any) -> None:
        ref.tell(message)

    def do_make(self) -> list[Future[Any]]:
        self.kept = [Future()]
        return self.kept

    def do_make_and_let_go(self, ref: ActorRef[Any]) -> None:
        """As a program that wants to be called back, and keeps nothing."""
        reply = self.runtime.defer()
        future = Future[Any]()
        future.then(lambda done: reply.set(done.get()))
        ref.tell(("keep", future))

    def do_collect(self) -> None:
        gc.collect()

    def do_wait_for(self, ref: ActorRef[Any], value: Any) -> Any:
        """Have a future set by another actor, and wait in the middle of this message."""
        future = Future[Any]()
        ref.tell(("set", future, value))
        return future.get(timeout=20)

    def do_die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def do_beside(self) -> ActorRef[Holder]:
        return Holder.options(place=HERE).start()

    def do_hook(self, future: Future[Any]) -> None:
        future.set_get_hook(lambda timeout: 1)

    def do_cancel(self, future: Future[Any]) -> tuple[bool, str]:
        cancelled = future.cancel()
        try:
            future.get(timeout=0)
        except FutureCancelledError:
            return cancelled, "cancelled"
        return cancelled, "open"


@pytest.fixture(params=["process", "thread", "here"])
def pair(request: pytest.FixtureRequest, system: System) -> tuple[ActorRef[Holder], ActorRef[Holder]]:
    """Two actors: in processes of their own, in threads of this one, in one host."""
    if request.param == "here":
        first = Holder.start()
        return first, first.ask(("beside",))
    place = PROCESS if request.param == "process" else THREAD
    return Holder.options(place=place).start(), Holder.options(place=place).start()


@pytest.fixture
def holder(system: System) -> ActorRef[Holder]:
    return Holder.start()


@pytest.fixture
def future() -> Future[Any]:
    return Future()


@pytest.fixture
def dead_letters(system: System) -> Iterator[queue.SimpleQueue[str]]:
    """The targets of those that this process counts."""
    seen: queue.SimpleQueue[str] = queue.SimpleQueue()
    system.on_dead_letter(lambda target, _messages: seen.put(target))
    yield seen
    system.on_dead_letter(None)


# Setting


def test_an_actor_sets_a_future_that_it_was_sent(holder: ActorRef[Holder], future: Future[Any]) -> None:
    """In a message, as Pykka's programs do."""
    holder.tell(("set", future, {"a": 1}))
    assert future.get(timeout=20) == {"a": 1}


def test_an_actor_sets_a_future_in_its_constructor(system: System, future: Future[Any]) -> None:
    """Which it was given as an argument."""
    Holder.start(future)
    assert future.get(timeout=20) == "in the constructor"


def test_an_exception_that_was_set_is_raised_with_its_remote_traceback(
    holder: ActorRef[Holder], future: Future[Any]
) -> None:
    """Also one that is being handled."""
    holder.tell(("fail", future, ValueError("there")))
    with pytest.raises(ValueError, match="there") as raised:
        future.get(timeout=20)
    assert "do_fail" in str(raised.value.__cause__)


def test_a_future_made_in_an_actor_is_set_from_outside_and_from_another_actor(
    pair: tuple[ActorRef[Holder], ActorRef[Holder]],
) -> None:
    """It came in an answer."""
    first, second = pair
    for setter in ("outside", "other"):
        [future] = first.ask(("make",))
        if setter == "outside":
            future.set(setter)
        else:
            second.tell(("set", future, setter))
        assert future.get(timeout=20) == setter
        assert first.ask(("read", future)) == setter


def test_a_future_is_forwarded(pair: tuple[ActorRef[Holder], ActorRef[Holder]], future: Future[Any]) -> None:
    """The last who has it sets it."""
    first, second = pair
    first.tell(("tell", second, "set", future, "from the second"))
    assert future.get(timeout=20) == "from the second"


def test_a_large_value_comes_home_as_it_was_when_it_was_set(
    holder: ActorRef[Holder], future: Future[Any]
) -> None:
    """Whoever set it writes into it at once."""
    for size in (10, 1 << 20):
        future = Future()
        holder.tell(("set_and_change", future, size))
        assert future.get(timeout=20) == [bytes(size)]


def test_the_first_value_wins_and_the_second_is_a_dead_letter(
    pair: tuple[ActorRef[Holder], ActorRef[Holder]], future: Future[Any], dead_letters: queue.SimpleQueue[str]
) -> None:
    """Of two who have it; who was late reads what the other has set. In one host it is known at once."""
    first, second = pair
    second.ask(("keep", future))
    first.ask(("set", future, "first"))
    assert future.get(timeout=20) == "first"
    if first.host == second.host:
        with pytest.raises(queue.Full):
            second.ask(("set_kept", "second"))
    else:
        second.ask(("set_kept", "second"))
        assert dead_letters.get(timeout=20) == str(future.journey.home)  # type: ignore[union-attr]  # it has one
        assert dead_letters.empty()
    assert future.get(timeout=20) == "first"
    assert second.ask(("read_kept",)) == "first"


def test_a_future_that_arrives_with_its_value_cannot_be_set(
    holder: ActorRef[Holder], future: Future[Any]
) -> None:
    """As in Pykka."""
    future.set("first")
    with pytest.raises(queue.Full):
        holder.ask(("set", future, "second"))


def test_a_second_set_in_one_place_raises(holder: ActorRef[Holder], future: Future[Any]) -> None:
    """There it can be known."""
    assert holder.ask(("set_twice", future)) == "full"
    assert future.get(timeout=20) == "first"


def test_a_value_that_cannot_be_pickled_raises_where_it_is_set(
    holder: ActorRef[Holder], future: Future[Any]
) -> None:
    """The future can still be set to another."""
    assert "lock" in holder.ask(("set_what_cannot_travel", future))
    assert future.get(timeout=20) == "instead"


def test_setting_at_home_answers_those_elsewhere(holder: ActorRef[Holder], future: Future[Any]) -> None:
    """A value that was set before it was sent travels along."""
    answer = holder.ask(("read", future), block=False)
    future.set("at home")
    assert answer.get(timeout=20) == holder.ask(("read", future)) == "at home"


# Identity


def test_a_future_comes_home_as_itself(holder: ActorRef[Holder], future: Future[Any]) -> None:
    """Pending or set, alone or twice in a message."""
    for _ in range(2):
        once, twice = holder.ask(("give_back", future))
        assert once is future
        assert twice["again"] is future
        if not future.is_ready():
            future.set(1)


def test_a_future_that_arrives_twice_is_one_object(holder: ActorRef[Holder], future: Future[Any]) -> None:
    """In one message and in several."""
    assert holder.ask(("are_one", future, future))
    holder.ask(("keep", future))
    assert holder.ask(("is_kept", future))
    assert not holder.ask(("is_kept", Future()))


# Reading


@pytest.mark.parametrize("how", ["read", "await", "then", "return"])
def test_a_future_is_read_where_neither_maker_nor_setter_is(
    pair: tuple[ActorRef[Holder], ActorRef[Holder]], future: Future[Any], how: str
) -> None:
    """By waiting, awaiting, continuing, passing it on as the answer. The maker's thread reads nothing meanwhile."""
    first, second = pair
    if how == "await":  # a loop of asyncio in a handler lets nobody else of its host run
        second = Holder.start()
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.append(first.ask((how, future))))
    thread.start()
    wait_until(lambda: future.journey)
    second.tell(("set", future, how))
    thread.join(20)
    assert seen in ([how], [(how, first.actor_urn)])


def test_an_actor_waits_for_a_future_that_its_neighbour_sets(
    pair: tuple[ActorRef[Holder], ActorRef[Holder]],
) -> None:
    """In the middle of a message, also in one host: the others there go on."""
    first, second = pair
    assert first.ask(("wait_for", second, "x"), timeout=20) == "x"


def test_what_is_read_is_the_readers_own(
    pair: tuple[ActorRef[Holder], ActorRef[Holder]], future: Future[Any]
) -> None:
    """Changing it changes nothing for others."""
    first, second = pair
    first.tell(("set", future, ["value"]))
    for holder in (first, second):
        holder.ask(("read_and_change", future))
    assert future.get(timeout=20) == second.ask(("read", future)) == ["value"]


def test_the_answer_to_an_ask_is_read_elsewhere_while_the_asker_is_busy(
    pair: tuple[ActorRef[Holder], ActorRef[Holder]], future: Future[Any]
) -> None:
    """A future of block=False may be sent on."""
    first, second = pair
    answer = first.ask(("return", future), block=False)
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.append(second.ask(("read", answer))))
    thread.start()
    future.set("answer")
    thread.join(20)
    assert seen == ["answer"]


def test_derived_futures_travel_with_what_computes_them(
    holder: ActorRef[Holder], future: Future[Any]
) -> None:
    """map, filter, reduce, join and a hook are computed where they are read."""
    holder_of_others = Holder.start()
    other = Future[Any]()
    derived: list[Future[Any]] = [
        future.map(len),
        future.filter(lambda value: value > 1),
        future.reduce(lambda left, right: left + right, 10),
        future.join(other),
    ]
    asked = [holder.ask((how, each), block=False) for how in ("read", "return", "await") for each in derived]
    holder_of_others.tell(("set", future, [1, 2]))
    holder_of_others.tell(("set", other, "other"))
    expected = [2, [2], 13, [[1, 2], "other"]]
    assert [answer.get(timeout=20) for answer in asked] == 3 * expected
    hooked = Future[Any]()
    hooked.set_get_hook(lambda timeout: ("hook", os.getpid()))
    assert holder.ask(("read", hooked)) == ("hook", holder.pid())


def test_a_maker_awaits_and_continues_without_reading_a_mailbox(
    pair: tuple[ActorRef[Holder], ActorRef[Holder]],
) -> None:
    """asyncio, then, map, in the program; no callback runs in a loop of the runtime."""
    first, second = pair

    async def main() -> list[Any]:
        one, two = Future[Any](), Future[Any]()
        first.tell(("set", one, 1))
        second.tell(("set", two, 2))
        return await asyncio.wait_for(one.map(lambda value: value + 10).join(two), 20)  # type: ignore[arg-type]

    assert asyncio.run(main()) == [11, 2]
    future, seen = Future[Any](), queue.Queue[Any]()
    future.then(lambda done: seen.put((done.get(), second.ask(("read", done), timeout=20))))
    first.tell(("set", future, 3))
    assert seen.get(timeout=20) == (3, 3)


def test_a_wait_that_was_given_up_leaves_nothing_behind(
    holder: ActorRef[Holder], future: Future[Any]
) -> None:
    """With a limit of its own or of asyncio's."""
    holder.ask(("keep", future))
    with pytest.raises(Timeout):
        future.get(timeout=0.01)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(future, 0.01)

    asyncio.run(main())
    assert not future.waiters
    holder.tell(("set_kept", "late"))
    assert future.get(timeout=20) == "late"


# Makers that go


def test_nothing_is_registered_before_a_future_is_pickled(system: System, future: Future[Any]) -> None:
    """And once, however often it is."""
    journeys = [future.journey]
    for _ in range(2):
        pickle.dumps([future, future])
        journeys.append(future.journey)
    assert journeys[0] is None
    assert journeys[1] is journeys[2] is not None


def test_setting_a_future_that_its_maker_has_dropped_is_a_dead_letter(
    holder: ActorRef[Holder], future: Future[Any], dead_letters: queue.SimpleQueue[str]
) -> None:
    """Setting it is a dead letter; reading it raises at once, and does not hang."""
    future = Future()
    holder.ask(("keep", future, future))
    home = str(future.journey.home)  # type: ignore[union-attr]  # it has one
    del future
    gc.collect()
    holder.tell(("set_kept", 1))
    assert dead_letters.get(timeout=20) == home
    assert dead_letters.empty()


def test_reading_a_future_that_its_maker_has_dropped_raises(system: System) -> None:
    """At once."""
    maker, reader = Holder.start(), Holder.start()
    [future] = maker.ask(("make",))
    maker.ask(("make",))
    maker.ask(("collect",))
    with pytest.raises(ActorDeadError, match="is not kept any more where it was made"):
        reader.ask(("read", future), timeout=20)


def test_a_continuation_keeps_a_future(pair: tuple[ActorRef[Holder], ActorRef[Holder]]) -> None:
    """Its maker need not."""
    first, second = pair
    answer = first.ask(("make_and_let_go", second), block=False)
    wait_until(lambda: second.ask(("has_any",)))
    first.ask(("collect",))
    second.tell(("set_kept", "called back"))
    assert answer.get(timeout=20) == "called back"


def test_a_future_whose_maker_has_died(system: System) -> None:
    """Who reads it hears so, who was reading it too; who sets it counts a dead letter."""
    maker, other = Holder.start(), Holder.start()
    futures = [maker.ask(("make",))[0] for _ in range(2)]
    other.ask(("keep", futures[0]))
    reading = other.ask(("then", futures[1]), block=False)
    maker.tell(("die",))
    watch(maker).wait(timeout=20)
    with pytest.raises(ActorDeadError, match="ended"):
        futures[0].get(timeout=20)
    assert isinstance(reading.get(timeout=20)[0], ActorDeadError)
    before = system.dead_letters
    other.ask(("set_kept", 1))
    assert system.dead_letters == before + 1
    with pytest.raises(ActorDeadError, match="ended"):
        other.ask(("read", futures[1]), timeout=20)


def test_a_thread_that_read_for_others_has_ended(holder: ActorRef[Holder]) -> None:
    """The others ask again."""
    [future] = holder.ask(("make",))

    def look() -> None:
        with pytest.raises(Timeout):
            future.get(timeout=0.01)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    gc.collect()
    holder.ask(("set_kept", "still there"))
    assert future.get(timeout=20) == "still there"


def test_a_thread_that_sent_a_future_has_ended(holder: ActorRef[Holder], future: Future[Any]) -> None:
    """Its future belongs to the whole process."""
    thread = threading.Thread(target=lambda: holder.ask(("keep", future)))
    thread.start()
    thread.join()
    holder.tell(("set_kept", "x"))
    assert future.get(timeout=20) == "x"


def test_a_forked_child_cannot_set_what_only_its_parent_has(
    holder: ActorRef[Holder], future: Future[Any]
) -> None:
    """It raises there; nothing is lost unseen."""
    holder.ask(("keep", future))
    [other] = holder.ask(("make",))
    pid = os.fork()
    if pid == 0:
        code = 0
        for action in (lambda: future.set(1), lambda: other.set(1), lambda: other.get(timeout=1)):
            try:
                action()
            except ActorDeadError:
                code += 1
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3
    assert not future.is_ready()


ENDED = """
import pickle
from peerage.actors.runtime import ActorDeadError, Future, ProcessActor, System

class Maker(ProcessActor):
    def on_receive(self, message):
        self.future = Future()
        return [self.future, message]

def read_there(future):
    return Maker.start().ask([future])[1][0].get(timeout=9)

if __name__ == "__main__":
    with System():
        mine = Future()
        theirs, [same] = Maker.start().ask([mine])
        assert same is mine
        kept = pickle.dumps(Future()), pickle.dumps(theirs)
    with System():
        for future in [mine, theirs, *map(pickle.loads, kept)]:
            for act in (lambda: future.set(1), lambda: future.get(timeout=9), lambda: read_there(future)):
                try:
                    act()
                except ActorDeadError as error:
                    print(error)
"""


def test_a_future_of_a_system_that_has_ended_raises(tmp_path: Any) -> None:
    """In the next one of the same process, whatever is done with it: nothing hangs."""
    script = tmp_path / "ended.py"
    script.write_text(ENDED)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=50, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 12, done.stdout + done.stderr
    assert all("has ended" in line or "has shut down" in line for line in lines), lines


def test_a_pending_future_is_not_pickled_where_no_system_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is set is."""
    monkeypatch.setattr(here, "process", None)
    future = Future[int]()
    with pytest.raises(TypeError, match="no actor system runs"):
        pickle.dumps(future)
    future.set(5)
    assert pickle.loads(pickle.dumps(future)).get() == 5


# Faces


def test_a_hook_cannot_be_set_on_a_future_that_others_have(
    holder: ActorRef[Holder], future: Future[Any]
) -> None:
    """On neither side: they wait for a value."""
    with pytest.raises(RuntimeError, match="was sent in a message"):
        holder.ask(("hook", future))
    with pytest.raises(RuntimeError, match="was sent in a message"):
        future.set_get_hook(lambda timeout: 1)


def test_cancelling_away_from_home_stops_only_that_waiter(system: System, future: Future[Any]) -> None:
    """At home it is for all: they get the error."""
    holder = Holder.start()
    assert holder.ask(("cancel", future)) == (True, "cancelled")
    assert not future.is_ready()
    other = Future[Any]()
    answer = holder.ask(("return", other), block=False)
    other.cancel()
    with pytest.raises(FutureCancelledError):
        answer.get(timeout=20)


def test_it_is_exported_under_the_names_that_programs_use() -> None:
    """Pykka's programs say ThreadingFuture."""
    assert ProcessFuture is Future is as_pykka.ProcessFuture is as_pykka.ThreadingFuture is as_pykka.Future


def test_waiting_for_a_future_makes_no_mailbox(holder: ActorRef[Holder], future: Future[Any]) -> None:
    """A thread without a mailbox waits for a future and has none afterwards."""
    holder.ask(("keep", future))
    seen: list[Any] = []

    def wait() -> None:
        seen.append(future.get(timeout=20))
        seen.append(hasattr(here.thread, "port"))

    thread = threading.Thread(target=wait)
    thread.start()
    holder.tell(("set_kept", 1))
    thread.join()
    assert seen == [1, False]
    assert current_port() is not None
