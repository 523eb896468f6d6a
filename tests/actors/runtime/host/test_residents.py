"""The actors of a host, and who asks for those that are gone."""

from __future__ import annotations

import pytest

from peerage.actors.runtime.host.cell import ActorCell
from peerage.actors.runtime.host.residents import REMEMBERED_REASONS, TOLD_REASONS, Residents
from peerage.actors.runtime.host.system_messages import SystemMessage
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.watches import BEFORE_HOOKS
from tests.actors.runtime.host.fakes import CellPort, Keeper, tell
from tests.actors.runtime.host.fakes import cell as make_cell
from tests.actors.runtime.host.fakes import loop as fake_loop

WATCHER, NUMBER = 8 << 20, 3
GONE = DownReason("normal", "stopped")


@pytest.fixture
def port() -> CellPort:
    return CellPort()


@pytest.fixture
def residents(port: CellPort) -> Residents:
    return Residents(port.send)


@pytest.fixture
def cell(residents: Residents, port: CellPort) -> ActorCell:
    loop, _poller = fake_loop()
    cell = make_cell(loop, port, Keeper())
    residents.cells[cell.name] = cell
    loop.close()
    return cell


def watch(name: bytes, body: bytes = b"") -> SystemMessage:
    return SystemMessage(WATCHER, NUMBER, name, body)


def test_a_watch_is_kept_until_the_actor_ends(residents: Residents, cell: ActorCell, port: CellPort) -> None:
    """An early one is told before the others."""
    residents.on_watch(watch(cell.name))
    residents.on_watch(SystemMessage(WATCHER, 4, cell.name, BEFORE_HOOKS))
    cell.watchers.leaves(GONE)
    cell.watchers.ended(GONE)
    assert port.sent == [(WATCHER, Kind.DOWN, 4, GONE), (WATCHER, Kind.DOWN, NUMBER, GONE)]


def test_a_watch_may_be_given_up(residents: Residents, cell: ActorCell, port: CellPort) -> None:
    """Of an actor that is gone already, too."""
    residents.on_watch(watch(cell.name))
    residents.on_unwatch(watch(cell.name))
    residents.on_unwatch(watch(b"nobody"))
    cell.watchers.ended(GONE)
    assert port.sent == []


def test_watching_an_actor_that_is_not_there_ends_at_once(residents: Residents, port: CellPort) -> None:
    """There is no such actor."""
    residents.on_watch(watch(b"nobody"))
    assert port.sent == [(WATCHER, Kind.DOWN, NUMBER, DownReason("noproc", "nobody not found"))]


def test_a_watch_that_crosses_the_actors_end_gets_the_true_reason(
    residents: Residents, cell: ActorCell, port: CellPort
) -> None:
    """Its sender could not know yet."""
    residents.forget(cell)
    residents.note_end(cell.name, GONE)
    residents.on_watch(watch(cell.name))
    assert port.sent == [(WATCHER, Kind.DOWN, NUMBER, GONE)]


def test_the_number_of_remembered_ends_is_bounded(residents: Residents) -> None:
    """The last ones; a name used again counts as new."""
    for number in range(REMEMBERED_REASONS + 1):
        residents.note_end(b"%d" % number, GONE)
    residents.note_end(b"1", DownReason("killed"))
    last = residents.last_ends()
    assert len(last) == TOLD_REASONS
    assert (list(last)[-1], last["1"].kind) == ("1", "killed")


def test_statistics_say_what_waits(residents: Residents, cell: ActorCell) -> None:
    """One row for each actor."""
    item = tell("a")
    cell.put(item)
    [(name, host, pid, depth, size, age, handled)] = residents.statistics("host", 12)
    assert (name, host, pid, depth, size, handled) == ("actor", "host", 12, 1, item[7], 0)
    assert age > 0.0
