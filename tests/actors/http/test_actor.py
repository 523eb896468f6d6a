"""An actor that serves HTTP, in a thread of the test's process."""

from __future__ import annotations

import http.client
import socket
import threading
from pathlib import Path
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


go_on, is_over, is_preparing = (
    threading.Event(),
    threading.Event(),
    threading.Event(),
)  # here: classes travel without locks


class Slow(Hello):
    """Prepares its server when it is told to."""

    def application(self) -> ASGIApp:
        is_preparing.set()
        go_on.wait()
        return super().application()

    def _serve(self) -> None:
        super()._serve()
        is_over.set()


class Noting(Hello):
    """Counts how often a server was prepared."""

    prepared = 0

    def application(self) -> ASGIApp:
        self.prepared += 1
        return super().application()

    def on_receive(self, message: Any) -> Any:
        return self.prepared if message == "prepared" else super().on_receive(message)


def call(address: str) -> socket.socket:
    """A client that has connected, and asks for nothing yet."""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    return socket.create_connection((host, int(port)), timeout=10.0)


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


def test_there_is_no_server_before_the_first_client() -> None:
    """An idle service takes no memory for one. All addresses share the one that is made then."""
    with run_actor(Noting, f"{ANY_PORT},{ANY_PORT}", LIMITS) as ref:
        addresses = ref.ask(GetAddresses())
        assert ref.ask("prepared") == 0
        assert [get(address) for address in addresses] == ["hello", "hello"]
        assert ref.ask("prepared") == 1


def test_without_a_thread_for_its_server_the_actor_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit of the operating system is met when a client comes: that must not end what ran before."""
    starts: list[str] = []
    start_thread = threading.Thread.start

    def refuse_first(thread: threading.Thread) -> None:
        if thread.name == "hello-start":
            starts.append(thread.name)
            if len(starts) == 1:
                raise RuntimeError("can't start new thread")
        start_thread(thread)

    monkeypatch.setattr("peerage.actors.http.actor.CHECK_INTERVAL_S", 0.0)
    with run_actor(Hello, ANY_PORT, LIMITS) as ref:
        (address,) = ref.ask(GetAddresses())
        monkeypatch.setattr(threading.Thread, "start", refuse_first)
        assert get(address) == "hello"
        assert len(starts) == 2


def test_a_socket_file_goes_with_an_actor_that_nobody_called(tmp_path: Path) -> None:
    """As it does with a server."""
    path = tmp_path / "http.sock"
    with run_actor(Hello, f"unix://{path}", LIMITS) as ref:
        assert ref.ask(GetAddresses()) == (f"unix://{path}",)
        assert path.is_socket()
    assert not path.exists()


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
        (address,) = ref.ask(GetAddresses())
        with call(address):
            assert "no thread" in watch(ref).wait(20.0).text


def test_an_actor_that_ends_before_it_serves_leaves_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that prepares the server finds the actor gone."""
    with run_actor(Slow, ANY_PORT, LIMITS) as ref:
        (address,) = ref.ask(GetAddresses())
        call(address).close()
        assert is_preparing.wait(20.0)
    go_on.set()
    assert is_over.wait(20.0)
    assert is_refused(address)


def test_an_address_that_is_none_fails_the_start() -> None:
    with pytest.raises((ActorStartError, ValueError), match="nowhere"), run_actor(Hello, "nowhere", LIMITS):
        pass
