"""Tells that are sent later: when, to whom, and until when."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

from peerage.actors.runtime import (
    THREAD,
    ActorDeadError,
    ActorRef,
    ForeignRefError,
    LimitReachedError,
    Place,
    System,
    watch,
)
from peerage.actors.runtime.mail.codec import decode, packed
from peerage.actors.runtime.mail.scheduled import ScheduledTell
from peerage.actors.runtime.mail.window import WINDOW_MESSAGES
from tests.actors.runtime.cast import Slow
from tests.actors.runtime.producers import Scheduler


class Time:
    """A clock, and the timers that are set on it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def __call__(self) -> float:
        return self.now

    def call_later(self, seconds: float, fn: Callable[[], None]) -> Time:
        self.timers.append((self.now + seconds, fn))
        return self

    def cancel(self) -> None:
        self.timers.clear()

    def pass_by(self, seconds: float) -> None:
        """The loop was busy until then, and calls what is due."""
        self.now += seconds
        due = [fn for when, fn in self.timers if when <= self.now]
        self.timers = [each for each in self.timers if each[0] > self.now]
        for fn in due:
            fn()


class Told:
    """A ref that notes when it was told."""

    def __init__(self, clock: Time) -> None:
        self.clock = clock
        self.at: list[float] = []
        self.error: Exception | None = None

    def tell(self, message: Any, *, when_full: Any) -> None:
        if self.error is not None:
            raise self.error
        assert decode(message.flags, message.body, message.extras) == "tick"
        self.at.append(self.clock.now)


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def told(clock: Time) -> Told:
    return Told(clock)


def scheduled(told: Told, delay: float, period: float | None) -> ScheduledTell:
    clock = told.clock
    tell = ScheduledTell(told, packed("tick"), clock() + delay, period, clock)
    tell.begin(clock.call_later)
    return tell


def test_one_is_sent_once(clock: Time, told: Told) -> None:
    """Then it is over, and nothing is left to cancel."""
    tell = scheduled(told, 5.0, None)
    clock.pass_by(2.0)
    assert (tell.left, told.at) == (3.0, [])
    clock.pass_by(3.0)
    clock.pass_by(10.0)
    assert (tell.left, tell.cancel(), told.at, tell.sent) == (None, None, [105.0], 1)


def test_being_late_does_not_add_up(clock: Time, told: Told) -> None:
    """Each is due a multiple of the period after the first."""
    scheduled(told, 10.0, 10.0)
    for _ in range(4):
        clock.pass_by(10.5 - clock.now % 10.0)
    assert told.at == [110.5, 120.5, 130.5, 140.5]


def test_those_that_were_missed_are_skipped(clock: Time, told: Told) -> None:
    """A sender that was kept for long sends one, and no burst."""
    tell = scheduled(told, 10.0, 10.0)
    clock.pass_by(45.0)
    assert (told.at, tell.skipped, tell.left) == ([145.0], 3, 5.0)
    clock.pass_by(5.0)
    assert told.at == [145.0, 150.0]


def test_cancelling_says_what_was_left(clock: Time, told: Told) -> None:
    """OTP's `cancel_timer`."""
    tell = scheduled(told, 10.0, 10.0)
    clock.pass_by(4.0)
    assert (tell.cancel(), tell.cancel(), tell.left) == (6.0, None, None)
    assert clock.timers == []
    clock.pass_by(10.0)
    assert told.at == []


def test_a_lack_of_descriptors_costs_one_message(clock: Time, told: Told) -> None:
    """The next one is sent."""
    tell = scheduled(told, 10.0, 10.0)
    told.error = LimitReachedError("a way", "limit")
    clock.pass_by(10.0)
    told.error = None
    clock.pass_by(10.0)
    assert (told.at, tell.sent, tell.skipped) == ([120.0], 1, 1)


def test_the_end_of_the_system_ends_it(clock: Time, told: Told) -> None:
    """Nothing is raised in the loop."""
    tell = scheduled(told, 10.0, 10.0)
    told.error = ForeignRefError("actor", "has ended", True)
    clock.pass_by(10.0)
    assert (tell.left, clock.timers) == (None, [])


# In a system


@pytest.fixture
def scheduler(system: System, place: Place) -> ActorRef[Scheduler]:
    return Scheduler.options(place=place).start()


def test_from_a_thread(scheduler: ActorRef[Scheduler]) -> None:
    """From no actor; the message is what it was when it was scheduled."""
    message = ["tick", "as it was"]
    scheduler.tell_after(0.01, message)
    message[1] = "changed"
    assert scheduler.ask(("ticks", 1), timeout=5) == [("as it was", None)]


