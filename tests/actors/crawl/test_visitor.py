"""actors/crawl/visitor.py and actors/crawl/surveyor.py: visits over real sockets, however they end."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import pytest

from peerage.actors.crawl.surveyor import MAX_DEATHS, Surveyor
from peerage.actors.crawl.visitor import VisitorActor
from peerage.actors.discovery.survey.network_map import Status
from peerage.actors.discovery.survey.survey import Survey
from peerage.actors.discovery.survey.visit import Errand, Fault, Visited
from peerage.actors.runtime import THREAD, System
from peerage.testing import run_actor
from peerage.wire.keys import NodeKey
from peerage.wire.net_address import NetAddress
from tests.nodes import node_system, system_log_file, wait_until

__all__ = ["node_system", "system_log_file"]

pytestmark = pytest.mark.usefixtures("node_system")

ID = "0" * 39 + "7"
PROCESS_PATIENCE_S = 30.0  # the first visitor's process waits for all that the system imports at its start


def errand_to(port: int) -> Errand:
    return Errand(NetAddress(ID, "127.0.0.1", port))


@contextmanager
def server(serve: Callable[[socket.socket], object]) -> Iterator[tuple[int, list[socket.socket]]]:
    """Serve each connection in turn; yields the port, and the connections so far. They end with the block."""
    connections: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connections.append(connection)
                    with suppress(OSError):
                        serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1], connections
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for connection in connections:
                connection.close()
            thread.join(10.0)


def silent(_connection: socket.socket) -> None:
    """Accepts, and that is all."""


def visit(port: int, timeout: float = 10.0) -> Visited:
    with run_actor(VisitorActor, NodeKey.generate(), timeout, 2, place=THREAD) as visitor:
        visited = visitor.ask(errand_to(port), timeout=30.0)
    assert isinstance(visited, Visited)
    return visited


@pytest.mark.parametrize(
    ("serve", "fault"),
    [
        (lambda connection: connection.close(), Fault.CLOSED),
        (lambda connection: connection.shutdown(socket.SHUT_RDWR), Fault.CLOSED),
        (lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10), Fault.AUTH_FAILURE),
        (lambda connection: connection.sendall(b"\xff" * 4096), Fault.AUTH_FAILURE),
        (lambda connection: connection.sendall(b"\0" * 1_000_000), Fault.AUTH_FAILURE),
    ],
    ids=["closes", "shuts down", "http", "noise", "zeros"],
)
def test_whatever_answers_is_told(serve: Callable[[socket.socket], object], fault: Fault) -> None:
    """No node, and in words what it did."""
    with server(serve) as (port, _):
        visited = visit(port)
    assert (visited.id, visited.fault) == (None, fault)
    assert visited.place == f"127.0.0.1:{port}"


def test_who_says_nothing_costs_the_timeout_and_no_more() -> None:
    """A full CometBFT node does that."""
    with server(silent) as (port, _):
        visited = visit(port, timeout=0.2)
    assert (visited.id, visited.fault) == (None, Fault.SILENT)


def test_nobody_there_is_told() -> None:
    """In the system's words."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    visited = visit(port)
    assert (visited.fault, visited.detail) == (Fault.UNREACHABLE, "Connection refused")


def test_what_this_machine_lacks_is_no_fault_of_the_remote(monkeypatch: pytest.MonkeyPatch) -> None:
    """The visit has not taken place."""
    with run_actor(VisitorActor, NodeKey.generate(), 10.0, 2, place=THREAD) as visitor:

        def lack(*_args: object) -> socket.socket:
            raise OSError(errno.EMFILE, "Too many open files")

        with monkeypatch.context() as patch:
            patch.setattr("peerage.actors.crawl.visitor.socket.socket", lack)
            with pytest.raises(OSError, match="Too many open files"):
                visitor.ask(errand_to(1), timeout=10.0)
        assert visitor.ask(errand_to(1), timeout=10.0).fault is Fault.UNREACHABLE


def surveyor(survey: Survey, note: Callable[[Visited], None] = lambda _visited: None) -> Surveyor:
    key = NodeKey.generate()
    return Surveyor(survey, key, timeout=60.0, requests=2, rate=100.0, max_in_flight=1, note=note)


def has(connections: list[socket.socket], count: int) -> bool:
    return len(connections) == count


def visitors() -> list[int]:
    """The PIDs of visiting processes."""
    return [facts.pid for facts in System.current().hosts() if facts.name.startswith("VisitorActor")]


def test_a_place_that_kills_visitors_is_left_alone_in_the_end() -> None:
    """A visit cut by the death of its process is made again by another, but not for ever."""
    with server(silent) as (port, connections):
        seed = errand_to(port).address
        survey = Survey([seed])
        noted: list[Visited] = []
        thread = threading.Thread(target=lambda: asyncio.run(surveyor(survey, noted.append).run()))
        thread.start()
        try:
            for death in range(1, MAX_DEATHS + 1):
                wait_until(partial(has, connections, death), PROCESS_PATIENCE_S)
                for pid in visitors():
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
        finally:
            thread.join(30.0)
        assert not thread.is_alive()
    assert survey.done
    assert survey.seed_faults() == {seed: f"the visiting process died of it {MAX_DEATHS} times"}
    assert [visited.place for visited in noted] == [seed.dial_string]
    wait_until(lambda: not visitors())


def test_when_the_time_is_over_visits_under_way_are_given_up() -> None:
    """They are not on record: whoever goes on makes them again."""
    with server(silent) as (port, _):
        survey = Survey([errand_to(port).address])
        asyncio.run(surveyor(survey).run(seconds=0.3))
        assert (survey.visits, survey.under_way, survey.waiting) == (0, 0, 1)
        assert [node.status for node in survey.network_map().nodes] == [Status.NOT_VISITED]
    wait_until(lambda: not visitors())


def test_what_noting_a_visit_raises_ends_the_survey() -> None:
    """A full disk, say."""

    def full(_visited: Visited) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with server(lambda connection: connection.close()) as (port, _), pytest.raises(OSError, match="No space"):
        asyncio.run(surveyor(Survey([errand_to(port).address]), full).run())
