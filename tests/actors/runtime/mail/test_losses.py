"""actors/runtime/mail/losses.py: what waits for a host that has died is settled once, and not before its last words."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, cast

import pytest

from peerage.actors.runtime import ActorDeadError
from peerage.actors.runtime.mail.asks import Asks
from peerage.actors.runtime.mail.handled_counts import name_hash
from peerage.actors.runtime.mail.host_table import HostTable
from peerage.actors.runtime.mail.losses import LOOK_AGAIN_S, MOST_UNREAD_S, NEVER, Losses
from peerage.actors.runtime.mail.routes import Route, Routes
from tests.actors.runtime.mail.fakes import HOST, KEY, MINE, Clock, Table, Waiter, path

OTHER = 8


class Lines:
    """Lines of messages that wait for room; of those that lead nowhere, each is given up by itself."""

    def __init__(self) -> None:
        self.lost: deque[str] = deque()
        self.reroutes = 0

    def reroute(self) -> None:
        self.reroutes += 1

    def bury_one(self) -> None:
        self.lost.popleft()


class Scene:
    """Losses, with all that they settle."""

    def __init__(self) -> None:
        self.table, self.clock, self.lines = Table(), Clock(), Lines()
        self.asks = Asks(lambda _source: None)
        self.lost: list[tuple[str, int]] = []
        self.counts: dict[int, dict[int, tuple[int, int]]] = {}
        self.routes = Routes(KEY, MINE, cast("HostTable", self.table), lambda _a, _p: None, self._lose)
        self.sweeps = self.empty = 0
        self.losses = Losses(
            self.table,
            self.routes,
            self.asks,
            self.lines,
            threading.RLock(),
            read_counts=lambda serial: self.counts.get(serial, {}),
            on_lost=self._lose,
            times_empty=lambda: self.empty,
            before=self._begin,
            clock=self.clock,
        )

    def _lose(self, target: str, messages: int) -> None:
        self.lost.append((target, messages))

    def _begin(self) -> None:
        self.sweeps += 1

    def route(self, name: str = "actor", serial: int = HOST) -> Route:
        self.table.resolved = serial
        route = self.routes.find(path(name, serial))
        assert route is not None
        return route

    def tell(self, route: Route, messages: int) -> None:
        route.window.messages += messages

    def ask(self, route: Route) -> Waiter:
        waiter = Waiter()
        route.window.messages += 1
        route.window.asks += 1
        self.asks.expect(waiter, route.serial, route, 10)
        return waiter


@pytest.fixture
def scene() -> Scene:
    return Scene()


def text(waiter: Waiter) -> str:
    [error] = waiter.outcomes
    assert isinstance(error, ActorDeadError)
    return str(error)


def test_tells_that_nobody_acknowledged_are_lost(scene: Scene) -> None:
    """Asks among the messages of the window are none of them."""
    route = scene.route()
    scene.tell(route, 3)
    scene.ask(route)
    scene.table.die(HOST)
    scene.losses.sweep()
    assert scene.lost == [("host/actor", 3)]
    assert scene.losses.epoch == scene.table.epoch


def test_what_a_killed_host_had_handled_is_not_lost(scene: Scene) -> None:
    """It had no time to acknowledge that; its counts outlive it. Dead letters among them were told already, or are now."""
    route = scene.route()
    scene.tell(route, 10)
    route.settled, route.dead = 20, 1
    scene.counts[HOST] = {name_hash(b"actor"): (27, 3)}
    scene.table.die(HOST)
    scene.losses.sweep()
    assert scene.lost == [("host/actor", 10 - (7 - 2))]


def test_more_than_was_sent_is_never_handled(scene: Scene) -> None:
    """A count may have been acknowledged twice, or not been read."""
    route = scene.route()
    scene.tell(route, 2)
    scene.counts[HOST] = {name_hash(b"actor"): (50, 0)}
    scene.table.die(HOST)
    scene.losses.sweep()
    assert scene.lost == []


def test_asks_of_a_dead_host_fail_with_its_reason(scene: Scene) -> None:
    """Those of other hosts go on."""
    dead, alive = scene.ask(scene.route()), scene.ask(scene.route("other", OTHER))
    scene.table.die(HOST)
    scene.losses.sweep()
    assert text(dead) == "Worker (actor in host) ended before it answered (killed: by SIGKILL)"
    assert alive.outcomes == []


def test_questions_to_a_dead_host_fail_too(scene: Scene) -> None:
    """They are in no window."""
    waiter = Waiter()
    scene.asks.expect(waiter, HOST)
    scene.table.die(HOST)
    scene.losses.sweep()
    assert text(waiter) == "host ended before it answered (killed: by SIGKILL)"


def test_what_was_asked_of_a_stopped_actor_is_not_found(scene: Scene) -> None:
    """It had been known to have stopped, though its host was still there."""
    route = scene.route()
    before = scene.ask(route)
    scene.asks.has_stopped(before.asked)
    after = scene.ask(route)
    scene.table.die(HOST)
    scene.losses.sweep()
    assert "ended before it answered" in text(before)
    assert text(after) == "Worker (actor in host) not found"


def test_last_words_are_waited_for(scene: Scene) -> None:
    """An answer may be on its way from a host that ended by itself."""
    waiter = scene.ask(scene.route())
    scene.table.die(HOST, speaking=True)
    assert scene.losses.look_again_in() == LOOK_AGAIN_S
    assert waiter.outcomes == []
    assert scene.losses.epoch == NEVER
    scene.losses.sweep()
    assert scene.sweeps == 1  # it is too early to look again
    scene.table.speaking.clear()
    scene.clock.now += LOOK_AGAIN_S
    assert scene.losses.look_again_in() == LOOK_AGAIN_S
    scene.empty += 1
    scene.clock.now += LOOK_AGAIN_S
    assert scene.losses.look_again_in() is None
    assert "ended before it answered" in text(waiter)


@pytest.mark.parametrize("ends", ["empty", "time"])
def test_no_ask_fails_whose_answer_may_lie_in_the_mailbox(scene: Scene, ends: str) -> None:
    """However long it takes to read: until the mailbox was empty once, or a time in which all of it has been read."""
    route = scene.route()
    answered, unanswered = scene.ask(route), scene.ask(route)
    scene.table.die(HOST, speaking=True)
    scene.table.speaking.clear()
    for _ in range(3):
        assert scene.losses.look_again_in() == LOOK_AGAIN_S
        scene.clock.now += LOOK_AGAIN_S
    assert scene.asks.settle(answered.asked.number) is not None
    scene.empty += ends == "empty"
    scene.clock.now += MOST_UNREAD_S if ends == "time" else 0.0
    assert scene.losses.look_again_in() is None
    assert answered.outcomes == []
    assert "ended before it answered" in text(unanswered)


def test_a_goodbye_is_the_last_word(scene: Scene) -> None:
    """It comes behind everything else that a host has sent: nothing is waited for then."""
    waiter = scene.ask(scene.route())
    scene.table.die(HOST, speaking=True)
    scene.losses.sweep()
    scene.losses.said_goodbye(HOST)
    scene.losses.sweep()
    assert "ended before it answered" in text(waiter)


def test_many_answers_are_given_up_bit_by_bit(scene: Scene) -> None:
    """Whoever sweeps has promised to be elsewhere soon."""
    route = scene.route()
    waiters = [scene.ask(route) for _ in range(10)]
    scene.table.die(HOST)
    scene.clock.step = 0.001
    scene.losses.sweep()
    done = [bool(waiter.outcomes) for waiter in waiters]
    assert 0 < sum(done) < 10
    assert done == sorted(done, reverse=True)
    assert (scene.losses.unsettled, scene.losses.epoch) == (True, NEVER)
    for _ in range(10):
        scene.losses.sweep()
    assert all(waiter.outcomes for waiter in waiters)
    assert (scene.losses.unsettled, scene.losses.epoch) == (False, scene.table.epoch)


def test_lines_that_lead_nowhere_are_given_up(scene: Scene) -> None:
    """When those that have a successor have gone on to it."""
    scene.lines.lost.extend("abc")
    scene.table.die(HOST)
    scene.losses.sweep()
    assert (scene.lines.reroutes, len(scene.lines.lost)) == (1, 0)


def test_other_parts_hear_when_a_host_is_gone(scene: Scene) -> None:
    """Watches and follows settle themselves."""
    told: list[Any] = []
    scene.losses.on_gone.append(lambda is_gone: told.append([is_gone(HOST), is_gone(OTHER), is_gone(0)]))
    scene.losses.on_swept = lambda: told.append("swept")
    scene.table.die(HOST)
    scene.losses.sweep()
    assert told == [[True, False, False], "swept"]


def test_forgotten_losses_fail_no_more_asks(scene: Scene) -> None:
    """Who waits is told by the port itself."""
    route = scene.route()
    waiters = [scene.ask(route) for _ in range(10)]
    scene.table.die(HOST)
    scene.clock.step = 0.001
    scene.losses.sweep()
    scene.losses.forget()
    told = sum(bool(waiter.outcomes) for waiter in waiters)
    scene.clock.step = 0.0
    scene.losses.sweep()
    assert sum(bool(waiter.outcomes) for waiter in waiters) == told
