"""actors/crawl/visitor.py: visits over real sockets, however they end."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable

import pytest

from peerage.actors.crawl.visitor import VisitorActor
from peerage.actors.discovery.survey.visit import Fault, Visited
from peerage.actors.runtime import THREAD
from peerage.testing import run_actor
from peerage.wire.keys import NodeKey
from tests.actors.crawl.places import errand_to, server, silent
from tests.nodes import node_system, system_log_file

__all__ = ["node_system", "system_log_file"]

pytestmark = pytest.mark.usefixtures("node_system")


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
