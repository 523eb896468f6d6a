"""Actors on the cluster, seen from home: everything is as if they lived here."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from peerage.actors.runtime import (
    FAIL,
    RAY,
    THREAD,
    ActorDeadError,
    ActorRef,
    ActorStartError,
    Frames,
    MailboxFullError,
    ProcessActor,
    watch,
)
from peerage.actors.runtime.mail.process import current_port
from peerage.actors.runtime.mail.window import WINDOW_MESSAGES
from peerage.supervisors import ChildSpec, Start, Supervisor
from tests.actors.runtime.cluster.cast import Traveller
from tests.actors.runtime.cluster.ray_nodes import RayNodes
from tests.waiting import wait_until

pytestmark = [pytest.mark.timeout(300)]

THERE = RAY(num_cpus=0, resources={"a": 1})
START_S = 90.0  # on a busy machine Ray takes its time to make a process


def start(name: str, *args: Any, place: Any = THERE, **kwargs: Any) -> ActorRef[Traveller]:
    return Traveller.options(name=name, place=place, start_timeout=START_S).start(*args, **kwargs)


@pytest.fixture(scope="module")
def far(nodes: RayNodes) -> Iterator[ActorRef[Traveller]]:
    """One that lives as long as the module, for tests that do it no harm."""
    ref = start("far", "first")
    yield ref
    ref.stop()


@pytest.fixture(scope="module")
def near(nodes: RayNodes) -> Iterator[ActorRef[Traveller]]:
    """One at home."""
    ref = Traveller.options(name="near").start()
    yield ref
    ref.stop()


def test_it_answers_and_raises_as_at_home(far: ActorRef[Traveller]) -> None:
    """Constructor's arguments, answers and exceptions travel; what it raised for an ask does not end it."""
    assert far.ask(("all_kept",))[0] == "first"
    assert far.ask(("pid",)) != os.getpid()
    with pytest.raises(LookupError, match="nothing there"):
        far.ask(("fail",))
    assert far.ask(("repeat", {1: "one"})) == {1: "one"}


def test_tells_arrive_in_order_and_none_is_lost(far: ActorRef[Traveller]) -> None:
    """Also those that travelled together, and asks between them see what was told before."""
    for number in range(500):
        far.tell(number)
    far.tell_many(range(500, 1000))
    kept = far.ask(("all_kept",))
    assert [each for each in kept if type(each) is int] == list(range(1000))


def test_refs_hold_in_both_directions(far: ActorRef[Traveller], near: ActorRef[Traveller]) -> None:
    """Of actors at home over there, of itself, and of itself again over there; the sender is known."""
    assert far.ask(("ask", near, ("repeat", "from home"))) == "from home"
    assert far.ask(("me",)) == far
    assert near.ask(("ask", far, ("sender",))) == near
    assert far.ask(("repeat", near)) == near
    assert far.ask(("ask", near, ("sender",))) == far


def test_what_it_tells_arrives_at_home_in_order(far: ActorRef[Traveller], near: ActorRef[Traveller]) -> None:
    """A tell before an ask of the same actor is handled before it."""
    far.ask(("tell", near, *range(300)))
    assert far.ask(("ask", near, ("all_kept",)))[-300:] == list(range(300))


def test_a_constructor_may_ask_at_home(nodes: RayNodes, near: ActorRef[Traveller]) -> None:
    """The link works before the actor is up."""
    ref = start("greeter", greets=near)
    assert ref.ask(("all_kept",)) == ["welcome"]
    ref.stop()


def test_large_payloads_and_frames_arrive_whole(far: ActorRef[Traveller]) -> None:
    """They go by Ray's object store."""
    payload = os.urandom(5_000_000)
    assert far.ask(("length", payload)) == len(payload)
    assert far.ask(("repeat", payload)) == payload
    frames = far.ask(("frames", 1_000_000))
    assert isinstance(frames, Frames)
    assert [len(frame) for frame in frames.frames] == [1_000_000]


