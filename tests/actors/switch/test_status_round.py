"""One question to all peer hosts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from peerage.actors.messages import GetPeerStatuses
from peerage.actors.runtime import ActorDeadError
from peerage.actors.switch.status_round import STATUS_TIMEOUT_S, collect_statuses
from tests.actors.switch.parts import Told
from tests.fake_clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def ask(clock: FakeClock, *hosts: Told) -> list[Sequence[Any]]:
    """What is told in the end."""
    told: list[Sequence[Any]] = []
    collect_statuses(hosts, clock.call_later, told.append)
    return told


def test_all_are_asked_and_told_of_together(clock: FakeClock) -> None:
    """Once, when the last has answered."""
    first, second = Told(), Told()
    told = ask(clock, first, second)
    assert first.told == second.told == [GetPeerStatuses()]
    first.answer.set(("one",))
    assert told == []
    second.answer.set(("two", "three"))
    clock.pass_by(60.0)
    assert told == [["one", "two", "three"]]


def test_a_host_that_is_gone_has_none(clock: FakeClock) -> None:
    """It need not be waited for."""
    host = Told()
    told = ask(clock, host)
    host.answer.set_exception(ActorDeadError("gone"))
    assert told == [[]]


def test_a_host_that_hangs_is_left_out(clock: FakeClock) -> None:
    """What it says later is not told."""
    quick, slow = Told(), Told()
    told = ask(clock, quick, slow)
    quick.answer.set(("one",))
    clock.pass_by(STATUS_TIMEOUT_S)
    slow.answer.set(("two",))
    assert [list(each)[:1] for each in told] == [["one"]]
