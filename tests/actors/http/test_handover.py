"""actors/http/handover.py: an application ends HTTP on a connection, and something else goes on."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
from starlette.types import Receive, Scope, Send

from peerage.actors.http.handover import HANDOVER, HandedOver
from peerage.actors.http.limits import HttpLimits
from tests.actors.http.test_protocol import serving
from tests.nodes import wait_until

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"


class Echo(asyncio.Protocol):
    """Says everything twice."""

    def __init__(self, connection: HandedOver) -> None:
        self.transport = connection.transport
        self._connection = connection

    def begin(self) -> None:
        self.transport.resume_reading()

    def shutdown(self) -> None:
        self.transport.write(b"bye")
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        assert self._connection.share.hold(len(data))
        self.transport.write(data * 2)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.forget()


async def upgrade(scope: Scope, _receive: Receive, _send: Send) -> None:
    scope["extensions"][HANDOVER](b"HTTP/1.1 101 Switching Protocols\r\n\r\n", Echo)


def read(client: socket.socket, most: int) -> bytes:
    found = b""
    while len(found) < most and (data := client.recv(most - len(found))):
        found += data
    return found


def test_successor_has_the_connection_for_as_long_as_it_likes() -> None:
    """HTTP's times are over; a stopping server tells it."""
    with serving(upgrade, HttpLimits(read_timeout_s=0.05, write_timeout_s=0.05)) as port:
        client = socket.create_connection(("127.0.0.1", port), timeout=5.0)
        client.sendall(REQUEST)
        assert read(client, 36).startswith(b"HTTP/1.1 101 ")
        client.settimeout(0.1)  # twice the times of HTTP, and it has said nothing
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(5.0)
        client.sendall(b"hello")
        assert read(client, 10) == b"hellohello"
    with client:
        assert read(client, 10) == b"bye"


def test_client_that_did_not_wait_is_cut_off() -> None:
    """What it has sent behind its request is neither HTTP nor an answer to ours."""
    with serving(upgrade, HttpLimits()) as port, socket.create_connection(("127.0.0.1", port), 5.0) as client:
        client.sendall(REQUEST + b"x")
        assert read(client, 10) == b""


UNREAD = bytes(64 << 20)  # more than the kernel takes for a client that does not read


async def upgrade_behind_much(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/":
        await upgrade(scope, receive, send)
        return
    head = [(b"content-length", b"%d" % len(UNREAD))]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": UNREAD})


def test_client_that_does_not_read_what_it_was_answered_is_cut_off() -> None:
    """HTTP was told that it does not, and its successor never would be: it would answer without a bound. Its place is
    another's.
    """
    with (
        serving(upgrade_behind_much, HttpLimits(max_connections=1, write_timeout_s=60.0)) as port,
        socket.create_connection(("127.0.0.1", port), 20.0) as client,
    ):
        client.sendall(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n" + REQUEST)
        wait_until(lambda: is_upgraded(port), what="its place")
        with contextlib.suppress(ConnectionResetError):
            found = b""
            while data := client.recv(1 << 20):
                found = (found + data)[-100:]
            assert b"101 Switching" not in found


def is_upgraded(port: int) -> bool:
    """Whether there is a place for one more connection."""
    with socket.create_connection(("127.0.0.1", port), 20.0) as client:
        with contextlib.suppress(ConnectionError):
            client.sendall(REQUEST)
            return read(client, 36).startswith(b"HTTP/1.1 101 ")
        return False
