"""The link between a stand-in and its actor, both here: what the cluster adds is only the way."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.runtime import (
    FAIL,
    THREAD,
    ActorDeadError,
    ActorRef,
    Frames,
    MailboxFullError,
    System,
    watch,
)
from peerage.actors.runtime.mail.process import current_port
from peerage.actors.runtime.mail.window import WINDOW_MESSAGES
from tests.actors.runtime.cast import Echo
from tests.actors.runtime.cluster.ends import Busy, OtherEnd, Stands
from tests.waiting import wait_until


@pytest.fixture
def real(system: System) -> ActorRef[Busy]:
    return Busy.options(name="real").start()


@pytest.fixture
def stand_in(real: ActorRef[Busy]) -> ActorRef[Any]:
    OtherEnd.options(place=THREAD).start(real)
    return Stands.options(name="stand-in", place=THREAD).start()


def test_asks_and_tells_reach_the_actor_in_order(system: System) -> None:
    """Single ones, batches, and frames that nobody in between reads."""
    echo = Echo.options(name="echo").start()
    OtherEnd.options(place=THREAD).start(echo)
    ref = Stands.options(place=THREAD).start()
    ref.tell(1)
    ref.tell_many(range(2, 600))
    assert ref.ask(600) == 600
    assert ref.ask(Frames("header", [b"one", bytes(100_000)])).frames[0] == b"one"
    assert ref.ask("heard")[:600] == list(range(1, 601))
    ref.stop()


def test_a_window_is_full_until_the_actor_has_handled(real: ActorRef[Busy], stand_in: ActorRef[Any]) -> None:
    """The sender's window is that of the stand-in; and all of it is lost when the actor is."""
    lost: list[int] = []
    current_port().network.dead_letters.hook = lambda _target, messages: lost.append(messages)
    stand_in.tell("wait")
    sent = 1
    with pytest.raises(MailboxFullError):  # noqa: PT012 - the last one of many
        while True:
            stand_in.tell("x", when_full=FAIL)
            sent += 1
    assert sent == WINDOW_MESSAGES
    ended = watch(stand_in)
    real.kill()
    assert ended.wait(10).kind == "killed"
    wait_until(lambda: sum(lost) >= sent)


def test_asks_fail_when_the_actor_dies(real: ActorRef[Busy], stand_in: ActorRef[Any]) -> None:
    """Those that it had begun, and those behind."""
    answers = [stand_in.ask("wait", block=False), stand_in.ask("x", block=False)]
    real.kill()
    for answer in answers:
        with pytest.raises(ActorDeadError):
            answer.get(timeout=10)


def test_a_stop_goes_behind_what_was_sent_before(system: System) -> None:
    """The actor handles it, ends, and then the stand-in's stop is answered."""
    echo = Echo.options(name="echo").start()
    OtherEnd.options(place=THREAD).start(echo)
    ref = Stands.options(place=THREAD).start()
    heard = ref.ask("last", block=False)
    assert ref.stop(timeout=10)
    assert heard.get() == "last"
    assert not echo.is_alive()
