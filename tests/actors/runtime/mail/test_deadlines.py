"""One timer for all deadlines of a loop: nobody is early, and who leaves leaves nothing behind."""

from __future__ import annotations

import asyncio
import time
from math import inf
from time import monotonic
from types import SimpleNamespace

import pytest

from peerage.actors.runtime.mail import here
from peerage.actors.runtime.mail.deadlines import INHERIT, SPARE, TICK_S, Deadlines, in_seconds


class Item:
    def __init__(self, when: float) -> None:
        self.when, self.tick, self.expired = when, 0, 0.0


def expire(item: Item, now: float) -> None:
    assert not item.expired
    item.expired = now


def test_each_expires_once_and_not_early() -> None:
    """In whatever order they came, for as long as the loop runs."""

    async def main() -> None:
        deadlines: Deadlines[Item] = Deadlines(expire, 0.0)  # one in a turn
        deadlines.move(asyncio.get_running_loop())
        begun = time.monotonic()
        items = [Item(begun + offset) for offset in (0.05, 0.01, 0.01 + TICK_S, 0.01, -1.0, 0.05)]
        for item in items:
            deadlines.add(item, item.when)
        while len(deadlines):  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(TICK_S)
        assert all(item.expired >= item.when for item in items)
        assert items[4].expired <= items[1].expired <= items[0].expired

    asyncio.run(asyncio.wait_for(main(), 10))


def test_a_discarded_item_is_not_kept() -> None:
    """Thousands of calls with long timeouts that are answered soon leave no trace."""
    deadlines: Deadlines[Item] = Deadlines(expire, 1.0)
    for number in range(10_000):
        item = Item(time.monotonic() + 3600 + number)
        deadlines.add(item, item.when)
        deadlines.discard(item)
    assert len(deadlines) == 0
    assert len(deadlines._ticks) <= SPARE + 1


def test_a_second_deadline_replaces_the_first() -> None:
    """One deadline each."""
    deadlines: Deadlines[Item] = Deadlines(expire, 1.0)
    item = Item(0.0)
    deadlines.add(item, time.monotonic() + 10)
    deadlines.add(item, time.monotonic() + 20)
    assert len(deadlines) == 1


def test_another_loop_goes_on_where_one_has_ended() -> None:
    """A thread has one loop at a time."""
    deadlines: Deadlines[Item] = Deadlines(expire, 1.0)
    item = Item(0.0)

    async def begin() -> None:
        deadlines.move(asyncio.get_running_loop())
        deadlines.add(item, time.monotonic() + 0.05)

    async def go_on() -> None:
        deadlines.move(asyncio.get_running_loop())
        while not item.expired:  # noqa: ASYNC110 - as above
            await asyncio.sleep(TICK_S)

    asyncio.run(begin())
    asyncio.run(asyncio.wait_for(go_on(), 10))


def test_a_timeout_that_is_inherited_is_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the ask that the actor handles; nothing outside an actor, or where that has no limit."""
    assert in_seconds(INHERIT) is None
    assert in_seconds(2.5) == 2.5
    assert in_seconds(None) is None
    handling = SimpleNamespace(until=None)
    monkeypatch.setattr(here, "actor", lambda: handling)
    assert in_seconds(INHERIT) is None
    handling.until = monotonic() + 60.0
    left = in_seconds(INHERIT)
    assert left is not None
    assert 50.0 < left <= 60.0
    handling.until = -inf  # cancelled
    assert in_seconds(INHERIT) == 0.0
