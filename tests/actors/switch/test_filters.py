"""The operator's filters, without threads."""

from __future__ import annotations

from typing import Any

import pytest

from peerage.actors.messages import ConnectionFacts
from peerage.actors.refusal import Refusal, RefusalReason
from tests.actors.switch.parts import Beside, facts, filters
from tests.fake_clock import FakeClock


def fine(_facts: ConnectionFacts) -> str | None:
    return None


def never(_facts: ConnectionFacts) -> str | None:
    return "never"


def broken(_facts: ConnectionFacts) -> str | None:
    raise OSError("no list")


@pytest.fixture
def beside() -> Beside:
    return Beside()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def judge(beside: Beside, clock: FakeClock, *judges: Any) -> list[Refusal | None]:
    """The decision, once there is one."""
    decided: list[Refusal | None] = []
    filters(beside, clock, judges).judge_connection(facts(), decided.append)
    return decided


def test_without_filters_the_decision_is_there_at_once(beside: Beside, clock: FakeClock) -> None:
    """Nothing is put off."""
    assert judge(beside, clock) == [None]


def test_all_have_to_agree(beside: Beside, clock: FakeClock) -> None:
    """The last one decides."""
    decided = judge(beside, clock, fine, fine)
    assert decided == []
    beside.do()
    clock.pass_by(60.0)
    assert decided == [None]


def test_the_first_one_against_decides(beside: Beside, clock: FakeClock) -> None:
    """What comes later changes nothing."""
    decided = judge(beside, clock, fine, never, broken)
    beside.do()
    assert decided == [Refusal(RefusalReason.FILTERED, "never")]


def test_a_filter_that_fails_is_against(beside: Beside, clock: FakeClock) -> None:
    """Its error is the reason."""
    decided = judge(beside, clock, broken)
    beside.do()
    assert decided == [Refusal(RefusalReason.FILTERED, "no list")]


def test_the_end_of_the_time_decides(beside: Beside, clock: FakeClock) -> None:
    """A verdict after that comes too late."""
    decided = judge(beside, clock, fine)
    clock.pass_by(5.0)
    beside.do()
    assert decided == [Refusal(RefusalReason.FILTER_TIMEOUT, "no verdict within 5 s")]
