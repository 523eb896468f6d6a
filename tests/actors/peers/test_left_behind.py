"""actors/peers/left_behind.py: what reactors have of connections that are gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from peerage.actors.messages import RemovePeer
from peerage.actors.peers.left_behind import LeftBehind
from peerage.actors.peers.memory_budget import ALLOWANCE
from tests.actors.peers.budgets import plenty
from tests.actors.peers.fake_loop import FakeLoop

MUCH = 10 * ALLOWANCE


class Reactors:
    """As Addressees, with reactors that answer when the test says so."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, object]] = []
        self.answer: dict[str, Callable[[Any], object]] = {}
        self._name = ""

    def reactor(self, name: str) -> Reactors:
        self._name = name
        return self

    def ask(self, message: object, *, block: bool, exempt: bool) -> Reactors:
        assert (block, exempt) == (False, True)
        self.asked.append((self._name, message))
        return self

    def then(self, call: Callable[[Any], object]) -> None:
        self.answer[self._name] = call


class Host:
    """A host, and what its connections have left."""

    def __init__(self) -> None:
        self.loop, self.reactors = FakeLoop(), Reactors()
        self.budget = plenty(self.loop)
        self.left = LeftBehind(self.loop, self.reactors, self.budget)  # type: ignore[arg-type]  # as Addressees


@pytest.fixture
def host() -> Host:
    return Host()


def test_what_a_reactor_has_stays_counted_until_it_has_come_so_far(host: Host) -> None:
    """It answers behind all that the connection had sent, whatever the answer is: that it has ended, for example."""
    host.left.note("c-1", {"ONE": MUCH, "TWO": 2 * MUCH})
    assert host.budget.unconsumed == 3 * MUCH
    assert host.reactors.asked == []
    host.loop.settle()
    assert host.reactors.asked == [(name, RemovePeer("c-1", "")) for name in ("ONE", "TWO")]
    host.reactors.answer["TWO"](None)
    assert host.budget.unconsumed == MUCH
    host.reactors.answer["ONE"](None)
    assert host.budget.unconsumed == 0


def test_for_little_nobody_is_asked(host: Host) -> None:
    """Most connections end with nothing unconsumed."""
    host.left.note("c-1", {"ONE": ALLOWANCE, "TWO": 0})
    host.loop.settle()
    assert host.reactors.asked == []
    assert host.budget.unconsumed == 0
