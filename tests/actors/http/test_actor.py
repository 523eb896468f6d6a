"""An actor that serves HTTP, in a thread of the test's process."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from peerage.actors.http.actor import HttpActor
from peerage.actors.http.limits import HttpLimits
from peerage.actors.http.listening import GetAddresses
from peerage.actors.http.server import HttpServer, HttpServerDiedError
from peerage.actors.runtime import ActorDeadError, ActorStartError, watch
from peerage.testing import run_actor, wait_until

LIMITS = HttpLimits(max_connections=4)
ANY_PORT = "tcp://127.0.0.1:0"


class Hello(HttpActor):
    """Says hello."""

    socket_name: ClassVar[str] = "hello"

    def application(self) -> ASGIApp:
        return Starlette(routes=[Route("/", lambda _request: PlainTextResponse("hello"))])

    def on_receive(self, message: Any) -> Any:
        if message == "fail":
            raise RuntimeError(message)
        return super().on_receive(message)


go_on, is_over = threading.Event(), threading.Event()  # here: classes travel without locks


class Slow(Hello):
    """Prepares its server when it is told to."""

    def application(self) -> ASGIApp:
        go_on.wait()
        return super().application()

    def _serve(self, socket_files: Sequence[str]) -> None:
        super()._serve(socket_files)
        is_over.set()


def get(address: str) -> str:
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10.0)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def is_refused(address: str) -> bool:
    try:
        get(address)
    except ConnectionRefusedError:
        return True
    except (ConnectionResetError, http.client.RemoteDisconnected):
        return False  # it was still open
    return False


def test_serves_from_its_start_on_and_says_where() -> None:
    """At each address of a list."""
    with run_actor(Hello, f"{ANY_PORT},{ANY_PORT}", LIMITS) as ref:
        addresses = ref.ask(GetAddresses())
        assert [get(address) for address in addresses] == ["hello", "hello"]
        assert ref.ask("something else") is None
    assert all(map(is_refused, addresses))


def test_a_failure_ends_the_server_too() -> None:
    """Whichever way the actor ends."""
    with run_actor(Hello, ANY_PORT, LIMITS) as ref:
        (address,) = ref.ask(GetAddresses())
        ref.tell("fail")
        wait_until(lambda: is_refused(address))
        with pytest.raises(ActorDeadError):
            ref.ask(GetAddresses())


def test_a_server_that_cannot_start_ends_the_actor(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was up before: whoever supervises it starts another."""

    def fail(_self: HttpServer) -> None:
        raise HttpServerDiedError("no thread")

    monkeypatch.setattr(HttpServer, "start", fail)
    with run_actor(Hello, ANY_PORT, LIMITS) as ref:
        assert "no thread" in watch(ref).wait(20.0).text


def test_an_actor_that_ends_before_it_serves_leaves_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that prepares the server finds the actor gone."""
    with run_actor(Slow, ANY_PORT, LIMITS) as ref:
        (address,) = ref.ask(GetAddresses())
    go_on.set()
    assert is_over.wait(20.0)
    assert is_refused(address)


def test_an_address_that_is_none_fails_the_start() -> None:
    with pytest.raises((ActorStartError, ValueError), match="nowhere"), run_actor(Hello, "nowhere", LIMITS):
        pass
