"""The test's own clock, for the timers of actors and reactors under test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from peerage import ChannelDescriptor, Envelope, Peer, Reactor
from peerage.actors.runtime import PROCESS, ActorRef, ProcessActor, System
from peerage.testing import FakeClock, Probe, ReactorHarness, run_actor, wait_until

CHANNEL = 0x60
is_blocked, goes_on = threading.Event(), threading.Event()


@pytest.fixture(autouse=True, scope="module")
def system() -> Iterator[None]:
    """At the end every actor of these tests is gone."""
    yield
    System.current().shutdown()


class Timed(ProcessActor):
    """Tells what its timers do."""

    def __init__(self, to: ActorRef[Any]) -> None:
        super().__init__()
        self._to = to

    def on_start(self) -> None:
        self.runtime.call_later(10.0, self._say, "ten")
        self.runtime.call_later(5.0, self._say, "five")
        self._never = self.runtime.call_later(7.0, self._say, "never")
        self._often = self.runtime.call_every(20.0, self._coroutine, "often")

    def on_receive(self, message: Any) -> Any:
        if message == "cancel":
            self._never.cancel()
            self._often.cancel()
        elif message == "fail later":
            self.runtime.call_later(1.0, self._fail)
        elif message == "block":
            is_blocked.set()
            goes_on.wait(10.0)
        return self.runtime.now(), self.runtime.host_name

    def _say(self, word: str) -> None:
        self._to.tell((word, self.runtime.now()))

    async def _coroutine(self, word: str) -> None:
        self._say(word)

    def _fail(self) -> None:
        raise OSError("as the test wants it")


def test_time_passes_when_the_test_says_so() -> None:
    """Each timer at its time, in order; not the cancelled ones, and none before."""
    clock = FakeClock(start=100.0)
    with Probe() as probe, run_actor(clock.drives(Timed), probe.ref) as timed:
        assert clock.waiting == 4
        timed.ask("cancel", timeout=10.0)
        assert clock.waiting == 2
        clock.pass_by(4.9)
        probe.expect_nothing(0.02)
        clock.pass_by(5.2)
        assert [probe.expect(), probe.expect()] == [("five", 105.0), ("ten", 110.0)]
        now, host = timed.ask("now", timeout=10.0)
        assert now == pytest.approx(110.1)
        assert host


def test_what_is_repeated_is_called_as_often_as_its_time_comes() -> None:
    """A coroutine, too."""
    clock = FakeClock(start=0.0)
    with Probe() as probe, run_actor(clock.drives(Timed), probe.ref):
        clock.pass_by(65.0)
        heard = [probe.fish(lambda each: each[0] == "often") for _ in range(3)]
        assert len(heard) == 3
        probe.expect_nothing(0.02)


def test_a_timer_that_raises_ends_its_actor_as_any_does() -> None:
    """Nobody waits for what an actor has left undone."""
    clock = FakeClock()
    with Probe() as probe, run_actor(clock.drives(Timed), probe.ref) as timed:
        timed.ask("fail later", timeout=10.0)
        clock.pass_by(2.0)
        wait_until(lambda: not timed.is_alive())
        clock.pass_by(100.0)
        probe.expect_nothing(0.02)


def test_an_actor_that_is_busy_has_its_time_and_no_longer() -> None:
    """In real seconds."""
    clock = FakeClock()
    with Probe() as probe, run_actor(clock.drives(Timed), probe.ref) as timed:
        try:
            timed.tell("block")
            assert is_blocked.wait(10.0)
            with pytest.raises(AssertionError, match=r"an actor was busy for 0\.2 s"):
                clock.pass_by(5.0, timeout=0.2)
        finally:
            goes_on.set()
        probe.fish(lambda each: each[0] == "five")


def test_one_clock_for_several_actors() -> None:
    """In the order of their times."""
    clock = FakeClock(start=0.0)
    driven = clock.drives(Timed)
    with Probe() as probe, run_actor(driven, probe.ref), run_actor(driven, probe.ref):
        clock.pass_by(10.0)
        assert sorted(probe.expect() for _ in range(6))[:2] == [("five", 5.0), ("five", 5.0)]


def test_an_actor_in_a_process_is_refused() -> None:
    """It could not see the test's clock."""
    clock = FakeClock()
    with Probe() as probe, pytest.raises(RuntimeError, match="place=THREAD"):
        clock.drives(Timed).options(place=PROCESS).start(probe.ref)


def test_a_period_of_nothing_is_refused_as_in_earnest() -> None:
    clock = FakeClock()
    with pytest.raises(ValueError, match="more than 0 was expected"), run_actor(clock.drives(Idle)):
        pass


class Idle(ProcessActor):
    def on_start(self) -> None:
        self.runtime.call_every(0.0, print)


class Patient(Reactor):
    """Stops a peer that has said nothing for a minute."""

    channels = (ChannelDescriptor(id=CHANNEL, send_queue_capacity=10),)

    def add_peer(self, peer: Peer) -> None:
        self.runtime.call_later(60.0, self._look, peer, self.runtime.now())

    def receive(self, envelope: Envelope) -> None:
        envelope.source.set("heard", True)

    def _look(self, peer: Peer, since: float) -> None:
        if not peer.get("heard"):
            peer.stop(f"silent for {self.runtime.now() - since:g} s")


def test_a_reactors_timers_without_its_machinery() -> None:
    """What is beneath it goes on in real time: credits, reports of what was handled."""
    clock = FakeClock()
    with ReactorHarness(clock.drives(Patient)) as harness:
        silent, speaks = harness.connect(), harness.connect()
        speaks.send(CHANNEL, b"hello")
        speaks.wait_until_handled()
        wait_until(lambda: clock.waiting == 2)
        clock.pass_by(60.0)
        assert "silent for 60 s" in silent.expect_stopped()
        speaks.expect_nothing(0.02)
