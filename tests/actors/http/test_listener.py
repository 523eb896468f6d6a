"""A server whose process is short of descriptors pauses, and leaves the reserve alone."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from peerage.actors.http.limits import HttpLimits
from peerage.actors.http.listener import pass_over_pauses
from peerage.actors.http.listening import listen
from peerage.actors.http.server import HttpServer
from peerage.actors.runtime.limits import Purpose, kept_for, open_descriptors
from peerage.config.listen_address import ListenAddress

ROOM = 30  # for connections, beyond what is kept


@pytest.fixture
def port() -> Iterator[int]:
    async def home(_request: Any) -> PlainTextResponse:
        return PlainTextResponse("here")

    listener = listen(ListenAddress("tcp", "127.0.0.1", 0))
    number = listener.getsockname()[1]
    server = HttpServer(Starlette(routes=[Route("/", home)]), [listener], name="test", limits=HttpLimits())
    server.start()
    yield number
    server.stop()


def get(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10.0) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return b"".join(iter(lambda: sock.recv(4096), b""))


def test_idle_clients_do_not_take_the_reserve(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """Accepting pauses with the limit's name, once, and goes on when they have gone."""
    caplog.set_level(logging.INFO)
    assert get(port).endswith(b"here")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    # The clients are of this process too: they take half of the room.
    limit = 256
    while limit - kept_for(Purpose.STRANGERS, limit) - open_descriptors() < ROOM:
        limit += 16
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
    clients: list[socket.socket] = []
    paused = threading.Event()
    try:
        while "accepting paused" not in caplog.text and len(clients) < 3 * limit:
            clients.append(socket.create_connection(("127.0.0.1", port), timeout=10.0))
            paused.wait(0.005)
        assert f"of at most {limit} file descriptors open (RLIMIT_NOFILE)" in caplog.text
        spare = limit - open_descriptors()
        assert spare >= kept_for(Purpose.WORK, limit)
        while clients:
            clients.pop().close()
        assert get(port).endswith(b"here")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for client in clients:
            client.close()
    assert caplog.text.count("accepting paused") == 1
    assert "accepting again" in caplog.text


def test_other_faults_of_a_loop_are_told(caplog: pytest.LogCaptureFixture) -> None:
    """Only pauses are passed over."""
    loop = asyncio.new_event_loop()
    try:
        for error in (OSError(24, os.strerror(24)), ValueError("told")):
            pass_over_pauses(loop, {"message": "fault", "exception": error})
    finally:
        loop.close()
    assert "told" in caplog.text
    assert "Too many" not in caplog.text
