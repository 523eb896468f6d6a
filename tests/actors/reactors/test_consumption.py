"""actors/reactors/consumption.py: what is told of consumed messages, when, and that none is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from peerage.actors.messages import Consumed
from peerage.actors.reactors.consumption import REPORT_DELAY_S, SHARE, Consumption
from peerage.actors.transfer import WINDOW_MESSAGES

WINDOW = 8000


class Info:
    """As a PeerInfo whose ref keeps what it is told."""

    def __init__(self, connection: str) -> None:
        self.connection = connection
        self.ref: Any = self
        self.told: list[Consumed] = []

    def tell(self, message: Consumed, *, exempt: bool) -> None:
        assert exempt
        self.told.append(message)


class Later:
    """Keeps what is to be called."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []

    def __call__(self, seconds: float, fn: Callable[[], None]) -> None:
        assert seconds == REPORT_DELAY_S
        self.calls.append(fn)


@pytest.fixture
def later() -> Later:
    return Later()


@pytest.fixture
def consumption(later: Later) -> Consumption:
    return Consumption("ONE", WINDOW, later)


def test_little_is_told_after_a_while(consumption: Consumption, later: Later) -> None:
    """All of it in one message for each peer; one timer serves them all."""
    anna, bert = Info("anna"), Info("bert")
    for info, size in ((anna, 3), (bert, 4), (anna, 5)):
        consumption.add(info, size, 1)  # type: ignore[arg-type]
    assert anna.told == bert.told == []
    (call,) = later.calls
    call()
    assert anna.told == [Consumed("ONE", 8, 2)]
    assert bert.told == [Consumed("ONE", 4, 1)]
    consumption.add(anna, 1, 1)  # type: ignore[arg-type]
    assert len(later.calls) == 2


@pytest.mark.parametrize(("size", "messages"), [(WINDOW // SHARE, 1), (0, WINDOW_MESSAGES // SHARE)])
def test_a_share_of_the_window_is_told_at_once(
    consumption: Consumption, later: Later, size: int, messages: int
) -> None:
    """With all that was untold; nothing is told twice."""
    anna = Info("anna")
    consumption.add(anna, 1, 1)  # type: ignore[arg-type]
    consumption.add(anna, size, messages)  # type: ignore[arg-type]
    assert anna.told == [Consumed("ONE", size + 1, messages + 1)]
    later.calls[0]()
    assert len(anna.told) == 1


def test_a_peer_that_is_gone_is_told_nothing(consumption: Consumption, later: Later) -> None:
    anna = Info("anna")
    consumption.add(anna, 1, 1)  # type: ignore[arg-type]
    consumption.forget("anna")
    later.calls[0]()
    assert anna.told == []
