"""The peer hosts, as the switch knows them."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.messages import ListConnections, SwitchNotes, TransportState
from peerage.actors.runtime import ActorDeadError, ActorRef, Future
from peerage.actors.switch import rebuild
from peerage.actors.switch.rebuild import ALL_UP_S, PeerHosts
from tests.actors.switch.parts import Told
from tests.fake_clock import FakeClock

STATE = TransportState((), SwitchNotes())
HEARD, READY = "heard", "ready"


class Hosts:
    """Two peer hosts, alive or not; `events` are what the switch is told."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.first, self.second = Told("peers-0"), Told("peers-1")
        self.lives: dict[str, int] = {}
        self.events: list[Any] = []
        self.hosts = PeerHosts(
            (self.first, self.second),
            life_of=lambda ref: self.lives.get(ref.host),
            call_later=self.clock.call_later,
            merge=lambda ref, state: self.events.append((ref.name, state)),
            heard=lambda: self.events.append(HEARD),
            ready=lambda: self.events.append(READY),
        )

    def live(self, ref: Told, life: int, answer: Any = STATE) -> None:
        """A transport is there, and answers."""
        self.lives[ref.host] = life
        ref.answer = Future()
        if isinstance(answer, Exception):
            ref.answer.set_exception(answer)
        elif answer is not None:
            ref.answer.set(answer)


@pytest.fixture
def stage() -> Hosts:
    return Hosts()


def gone(*refs: Told) -> None:
    for ref in refs:
        ref.answer.set_exception(ActorDeadError("not found"))


def test_a_new_switch_learns_at_once_whom_they_hold(stage: Hosts) -> None:
    """Then it can dial."""
    stage.live(stage.first, 1)
    stage.live(stage.second, 2)
    stage.hosts.rebuild()
    assert stage.events == [("peers-0", STATE), ("peers-1", STATE), READY]
    assert stage.hosts.can_dial
    assert not stage.hosts.is_one_silent


def test_what_was_heard_in_the_rebuild_is_not_asked_again(stage: Hosts) -> None:
    """The news that it is up may come after it."""
    stage.live(stage.first, 1)
    gone(stage.second)
    stage.hosts.rebuild()
    stage.hosts.came_up(stage.first)
    assert stage.first.told == [ListConnections()]


def test_a_successor_is_asked(stage: Hosts) -> None:
    """It holds nobody yet, and must be told what to keep."""
    stage.live(stage.first, 1)
    gone(stage.second)
    stage.hosts.rebuild()
    stage.hosts.went_down(stage.first)
    assert not stage.hosts.up
    stage.live(stage.first, 3)
    stage.hosts.came_up(stage.first)
    assert stage.first.told == [ListConnections()] * 2
    assert stage.hosts.up == {stage.first}


def test_while_a_node_starts_the_last_host_is_waited_for(stage: Hosts) -> None:
    """For a moment: it may not come."""
    gone(stage.first, stage.second)
    stage.hosts.rebuild()
    stage.live(stage.first, 1)
    stage.hosts.came_up(stage.first)
    assert stage.events == [("peers-0", STATE), HEARD]
    assert not stage.hosts.can_dial
    stage.clock.pass_by(ALL_UP_S)
    assert stage.events[-1] == READY
    assert stage.hosts.can_dial


def test_a_host_that_says_nothing_may_hold_anybody(stage: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it has said it, or has ended; it is not asked twice."""
    monkeypatch.setattr(rebuild, "REBUILD_TIMEOUT_S", 0.01)
    stage.live(stage.first, 1, answer=None)
    stage.live(stage.second, 2)
    stage.hosts.rebuild()
    before = stage.hosts.is_one_silent
    stage.hosts.came_up(stage.first)
    stage.first.answer.set(STATE)
    assert (before, stage.hosts.is_one_silent) == (True, False)
    assert stage.events[-3:] == [("peers-0", STATE), READY, HEARD]
    assert stage.first.told == [ListConnections()]


def test_a_silent_host_that_ends_holds_nobody(stage: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end is the answer."""
    monkeypatch.setattr(rebuild, "REBUILD_TIMEOUT_S", 0.01)
    stage.live(stage.first, 1, answer=None)
    stage.live(stage.second, 2)
    stage.hosts.rebuild()
    gone(stage.first)
    assert not stage.hosts.is_one_silent
    assert stage.events[-1] == HEARD


def test_the_host_with_the_fewest_is_taken(stage: Hosts) -> None:
    """Of those that are up."""
    stage.live(stage.first, 1)
    stage.live(stage.second, 2)
    stage.hosts.rebuild()
    loads = {"peers-0": 3, "peers-1": 2}
    assert stage.hosts.least_loaded(loads.__getitem__) is stage.second
    stage.hosts.went_down(stage.second)
    taken: ActorRef[Any] = stage.hosts.least_loaded(loads.__getitem__)
    assert taken is stage.first
