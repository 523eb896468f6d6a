"""The mailbox of a loop, in a system without anybody else: delivery to its actors, and waiting inside a handler."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from peerage.actors.runtime import AskCycleError, ProcessActor
from peerage.actors.runtime.host.cell import ActorCell
from peerage.actors.runtime.host.host_port import HostPort
from peerage.actors.runtime.host.loop import NESTED_LIMIT, Loop
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.exit_reason import DownReason
from peerage.actors.runtime.mail.host_table import THREAD_BITS, HostFacts
from peerage.actors.runtime.mail.process import Process
from peerage.actors.runtime.mail.ref import ActorRef
from peerage.actors.runtime.mail.telling import tell_many
from tests.actors.runtime.host.fakes import Keeper
from tests.actors.runtime.host.fakes import cell as make_cell
from tests.waiting import wait_until

SERIAL = 4
OTHER = 9


class Answerer(ProcessActor):
    """Answers what it is told, and does what can be called."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        self.heard.append(message)
        return message


@pytest.fixture
def loop() -> Iterator[Loop[ActorCell]]:
    loop: Loop[ActorCell] = Loop()
    yield loop
    loop.close()


@pytest.fixture
def cells() -> dict[bytes, ActorCell]:
    return {}


@pytest.fixture
def port(lonely: Process, loop: Loop[ActorCell], cells: dict[bytes, ActorCell]) -> Iterator[HostPort]:
    port = HostPort(lonely, SERIAL << THREAD_BITS, loop, cells, "host")
    loop.read(port.reader)
    lonely.table.up(HostFacts("host", SERIAL, 1), frozenset())
    yield port
    port.close()


@pytest.fixture
def cell(port: HostPort, loop: Loop[ActorCell], cells: dict[bytes, ActorCell]) -> ActorCell:
    return add(port, loop, cells, "actor")


def add(port: HostPort, loop: Loop[ActorCell], cells: dict[bytes, ActorCell], name: str) -> ActorCell:
    cell = make_cell(loop, port, Keeper(), Answerer(), name)
    cells[cell.name] = cell
    return cell


def heard(cell: ActorCell) -> list[Any]:
    assert isinstance(cell.actor, Answerer)
    return cell.actor.heard


def ref(name: str = "actor") -> ActorRef[Any]:
    return ActorRef(name, "host", SERIAL, system="lonely")


def test_a_tell_stands_in_the_actors_mailbox(port: HostPort, loop: Loop[ActorCell], cell: ActorCell) -> None:
    """What is for this host itself skips ZeroMQ."""
    port.tell(ref(), "a", None, False)
    assert (cell.mailbox.depth, list(loop.ready)) == (1, [cell])
    loop.turn(0.0)
    assert heard(cell) == ["a"]


def test_a_batch_counts_as_its_messages(port: HostPort, cell: ActorCell) -> None:
    """And as the bytes that its sender counts."""
    tell_many(port, ref(), [b"a", b"bc"], None, False)
    assert (cell.mailbox.depth, cell.mailbox.size) == (2, 3)


def test_a_tell_for_nobody_is_its_senders_dead_letter(port: HostPort) -> None:
    """Known at once, where the sender is in the same host."""
    port.tell(ref("nobody"), "a", None, False)
    assert port.dead_letters == 1


def test_an_ask_of_nobody_fails(port: HostPort) -> None:
    """As known at once."""
    assert "not found" in str(port.ask(ref("nobody"), "a").error)


def test_the_sender_is_the_actor_that_runs(port: HostPort, cell: ActorCell) -> None:
    """And nobody between two of them."""
    assert port.sender == b""
    cell.enter()
    assert port.sender == cell.identity
    cell.leave()


def test_an_actor_that_waits_for_its_neighbour_lets_it_run(
    port: HostPort, loop: Loop[ActorCell], cells: dict[bytes, ActorCell], cell: ActorCell
) -> None:
    """They share a thread; the waiting one stays on the stack, and says what it waits for."""
    neighbour = add(port, loop, cells, "neighbour")
    cell.enter()
    future = port.ask(ref("neighbour"), "a")
    assert port.wait_for(future, 5.0)
    cell.leave()
    assert (future.get(timeout=0), heard(neighbour)) == ("a", ["a"])
    assert (cell.waiting, loop.depth) == (None, 0)


def test_a_wait_ends_when_its_time_is_over(port: HostPort, cell: ActorCell) -> None:
    """Without the answer."""
    cell.enter()
    future = port.ask(ref("actor"), "a")
    future.asked.route = None  # as one from elsewhere: here it would be a cycle
    assert not port.wait(lambda: future.done, 0.0)
    cell.leave()


def test_an_ask_of_an_actor_that_waits_below_is_refused_at_once(port: HostPort, cell: ActorCell) -> None:
    """It would wait for itself."""
    cell.enter()
    future = port.ask(ref("actor"), "a")
    assert port.wait_for(future, 5.0)
    cell.leave()
    assert isinstance(future.error, AskCycleError)


def test_an_actor_that_fills_its_own_mailbox_does_not_wait_for_room(port: HostPort, cell: ActorCell) -> None:
    """Nobody else could make any."""
    route = port.route(ref())
    assert route is not None
    cell.enter()
    assert not port.wait_for_room(route, 1 << 40, None)
    cell.leave()


def test_the_nesting_of_waits_is_bounded(port: HostPort, loop: Loop[ActorCell], cell: ActorCell) -> None:
    """Below that a blocked handler lets nobody else run: the stack would grow without end."""
    port.tell(ref(), "a", None, False)
    loop.stack.append(cell)
    loop.depth = NESTED_LIMIT
    port.run_others(0.01)
    assert heard(cell) == []
    loop.depth = 0

    def has_heard() -> bool:
        port.run_others(0.01)
        return heard(cell) == ["a"]

    wait_until(has_heard)  # what was told comes by a socket, and a turn does not wait for it
    loop.stack.clear()


def test_last_words_are_waited_for(port: HostPort, loop: Loop[ActorCell], lonely: Process) -> None:
    """What a host sent before it ended may be on its way: the ask is given up when nothing can come any more."""
    lonely.table.up(HostFacts("other", OTHER, 77), frozenset())
    future = port.requests.ask(OTHER << THREAD_BITS, Kind.QUERY)
    lonely.table.down(OTHER, DownReason("normal"), frozenset(), gracefully=True)
    port.losses.sweep()
    assert not future.done
    began = time.monotonic()
    while not future.done and time.monotonic() - began < 5.0:
        loop.turn(5.0)
    assert "ended before it answered" in str(future.error)
