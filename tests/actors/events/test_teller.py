"""Telling the hub: together, few of a flood, and held while there is none."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.events.happenings import DeadLetter, Folded
from peerage.actors.events.messages import Happened
from peerage.actors.events.teller import (
    GATHER_S,
    HELD,
    MOST_A_SECOND,
    WINDOW_S,
    EventTeller,
    tell_at_once,
)
from peerage.actors.runtime import ActorDeadError
from tests.actors.events.parts import FakeRuntime, came, refused
from tests.actors.switch.parts import Told

MOST = MOST_A_SECOND["refused"]


class Stage:
    """A teller and what its hub is told."""

    def __init__(self) -> None:
        self.runtime, self.hub = FakeRuntime(), Told("rpc/events")
        self.teller = EventTeller(self.runtime, self.hub, clock=self.runtime.now)

    def tell(self, what: Any) -> None:
        if self.teller.may_tell(what.kind, str(getattr(what, "reason", ""))):
            self.teller.tell(what)

    @property
    def heard(self) -> list[Any]:
        return [what for message in self.hub.told for _at, what in message.news]


@pytest.fixture
def stage() -> Stage:
    stage = Stage()
    stage.runtime.up()
    return stage


def test_a_burst_is_one_message_with_the_time_of_each(stage: Stage) -> None:
    stage.tell(came(1))
    stage.runtime.stand_still(0.01)
    stage.tell(came(2))
    assert stage.hub.told == []
    stage.runtime.pass_by(GATHER_S)
    assert stage.hub.told == [Happened(((100.0, came(1)), (100.01, came(2))))]


def test_of_a_flood_a_few_are_told_and_the_others_counted(stage: Stage) -> None:
    for _ in range(MOST + 500):
        stage.tell(refused())
    stage.tell(came())
    stage.runtime.pass_by(WINDOW_S + GATHER_S)
    assert stage.heard == [refused()] * MOST + [came(), Folded("refused", "filtered", 500)]
    stage.tell(refused())  # another second
    stage.runtime.pass_by(WINDOW_S + GATHER_S)
    assert stage.heard[-1] == refused()


def test_what_happens_before_the_hub_is_up_is_held_and_bounded() -> None:
    stage = Stage()
    for number in range(HELD + 50):
        stage.teller.tell(came(number))
    stage.runtime.pass_by(10.0)
    assert stage.hub.told == []
    stage.runtime.up()
    assert stage.heard == [came(number) for number in range(50, HELD + 50)]


def test_while_the_hub_is_being_restarted_events_wait_for_its_successor(stage: Stage) -> None:
    stage.runtime.down()
    stage.tell(came())
    stage.teller.flush()
    assert stage.heard == []
    stage.runtime.up()
    assert stage.heard == [came()]


def test_where_nobody_can_listen_nothing_is_kept() -> None:
    runtime = FakeRuntime()
    teller = EventTeller(runtime, None)
    assert not teller.may_tell("lost")
    teller.flush()
    assert runtime.hook is None


def test_dead_letters_of_the_process_are_told(stage: Stage) -> None:
    assert stage.runtime.hook is not None
    for _ in range(3):
        stage.runtime.hook("switch/switch", 2)
    stage.runtime.pass_by(WINDOW_S + GATHER_S)
    assert stage.heard == [DeadLetter("peers-0", "switch/switch", 6)]


def test_a_hub_that_cannot_be_told_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Told()

    def tell(*_args: object, **_options: object) -> None:
        raise ActorDeadError("no system runs")

    monkeypatch.setattr(hub, "tell", tell)
    tell_at_once(hub, came())


def test_one_event_is_told_to_the_hub_that_is_there() -> None:
    hub = Told()
    tell_at_once(hub, came())
    ((_at, what),) = hub.told[0].news
    assert what == came()
