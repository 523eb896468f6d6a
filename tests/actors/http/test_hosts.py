"""actors/http/hosts.py: whoever comes under a stranger's name is not let in."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from peerage.actors.http.hosts import HostLayer, HostNames
from tests.actors.http.asgi_exchange import exchange

OURS = ["", "127.0.0.1", "127.0.0.1:26657", "[::1]:26657", "[::ffff:127.0.0.1]", "localhost", "LOCALHOST:1", "x",
        "node0:26657", "rpc.localhost", "192.168.1.5:1", "0.0.0.0:26657", "localhost."]  # fmt: skip
THEIRS = ["evil.example.org", "evil.example.org:26657", "127.0.0.1.example.org", "example.org.", "a:b:c", "[x]y",
          "localhost.example.org:1", "[::1].example.org", "127.0.0.1:80@example.org"]  # fmt: skip


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """An application."""
    await PlainTextResponse("hello")(scope, receive, send)


def at(app: ASGIApp, server: Any) -> ASGIApp:
    """The application as if its requests had arrived there."""

    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "server": server}, receive, send)

    return changed


@pytest.mark.parametrize("host", OURS)
def test_names_that_no_stranger_can_have_are_known(host: str) -> None:
    """A browser that has one of them in its address bar shows our page and no other."""
    assert HostNames().knows(host)


@pytest.mark.parametrize("host", THEIRS)
def test_others_are_not(host: str) -> None:
    """Whoever owns such a name can have it lead to us."""
    assert not HostNames().knows(host)


def test_a_machine_s_own_name_is_known() -> None:
    """With its domain, if it is called so."""
    assert HostNames().knows(f"{socket.gethostname()}:26657")


def test_the_operator_allows_others() -> None:
    """A proxy passes on its own name; with a star any name will do, but nothing that is none."""
    names = HostNames(("RPC.example.org",))
    assert names.knows("rpc.Example.org:443")
    assert not names.knows("example.org")
    assert HostNames(("*",)).knows("evil.example.org")
    assert not HostNames(("*",)).knows("a.b:c:d")


@pytest.mark.parametrize(
    ("server", "status"),
    [
        (("127.0.0.1", 26657), 403),
        (("127.9.9.9", 26657), 403),
        (("::1", 26657), 403),
        (("::ffff:127.0.0.1", 26657), 403),
        (("192.168.1.5", 26657), 200),
        (("2001:db8::1", 26657), 200),
        (("/run/rpc.sock", None), 200),
        (("a name", 1), 200),
        (None, 200),
    ],
)
def test_a_page_does_not_reach_its_reader_s_machine(server: Any, status: int) -> None:
    """Elsewhere services have names of all kinds."""
    app = at(HostLayer(hello, HostNames()), server)
    assert exchange(app, "GET", "/", b"", {"Host": "evil.example.org:26657"}).status == status
    assert exchange(app, "GET", "/", b"", {"Host": "localhost:26657"}).status == 200


def test_the_answer_says_what_is_expected() -> None:
    """On one line, whatever the header was."""
    app = at(HostLayer(hello, HostNames()), ("127.0.0.1", 1))
    answer = exchange(app, "GET", "/", b"", {"Host": "a.b" + "c" * 5000})
    assert answer.status == 403
    assert b"peerage.http_hosts" in answer.body
    assert len(answer.body) < 500


def test_what_is_no_request_is_handed_on() -> None:
    """A lifespan, say."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    asyncio.run(HostLayer(app, HostNames())({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
