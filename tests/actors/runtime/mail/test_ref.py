"""Refs: identity, travel, tell, ask, stop, kill."""

from __future__ import annotations

import asyncio
import os
import pickle
import threading
from typing import Any

import pytest

from peerage.actors.runtime import (
    HERE,
    ActorDeadError,
    ActorRef,
    DownReason,
    Frames,
    Place,
    ProcessActor,
    System,
    Timeout,
    watch,
)
from peerage.actors.runtime.mail.port import Port
from peerage.actors.runtime.mail.process import current_port
from peerage.actors.runtime.mail.window import WINDOW_MESSAGES
from tests.actors.runtime.cast import Echo, Worker


class KeepsRefs(ProcessActor):
    """Watches the ref it is asked with; knows by ref how those ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: dict[ActorRef[Any], str] = {}

    def on_receive(self, ref: ActorRef[Any] | None) -> dict[ActorRef[Any], str]:
        if ref is not None:
            self.ends[ref] = "lives"
            self.runtime.watch(ref)
        return self.ends

    def on_down(self, ref: ActorRef[Any], reason: DownReason) -> None:
        assert ref in self.ends
        self.ends[ref] = reason.kind


def test_refs_are_equal_by_system_host_and_name() -> None:
    """However a ref was come by, it is the same key; an actor's name is its own within its host only."""
    assert ActorRef.to("a", "host") == ActorRef("a", "host", 7, "m:C")
    assert ActorRef("a", "host", 7, "m:C", "one") != ActorRef("a", "host", 7, "m:C", "another")
    assert len({ActorRef.to("a"), ActorRef("a", serial=3), ActorRef.to("b")}) == 2
    assert len({ActorRef.to("a", "one"), ActorRef.to("a", "another")}) == 2
    assert ActorRef.to("c", "a/b") != ActorRef.to("b/c", "a")


def test_actors_of_one_name_in_two_hosts_are_two(system: System, place: Place) -> None:
    """Each has its own messages, watch and end."""
    hosts = [Worker.options(place=place).start() for _ in range(2)]
    one, other = [Worker.options(name="twin", place=host).start() for host in hosts]
    seen = [watch(one), watch(other)]
    one.tell(("log", "one"))
    other.tell(("log", "other"))
    assert [one.ask(("log",)), other.ask(("log",))] == [["one"], ["other"]]
    watcher = Worker.start()
    watcher.ask(("watch", one))
    watcher.ask(("watch", other))
    other.stop()
    assert seen[1].wait(20.0).kind == "normal"
    assert watcher.ask(("downs",)) == [("twin", "normal", None)]
    assert one.is_alive()
    assert not other.is_alive()
    one.stop()
    assert seen[0].wait(20.0).kind == "normal"
    assert current_port().wait(lambda: len(watcher.ask(("log",))) == 2, 20.0)


def test_a_down_brings_a_ref_equal_to_the_watched_one(system: System) -> None:
    """It is a key of what the watcher keeps."""
    worker, keeper = Worker.start(), KeepsRefs.start()
    keeper.ask(worker)
    worker.stop()
    assert current_port().wait(lambda: keeper.ask(None) == {worker: "normal"}, 20.0)


def test_a_pickled_ref_is_small_and_equal() -> None:
    """Refs are sent in messages by the thousand."""
    ref = ActorRef("reactor-42", "host-7", 123456, "package.module:Class")
    data = pickle.dumps(ref, 5)
    assert pickle.loads(data) == ref
    assert len(data) < 150


def test_a_ref_works_where_it_was_sent(worker: ActorRef[Worker], place: Place) -> None:
    """An actor asks through a ref that came in a message; the asked one knows who asks."""
    other = Worker.options(place=place).start()
    host, _extra, sender = worker.ask(("ask", other, ("facts",)))
    assert (host, sender) == (other.host, worker.name)


def test_a_ref_by_name_reaches_its_actor(worker: ActorRef[Worker]) -> None:
    """`ActorRef.to` needs nothing but names."""
    assert ActorRef.to(worker.name).ask(("pid",)) == worker.ask(("pid",))


def test_an_ask_of_an_unknown_actor_raises() -> None:
    """Unknown host or unknown name: the ask fails at once, the tell is a dead letter."""
    System.current()
    with pytest.raises(ActorDeadError, match="nobody"):
        ActorRef.to("nobody").ask("x")
    ActorRef.to("nobody").tell("x")
    assert not ActorRef.to("nobody").is_alive()


