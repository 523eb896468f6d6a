"""A mailbox that mirrors one elsewhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from peerage.actors.runtime import THREAD, ActorDeadError, ActorRef, ProcessActor, System, watch
from peerage.actors.runtime.host.stand_in_cell import StandInCell
from peerage.actors.runtime.mail.exit_reason import DownReason
from tests.waiting import wait_until


class Mirror(ProcessActor):
    """Forwards to nowhere; the test says what becomes of it."""

    cell_class = StandInCell
    last: Mirror

    def __init__(self) -> None:
        super().__init__()
        self.items: list[Any] = []
        self.cell: Any = None
        self.is_gone = threading.Event()
        Mirror.last = self

    def forward(self, cell: StandInCell, item: Any) -> None:
        self.cell = cell
        self.items.append(item)

    def gone(self, _reason: DownReason) -> None:
        self.is_gone.set()

    def call(self, fn: Any, *args: Any) -> None:
        """In the host's thread."""
        self.cell._loop.call_threadsafe(None, fn, *args)


def depth(ref: ActorRef[Any], system: System) -> int:
    return next(row.mailbox for row in system.actors() if row.actor == ref.name)


@pytest.fixture
def mirror(system: System) -> Iterator[ActorRef[Mirror]]:
    yield Mirror.options(place=THREAD).start()
    if not Mirror.last.is_gone.is_set():  # nothing else ends it
        Mirror.last.call(Mirror.last.cell.end, DownReason("normal"))


def test_what_is_forwarded_waits_until_it_is_handled(mirror: ActorRef[Mirror], system: System) -> None:
    """Each message is forwarded once; a batch leaves when all of it is handled."""
    mirror.tell("one")
    wait_until(lambda: len(Mirror.last.items) == 1)
    mirror.tell_many(["two", "three"])
    wait_until(lambda: len(Mirror.last.items) == 2)
    assert depth(mirror, system) == 3
    Mirror.last.call(Mirror.last.cell.settled, 2)
    wait_until(lambda: depth(mirror, system) == 2)
    Mirror.last.call(Mirror.last.cell.settled, 1)
    wait_until(lambda: depth(mirror, system) == 0)
    assert len(Mirror.last.items) == 2


def test_its_end_refuses_what_was_not_handled(mirror: ActorRef[Mirror]) -> None:
    """Asks fail, requests to stop are answered, its actor is told last."""
    answer, stopped = mirror.ask("x", block=False), mirror.stop(block=False)
    wait_until(lambda: len(Mirror.last.items) == 2)
    ended = watch(mirror)
    Mirror.last.call(Mirror.last.cell.end, DownReason("killed", "its node is gone"))
    assert ended.wait(20.0).text == "its node is gone"
    with pytest.raises(ActorDeadError):
        answer.get(timeout=5)
    assert stopped.get(timeout=5)
    assert Mirror.last.is_gone.wait(20.0)
