"""passing.py: what was begun is undone in its time, and not before it may be."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial

import pytest

from tests.chaos.passing import Passing
from tests.chaos.plan import Action, Harm


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    yield clock
    monkeypatch.undo()


def test_what_is_due_is_undone_once(clock: Clock) -> None:
    """Each in its time, whatever was begun first."""
    passing, undone = Passing(), list[str]()
    for target, seconds in (("switch", 3.0), ("addrbook", 1.0)):
        action = Action(1, 0.0, Harm.JUMP, target, seconds)
        passing.begin(action, partial(undone.append, target), lambda: True, 0.1)
    assert passing
    assert passing.has("switch", Harm.FILL, Harm.JUMP)
    assert not passing.has("switch", Harm.FILL)
    for now, expected in ((100.5, []), (101.0, ["addrbook"]), (103.0, ["addrbook", "switch"])):
        clock.now = now
        passing.look()
        assert undone == expected
    assert not passing


def test_what_may_not_be_undone_yet_is_looked_at_again(clock: Clock) -> None:
    """A node that is paused cannot take back what was done to its clock."""
    passing, undone, may = Passing(), list[bool](), [False]
    passing.begin(Action(1, 0.0, Harm.JUMP, "switch", 1.0), lambda: undone.append(True), lambda: may[0], 0.5)
    clock.now += 1.0
    passing.look()
    assert (undone, bool(passing)) == ([], True)
    may[0] = True
    passing.look()
    assert undone == []
    clock.now += 0.5
    passing.look()
    assert (undone, bool(passing)) == ([True], False)