def test_an_ask_of_an_unknown_actor_in_a_known_host_raises(worker: ActorRef[Worker]) -> None:
    """The host answers for whom it does not have."""
    with pytest.raises(ActorDeadError, match="nobody"):
        ActorRef.to("nobody", worker.host).ask("x", timeout=5)


def test_messages_of_one_sender_arrive_in_order(system: System, place: Place) -> None:
    """A thousand tells, then an ask: all there, in order."""
    ref = Echo.options(place=place).start()
    for number in range(1000):
        ref.tell(number)
    assert ref.ask("heard") == list(range(1000))


def test_ask_with_a_timeout_raises_timeout(worker: ActorRef[Worker]) -> None:
    """Pykka's Timeout, and the actor is not hurt."""
    with pytest.raises(Timeout):
        worker.ask(("hold",), timeout=0.05)
    assert worker.is_alive()


def test_values_of_every_kind_travel(system: System, place: Place) -> None:
    """Pickle's whole range, large ones too; what arrives is a copy, but for a function of one's own."""
    ref = Echo.options(place=place).start()
    for value in (None, 1, "é", b"x" * 200_000, {"a": [1, (2, {3})]}, bytearray(70_000), ref, lambda: 5):
        answer = ref.ask(value)
        assert answer is value if callable(value) else answer == value
        assert answer is not value or callable(value) or isinstance(value, int | str | None)


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 5_000_000])
def test_frames_travel_untouched(worker: ActorRef[Worker], size: int) -> None:
    """Raw frames beside a small header, there and back."""
    frames = [b"", b"small", os.urandom(size)]
    answer = worker.ask(Frames({"kind": 1}, frames))
    assert isinstance(answer, Frames)
    assert answer.header == {"kind": 1}
    assert [bytes(frame) for frame in answer.frames] == frames


def test_an_unpicklable_message_raises_at_the_sender(worker: ActorRef[Worker]) -> None:
    """The sender's mistake is the sender's exception."""
    with pytest.raises(TypeError):
        worker.tell(threading.Lock())


def test_stop_lets_earlier_messages_be_handled(system: System, place: Place) -> None:
    """A stop is queued like a message, and what an actor told before its host left still arrives.

    Only the order of two different senders at a third is open: hence the loop.
    """
    ref, witness = Worker.options(place=place).start(), Echo.start()
    for number in range(10):
        ref.tell(("tell", witness, number))
    assert ref.stop() is True
    assert current_port().wait(lambda: len(witness.ask("heard")) == 10, 20.0)
    assert witness.ask("heard") == list(range(10))


def test_stop_of_a_dead_actor_returns_false(worker: ActorRef[Worker]) -> None:
    """As Pykka's; and the future form too."""
    assert worker.stop(block=False).get(timeout=5) is True
    assert worker.stop() is False
    assert not worker.is_alive()


def test_an_actor_can_stop_itself(worker: ActorRef[Worker]) -> None:
    """`self.stop()` ends it after what is in the mailbox."""
    seen = watch(worker)
    worker.tell(("stop",))
    assert seen.wait(20.0).kind == "normal"


def test_asks_behind_a_stop_fail(system: System, place: Place) -> None:
    """Whoever is still in the mailbox hears ActorDeadError, not silence."""
    ref = Worker.options(place=place).start()
    stopped = ref.stop(block=False)
    late = ref.ask(("pid",), block=False)
    assert stopped.get(timeout=5)
    with pytest.raises(ActorDeadError):
        late.get(timeout=5)


def test_an_ask_after_a_stop_says_that_nobody_is_found(system: System, place: Place) -> None:
    """In Pykka's words, whether its host is on its way out yet or has gone."""
    for _ in range(3):
        ref = Worker.options(place=place).start()
        assert ref.stop()
        with pytest.raises(ActorDeadError) as raised:
            ref.ask(("pid",), timeout=5)
        assert str(raised.value) == f"{ref} not found"


def test_a_held_ask_fails_when_the_actor_ends(worker: ActorRef[Worker]) -> None:
    """A deferred answer that never comes is a death, not a hang."""
    held = worker.ask(("hold",), block=False)
    worker.stop()
    with pytest.raises(ActorDeadError, match="stopped before it answered"):
        held.get(timeout=5)


def test_a_pending_ask_fails_when_the_process_is_killed(system: System) -> None:
    """At once, with the signal named."""
    ref = Worker.start()
    held = ref.ask(("hold",), block=False)
    ref.kill()
    with pytest.raises(ActorDeadError, match="SIGKILL"):
        held.get(timeout=1)


