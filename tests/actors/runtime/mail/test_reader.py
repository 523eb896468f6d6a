"""actors/runtime/mail/reader.py: how a mailbox is read, by its thread or for it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest
import zmq

from peerage.actors.runtime import ActorDeadError
from peerage.actors.runtime.mail.inbox import SLICE_S, Inbox
from peerage.actors.runtime.mail.losses import Losses
from peerage.actors.runtime.mail.reader import Reader


class FakeInbox:
    """Keeps count of what is read, and how."""

    def __init__(self) -> None:
        self.arrived, self.is_unfound, self.bound = 0, False, 0
        self.is_signalled = self.is_drained = False
        self.waits: list[float] = []
        self.fault: zmq.ZMQError | None = None
        self.fd, self._other = os.pipe()

    def drain(self, limit: int) -> int:
        handled = min(limit, self.arrived)
        self.arrived -= handled
        return handled

    def drain_for(self, _seconds: float) -> bool:
        self.arrived = max(0, self.arrived - 1)
        return self.arrived > 0

    def receive(self, _flags: int = 0) -> None:
        if self.fault is not None:
            raise self.fault
        if not self.arrived:
            raise zmq.Again
        self.arrived -= 1

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return self.arrived > 0

    def bind_again(self) -> None:
        self.is_unfound = False
        self.bound += 1

    def fileno(self) -> int:
        return self.fd

    def close(self) -> None:
        os.close(self.fd)
        os.close(self._other)


class Scene:
    """A reader, and all that it calls: it is lines, losses and port in one."""

    def __init__(self) -> None:
        self.inbox, self.lock = FakeInbox(), threading.RLock()
        self.lines: list[str] = []
        self.loops: list[str] = []
        self.could_go_on = False
        self.unsettled = self.closed = False
        self.log: list[str] = []
        self.reader = Reader(
            cast("Inbox", self.inbox),
            self.lock,
            self,
            cast("Losses", self),
            flush=lambda: self.log.append("flush"),
            check_open=self._check_open,
            close=lambda: self.log.append("close"),
        )

    def advance(self, _seconds: float | None = 0.0) -> bool:
        self.log.append("advance")
        return self.could_go_on

    def look_again(self) -> None:
        self.log.append("look again")

    def look_again_in(self) -> None:
        self.log.append("settle deaths")

    def _check_open(self) -> None:
        if self.closed:
            raise ActorDeadError("closed")


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.inbox.close()


def test_a_pump_takes_what_is_there(scene: Scene) -> None:
    """Then what waits for room goes on."""
    scene.inbox.arrived, scene.lines = 5, ["a line"]
    scene.reader.has_skipped = True
    assert scene.reader.pump(3) == 3
    assert scene.reader.pump(3) == 2
    assert scene.log == ["advance", "advance"]
    assert not scene.reader.has_skipped


def test_a_mailbox_is_quiet_when_it_was_drained_and_nothing_has_come_up_since(scene: Scene) -> None:
    """Neither a signal, nor a message read alone, nor a path that was removed, nor a line that waits for room."""
    quiet = [scene.reader.is_quiet]
    scene.inbox.is_drained = True
    quiet.append(scene.reader.is_quiet)
    disturbed: tuple[tuple[object, str], ...] = (
        (scene.inbox, "is_signalled"),
        (scene.reader, "has_skipped"),
        (scene.inbox, "is_unfound"),
    )
    for thing, name in disturbed:
        setattr(thing, name, True)
        quiet.append(scene.reader.is_quiet)
        setattr(thing, name, False)
    scene.lines = ["a line"]
    quiet.append(scene.reader.is_quiet)
    assert quiet == [False, True, False, False, False, False]


def test_a_short_look_says_what_it_has_left(scene: Scene) -> None:
    """And signalled to the loops, one of which waits for it."""
    scene.inbox.arrived = 2
    assert scene.reader.pump_within(0.1)
    assert scene.reader.has_skipped
    assert not scene.reader.pump_within(0.1)
    scene.inbox.arrived, scene.loops = 2, ["a loop"]
    assert scene.reader.pump_briefly()
    assert not scene.reader.pump_briefly()
    assert scene.log == ["look again"]


def test_a_line_that_could_go_on_is_more_too(scene: Scene) -> None:
    scene.lines, scene.could_go_on = ["a line"], True
    assert scene.reader.pump_within(0.1)


def test_a_thread_that_waits_hands_over_what_it_gathered(scene: Scene) -> None:
    """It sleeps in the socket itself where it has time for that; what else has come may have no signal of its own."""
    scene.inbox.arrived = 1
    scene.reader.receive_within(10 * SLICE_S)
    assert (scene.inbox.arrived, scene.inbox.waits) == (0, [])
    scene.reader.receive_within(SLICE_S / 2)
    assert scene.inbox.waits == [SLICE_S / 2]
    assert scene.log == ["flush", "flush"]
    assert scene.reader.has_skipped


def test_it_does_not_sleep_while_a_line_could_go_on(scene: Scene) -> None:
    scene.lines, scene.could_go_on = ["a line"], True
    scene.reader.receive_within(10 * SLICE_S)
    assert scene.inbox.waits == [0.0]


def test_the_end_of_the_system_closes_the_port(scene: Scene) -> None:
    scene.inbox.fault = zmq.ContextTerminated()
    scene.reader.receive_within(10 * SLICE_S)
    assert scene.log == ["flush", "close"]


def test_a_closed_port_is_not_read(scene: Scene) -> None:
    scene.closed = True
    with pytest.raises(ActorDeadError, match="closed"):
        scene.reader.receive_within(1.0)
    with pytest.raises(ActorDeadError, match="closed"):
        scene.reader.read_for(lambda: False, 1.0)
    assert scene.lock.acquire(blocking=False)


@pytest.mark.parametrize("read", ["pump", "pump_within", "receive_within"])
def test_each_way_of_reading_binds_a_removed_path_again(scene: Scene, read: str) -> None:
    scene.inbox.is_unfound = True
    getattr(scene.reader, read)(1)
    assert (scene.inbox.bound, scene.inbox.is_unfound) == (1, False)


def test_another_thread_may_read_for_the_owner(scene: Scene) -> None:
    """It settles deaths, too; the owner's host is told that somebody has read."""
    scene.inbox.arrived = 2
    told: list[str] = []
    scene.reader.on_read_for = lambda: told.append("read")
    assert scene.reader.read_for(lambda: False, 1.0)
    assert (scene.inbox.arrived, told) == (1, ["read"])
    assert scene.log == ["settle deaths", "flush"]


def test_nobody_reads_for_an_owner_that_does_itself(scene: Scene) -> None:
    """It has the lock meanwhile."""
    results: list[bool] = []
    with scene.lock:
        thread = threading.Thread(target=lambda: results.append(scene.reader.read_for(lambda: False, 1.0)))
        thread.start()
        thread.join()
    assert results == [False]


def test_it_sleeps_without_the_lock(scene: Scene) -> None:
    """Until something comes, or for a moment: the owner may want to send meanwhile."""
    looks: list[Any] = []

    def is_done() -> bool:
        free = threading.Thread(target=lambda: looks.append(scene.lock.acquire(blocking=False)))
        free.start()
        free.join()
        return len(looks) == 2

    assert scene.reader.read_for(is_done, 1.0)
    assert looks == [False, True]