def test_again_and_again_until_it_is_cancelled(scheduler: ActorRef[Scheduler]) -> None:
    """From any thread."""
    ticks = scheduler.tell_every(0.01, ("tick",), first=0.0)
    assert len(scheduler.ask(("ticks", 4), timeout=5)) == 4
    thread = threading.Thread(target=ticks.cancel)
    thread.start()
    thread.join()
    assert ticks.left is None
    assert repr(ticks).endswith(", over>")


def test_from_an_actor_it_comes_from_that_actor(scheduler: ActorRef[Scheduler], place: Place) -> None:
    """And ends with it."""
    other = Scheduler.options(name="other", place=place).start()
    other.ask(("every", scheduler, 0.01, ("tick", "t")))
    assert scheduler.ask(("ticks", 3), timeout=5) == [("t", "other")] * 3
    seen = watch(other)
    other.stop()
    seen.wait(20.0)
    count = scheduler.ask(("count",))
    scheduler.tell_after(0.05, ("tick", "last"))
    assert scheduler.ask(("ticks", count + 1), timeout=5)[-1] == ("last", None)


def test_an_actor_may_tell_itself_and_cancel(scheduler: ActorRef[Scheduler]) -> None:
    """`send_after(self(), …)`."""
    scheduler.ask(("after", scheduler, 3600.0, ("tick",)))
    assert 3590.0 < scheduler.ask(("left",)) <= 3600.0
    assert 3590.0 < scheduler.ask(("cancel",)) <= 3600.0
    assert scheduler.ask(("left",)) is None


def test_it_goes_on_when_the_receiver_is_restarted(system: System, place: Place) -> None:
    """Whoever bears the name gets it; what comes while nobody does is a dead letter."""
    keeper = Scheduler.options(name="keeper", place=place, keep=True).start()
    first = Scheduler.options(name="first", place=keeper).start()
    before = system.dead_letters
    ticks = first.tell_every(0.01, ("tick",))
    first.ask(("ticks", 1), timeout=5)
    first.stop()
    probe = Scheduler.options(place=THREAD).start()
    while system.dead_letters == before:  # it is counted while nobody is there
        probe.tell_after(0.01, ("tick",))
        probe.ask(("ticks", probe.ask(("count",)) + 1), timeout=5)
    second = Scheduler.options(name="first", place=keeper).start()
    assert len(second.ask(("ticks", 2), timeout=5)) == 2
    ticks.cancel()


def test_a_full_mailbox_makes_it_a_dead_letter(system: System, place: Place) -> None:
    """The loop that sends it does not wait for room."""
    gate = os.eventfd(0)
    slow = Slow.options(place=place, fds={"gate": gate}).start()
    slow.tell("block")
    feeder = Scheduler.options(place=THREAD).start()
    feeder.ask(("fill", slow, WINDOW_MESSAGES))
    before = system.dead_letters
    feeder.ask(("after", slow, 0.0, "one more"))
    assert feeder.ask(("left",)) is None
    assert system.dead_letters == before + 1
    os.eventfd_write(gate, 1)
    assert slow.ask("handled", timeout=20) == WINDOW_MESSAGES
    os.close(gate)


def test_within_a_host(scheduler: ActorRef[Scheduler]) -> None:
    """One actor has another of its host told."""
    scheduler.ask(("after", scheduler, 0.0, ("tick", "self")))
    assert scheduler.ask(("ticks", 1), timeout=5)[0][0] == "self"


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf"), "1", None, True])
def test_seconds_are_a_time(scheduler: ActorRef[Scheduler], seconds: Any) -> None:
    """The error names what was given."""
    with pytest.raises((TypeError, ValueError), match=f"seconds is {seconds!r}"):
        scheduler.tell_after(seconds, ("tick",))


def test_there_is_time_between_two(scheduler: ActorRef[Scheduler]) -> None:
    """Otherwise the loop would do nothing else."""
    with pytest.raises(ValueError, match="time between"):
        scheduler.tell_every(0, ("tick",))


def test_what_cannot_be_sent_raises_at_once(scheduler: ActorRef[Scheduler]) -> None:
    """And not in the loop, later."""
    with pytest.raises(TypeError):
        scheduler.tell_after(1.0, threading.Lock())


def test_to_an_actor_of_another_system(system: System) -> None:
    """It raises when it is scheduled."""
    with pytest.raises(ActorDeadError):
        ActorRef("one", "host", 7, "m:C", "another").tell_after(1.0, "text")
