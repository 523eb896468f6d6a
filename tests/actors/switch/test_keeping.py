"""actors/switch/keeping.py: notes are kept everywhere before anybody relies on them."""

from __future__ import annotations

import pytest

from peerage.actors.messages import KeepNotes, SwitchNotes
from peerage.actors.runtime import ActorDeadError
from peerage.actors.switch.keeping import KEEP_TIMEOUT_S, Keeping
from tests.actors.switch.parts import Told
from tests.fake_clock import FakeClock

NOTES = SwitchNotes(1)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_nothing_spread_is_kept_at_once(clock: FakeClock) -> None:
    said: list[str] = []
    Keeping((Told(),), clock.call_later).when_kept(lambda: said.append("kept"))
    assert said == ["kept"]


def test_all_hosts_have_them_before_it_is_said(clock: FakeClock) -> None:
    """One that is gone has nothing to admit by them."""
    hosts, said = (Told(), Told(), Told()), list[str]()
    keeping = Keeping(hosts, clock.call_later)
    keeping.spread(NOTES)
    keeping.when_kept(lambda: said.append("kept"))
    assert [host.told for host in hosts] == [[KeepNotes(NOTES)]] * 3
    hosts[0].answer.set(None)
    hosts[1].answer.set_exception(ActorDeadError("gone"))
    assert said == []
    hosts[2].answer.set(None)
    clock.pass_by(60.0)
    assert said == ["kept"]


def test_a_host_that_hangs_is_not_waited_for(clock: FakeClock) -> None:
    """Once for all who wait; what it says later changes nothing."""
    host, said = Told(), list[str]()
    keeping = Keeping((host,), clock.call_later)
    keeping.spread(NOTES)
    for name in ("first", "second"):
        keeping.when_kept(lambda name=name: said.append(name))  # type: ignore[misc]  # a default binds it
    clock.pass_by(KEEP_TIMEOUT_S)
    assert said == ["first", "second"]
    host.answer.set(None)
    assert said == ["first", "second"]
