"""What a host says of its actors to whoever looks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from peerage.actors.runtime import ChildFacts
from peerage.actors.runtime.host import report as report_module
from peerage.actors.runtime.host.cell import ActorCell
from peerage.actors.runtime.host.loop import Loop
from peerage.actors.runtime.host.report import HostReport, report
from peerage.actors.runtime.mail.future import Future
from tests.actors.runtime.host.fakes import CellPort, Keeper, tell
from tests.actors.runtime.host.fakes import cell as make_cell
from tests.actors.runtime.host.fakes import loop as fake_loop

CHILD = ChildFacts("a", "a", "a", "worker", "running", "permanent", 0, "")


@pytest.fixture
def loop() -> Iterator[Loop[Any]]:
    loop, _poller = fake_loop()
    yield loop
    loop.close()


def up(loop: Loop[Any], actor: Any = None, name: str = "actor") -> ActorCell:
    cell = make_cell(loop, CellPort(), Keeper(), actor, name)
    cell.is_up = True
    return cell


def seen(*cells: ActorCell) -> HostReport:
    return report(cells, threading.get_ident(), 7)


def test_an_actor_has_a_row(loop: Loop[Any]) -> None:
    """With what waits in its mailbox."""
    cell = up(loop)
    cell.put(item := tell("hello"))
    found = seen(cell)
    [row] = found.actors
    assert (row.name, row.state, row.mailbox, row.mailbox_bytes, row.handled) == (
        "actor",
        "ready",
        1,
        item[7],
        0,
    )
    assert row.oldest_age > 0.0
    assert (found.dead_letters, found.crowds, row.children) == (7, (), None)
    assert found.process_time >= found.loop_time > 0.0


def test_the_state_is_what_it_is_in_the_middle_of(loop: Loop[Any]) -> None:
    """Its constructor, a handler, an ask, or nothing."""
    cell = up(loop)
    states = [seen(cell).actors[0].state]
    cell.enter()
    states.append(seen(cell).actors[0].state)
    cell.waiting = future = Future[Any]()
    future.asked = SimpleNamespace(route=SimpleNamespace(ref=SimpleNamespace(name="other")))  # type: ignore[assignment]  # a fake
    row = seen(cell).actors[0]
    states.append(row.state)
    cell.is_up = False
    states.append(seen(cell).actors[0].state)
    cell.is_up = True
    future.resolve(None)
    assert [*states, seen(cell).actors[0].state] == ["idle", "running", "waiting", "starting", "running"]
    assert row.waits_for == "other"


def test_a_supervisor_tells_of_its_children(loop: Loop[Any]) -> None:
    """Without a message in its mailbox."""
    supervisor: Any = SimpleNamespace(which_children=lambda: (CHILD,))
    assert seen(up(loop, supervisor)).actors[0].children == (CHILD,)


def test_those_that_come_and_go_are_counted(loop: Loop[Any]) -> None:
    """By class: a thousand peers are one line."""
    visitor: Any = SimpleNamespace(is_short_lived=True)
    cells = [up(loop, visitor, f"visitor {number}") for number in range(3)]
    cells[1].put(tell("hello"))
    found = seen(*cells)
    [crowd] = found.crowds
    assert (found.actors, crowd.actors, crowd.mailbox) == ((), 3, 1)
    assert crowd.oldest_age > 0.0


def test_rows_are_bounded(loop: Loop[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are counted."""
    monkeypatch.setattr(report_module, "MOST_ROWS", 2)
    found = seen(*(up(loop, name=f"actor {number}") for number in range(5)))
    assert (len(found.actors), found.crowds[0].actors) == (2, 3)