def test_a_class_of_a_function_can_be_sent_there(nodes: RayNodes) -> None:
    """By value, as to a process at home."""

    class Local(ProcessActor):
        def on_receive(self, message: Any) -> Any:
            return message, os.getpid()

    ref = Local.options(place=THERE, start_timeout=START_S).start()
    answer, pid = ref.ask("x")
    assert answer == "x"
    assert pid != os.getpid()
    ref.stop()


def test_its_end_is_told_with_the_reason_and_asks_fail(nodes: RayNodes) -> None:
    """When it stops, when it fails, and when its process dies under it; the name is free again each time."""
    ref = start("mortal")
    stopped = watch(ref)
    assert ref.stop()
    assert stopped.wait(20).kind == "normal"

    again = start("mortal")
    failed = watch(again)
    again.tell(("fail",))
    reason = failed.wait(20)
    assert (reason.kind, reason.text) == ("exception", "LookupError: nothing there")
    assert "in fail" in reason.traceback

    third = start("mortal")
    lost = watch(third)
    assert ref.ask(("repeat", "by the ref from before")) == "by the ref from before"
    pid = third.ask(("pid",))
    pending, behind = third.ask(("wait",), block=False), third.ask(("pid",), block=False)
    os.kill(pid, signal.SIGKILL)
    assert lost.wait(20).kind == "killed"
    for answer in (pending, behind):
        with pytest.raises(ActorDeadError):
            answer.get(timeout=20)


def test_a_mailbox_is_as_full_as_at_home(nodes: RayNodes) -> None:
    """Whoever sends to one that is busy over there fills a window; what it had not handled are dead letters at its end."""
    ref = start("busy")
    pid = ref.ask(("pid",))
    ref.tell(("wait",))
    sent = 1
    with pytest.raises(MailboxFullError):  # noqa: PT012 - the last one of many
        while True:
            ref.tell(sent, when_full=FAIL)
            sent += 1
    assert sent == WINDOW_MESSAGES
    lost: list[int] = []
    current_port().network.dead_letters.hook = lambda _target, messages: lost.append(messages)
    ended = watch(ref)
    os.kill(pid, signal.SIGKILL)
    ended.wait(20)
    wait_until(lambda: sum(lost) == sent)


def test_it_can_be_killed_from_home(nodes: RayNodes) -> None:
    """By whoever has its ref, and by a supervisor whose patience is over, whatever it is busy with."""
    ref = start("hung")
    killed = watch(ref)
    ref.tell(("wait",))
    ref.kill()
    assert killed.wait(20).kind == "killed"

    start_hung = Start.of(Traveller).using(place=THERE, start_timeout=START_S)
    spec = ChildSpec("hung", start_hung, shutdown=0.5)
    supervisor = Supervisor.options(place=THREAD).start([spec])
    killed = watch(ref)
    ref.tell(("wait",))
    supervisor.stop()
    assert killed.wait(20).kind == "killed"


def test_ends_at_home_are_told_over_there(nodes: RayNodes, far: ActorRef[Traveller]) -> None:
    """An actor on the cluster watches one at home, asks it when it is gone, and reaches its successor by the same ref."""
    mortal = Traveller.options(name="mortal at home").start()
    far.ask(("watch", mortal))
    mortal.stop()
    wait_until(lambda: (mortal, "normal") in far.ask(("all_kept",)))
    with pytest.raises(ActorDeadError):
        far.ask(("ask", mortal, ("pid",)))
    again = Traveller.options(name="mortal at home").start()
    assert far.ask(("ask", mortal, ("repeat", "x"))) == "x"
    again.stop()


def test_what_cannot_be_placed_is_refused_in_time(nodes: RayNodes) -> None:
    """Ray would wait for a node that never comes; a start does not."""
    with pytest.raises(ActorStartError, match="nowhere"):
        Traveller.options(place=RAY(num_cpus=0, resources={"nowhere": 1}), start_timeout=3.0).start()


def test_a_failure_over_there_is_the_starts_failure(nodes: RayNodes) -> None:
    """With the exception of the constructor, and the remote traceback as its cause."""
    with pytest.raises(TypeError, match="surprise"):
        Traveller.options(place=THERE, start_timeout=START_S).start(surprise=1)