def test_an_actor_that_asks_again_in_one_handler_reaches_the_successor(system: System) -> None:
    """It reads its mailbox while it waits only, and yet hears that the name is alive again."""
    victim = Worker.options(name="victim").start()
    gate = os.eventfd(0)
    asker = Worker.options(name="asker", fds={"gate": gate}).start()
    ended = watch(victim)
    answer = asker.ask(("ask_again", victim, ("die",), ("pid",)), block=False)
    ended.wait(20.0)
    successor = Worker.options(name="victim").start()
    os.eventfd_write(gate, 1)
    os.close(gate)
    assert answer.get(timeout=5.0) == successor.pid()


def test_kill_needs_a_process(system: System) -> None:
    """A thread of the embedder is not killed for one actor."""
    ref = Worker.options(place=Place.THREAD).start()
    with pytest.raises(ActorDeadError, match="no process of its own"):
        ref.kill()


def test_pid_is_the_hosts(worker: ActorRef[Worker]) -> None:
    """For operators and tests."""
    assert worker.pid() == worker.ask(("pid",))
    child = worker.ask(("start", HERE))
    assert child.pid() == worker.pid()


def test_every_thread_may_ask(worker: ActorRef[Worker]) -> None:
    """Threads have mailboxes of their own, gone with the thread."""
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(worker.ask(("pid",)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [worker.pid()] * 8


def test_nothing_is_kept_for_a_thread_that_has_ended(system: System) -> None:
    """Whoever tells of deaths has woken it; a program that starts and stops for months has no socket left of each time."""
    ports: list[Port] = []
    worker = Worker.start()

    def see_it_die() -> None:
        ports.append(current_port())
        seen = watch(worker)
        worker.tell(("die",))
        seen.wait(20.0)

    thread = threading.Thread(target=see_it_die)
    thread.start()
    thread.join()
    root, done = system.process.main, threading.Event()
    assert root is not None
    root.call_threadsafe(
        None, root.call_soon, None, done.set
    )  # behind all that the thread's end brought about
    assert done.wait(20.0)
    assert ports[0].address not in system.process.network.ways.addresses()


def test_a_worker_thread_may_tell_its_own_actor(worker: ActorRef[Worker]) -> None:
    """That is how a resolver reports back."""
    worker.ask(("tell_from_thread", "resolved"))
    assert current_port().wait(
        lambda: worker.ask(("log",)) == ["resolved"], 5.0
    )  # another sender than we: any order


def test_a_tell_for_whoever_is_there_is_handled_by_whoever_is(worker: ActorRef[Worker]) -> None:
    """In order with the others from the same sender."""
    for number in range(3):
        worker.tell(("log", number), if_there=number % 2 == 0)
    assert worker.ask(("log",)) == [0, 1, 2]


def test_a_tell_for_whoever_is_there_is_no_dead_letter_when_nobody_is(
    system: System, worker: ActorRef[Worker]
) -> None:
    """Whether host or actor is missing, from a thread or an actor, or it ended with the message in its mailbox."""
    before = system.dead_letters
    for nobody in (ActorRef.to("nobody"), ActorRef.to("nobody", worker.host)):
        nobody.tell("hello", if_there=True)
        worker.ask(("tell_if_there", nobody, "hello"))
    other = Worker.start()
    other.tell(("log", 1), if_there=True)
    other.kill()
    watch(other).wait(20.0)
    other.tell(("log", 2), if_there=True)
    assert system.dead_letters == before


def test_an_error_in_such_a_tell_is_the_actors(worker: ActorRef[Worker]) -> None:
    """As with any tell: nobody waits for it."""
    seen = watch(worker)
    worker.tell(("raise", ValueError("boom")), if_there=True)
    assert seen.wait(20.0).text == "ValueError: boom"


def test_such_a_tell_goes_behind_what_waits_for_room(system: System, place: Place) -> None:
    """In an asyncio loop, where asks wait in line."""
    echo = Echo.options(place=place).start()

    async def main() -> list[Any]:
        calls = [echo.ask_async(number) for number in range(WINDOW_MESSAGES + 10)]
        echo.tell("last", if_there=True)
        await asyncio.gather(*calls)
        heard: list[Any] = await echo.ask_async("heard")
        return heard

    assert asyncio.run(main())[-2:] == [WINDOW_MESSAGES + 9, "last"]
