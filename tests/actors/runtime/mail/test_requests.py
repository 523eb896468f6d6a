"""actors/runtime/mail/requests.py: questions to hosts and to the root, which no window bounds."""

from __future__ import annotations

from typing import Any, cast

import pytest

from peerage.actors.runtime import ActorDeadError, Future, LimitReachedError
from peerage.actors.runtime.mail.codec import decode
from peerage.actors.runtime.mail.envelope import Kind
from peerage.actors.runtime.mail.host_table import ROOT_ADDRESS, ROOT_SERIAL
from peerage.actors.runtime.mail.requests import NUMBER, Requests
from tests.actors.runtime.mail.fakes import ADDRESS, HOST, Port


@pytest.fixture
def port() -> Port:
    return Port()


@pytest.fixture
def requests(port: Port) -> Requests:
    return Requests(port)  # type: ignore[arg-type]  # of a port it takes what the fake has


def test_a_question_goes_to_a_host_and_waits_for_the_answer(port: Port, requests: Requests) -> None:
    future = requests.ask(ADDRESS, Kind.QUERY, "pid", target=b"actor")
    [(address, kind, number, target, body)] = port.sent
    assert (address, kind, target, decode(0, body, ())) == (ADDRESS, Kind.QUERY, b"actor", "pid")
    assert port.asks.open[number].waiter is future
    assert cast("Any", future.port) is port
    assert not future.done


def test_a_host_that_has_ended_is_not_asked(port: Port, requests: Requests) -> None:
    """The root is asked whatever is known of it: it is the embedder itself."""
    port.table.dead |= {HOST, ROOT_SERIAL}
    assert str(requests.ask(ADDRESS, Kind.QUERY).error) == "the host has ended"
    assert not port.sent
    assert not requests.ask(ROOT_ADDRESS, Kind.KILL, ("host", 7)).done


def test_where_there_is_no_descriptor_for_a_way_the_future_fails(port: Port, requests: Requests) -> None:
    """Nothing is expected then."""
    port.lack = LimitReachedError("a way to host 'host'", "too many")
    future = requests.ask(ADDRESS, Kind.QUERY)
    assert future.error is port.lack
    assert not port.asks


def test_a_closed_port_asks_nothing(port: Port, requests: Requests) -> None:
    port.closed = True
    with pytest.raises(ActorDeadError, match="closed"):
        requests.ask(ADDRESS, Kind.QUERY)


def test_a_future_that_is_there_already_may_be_asked_for(port: Port, requests: Requests) -> None:
    """By its number, in the process where it is at home."""
    future: Future[Any] = Future()
    requests.ask_about(future, ADDRESS, Kind.READ, 12)
    [(_address, kind, number, _target, body)] = port.sent
    assert (kind, NUMBER.unpack(body)) == (Kind.READ, (12,))
    assert port.asks.open[number].waiter is future


def test_nothing_is_asked_of_a_process_that_has_ended(port: Port, requests: Requests) -> None:
    port.table.dead.add(HOST)
    future: Future[Any] = Future()
    requests.ask_about(future, ADDRESS, Kind.READ, 12)
    assert str(future.error) == "its process has ended (killed: by SIGKILL)"
