"""actors/http/rules.py: what Go's server would not let through to a handler."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from peerage.actors.http.rules import AsGoServes
from tests.actors.http.asgi_exchange import exchange, scope


async def echo_path(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that says what it was asked for."""
    await PlainTextResponse(f"{scope['path']} {scope['raw_path'].decode()}")(scope, receive, send)


def with_version(app: ASGIApp, version: str) -> ASGIApp:
    async def changed(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "http_version": version}, receive, send)

    return changed


@pytest.mark.parametrize(
    ("method", "target", "headers", "status"),
    [
        ("GET", "/a%41", {}, 200),
        ("GET", "http://other:1/a", {}, 200),
        ("OPTIONS", "*", {}, 200),
        ("GET", "*", {}, 400),
        ("GET", "a", {}, 400),
        ("GET", "/%zz", {}, 400),
        ("GET", "/?%zz", {}, 200),
        ("CONNECT", "/", {}, 405),
        ("GET", "/", {"X": "a\x01b"}, 400),
        ("GET", "/", {"X": "a\tb\xff"}, 200),
        ("GET", "/", {"Host": "a<b>"}, 400),
        ("GET", "/", {"Host": "[::1]:26657"}, 200),
        ("GET", "/", {"Expect": "100-Continue"}, 200),
        ("GET", "/", {"Expect": "more"}, 417),
    ],
)
def test_requests_are_let_through_as_by_go(
    method: str, target: str, headers: dict[str, Any], status: int
) -> None:
    """Checked against CometBFT in test_hostile.py; here a rule at a time."""
    assert exchange(AsGoServes(echo_path), method, target, b"", headers).status == status


@pytest.mark.parametrize(
    ("version", "status"), [("1.0", 200), ("1.1", 200), ("1.9", 200), ("2.0", 505), ("3.7", 505)]
)
def test_other_versions_of_http_are_refused(version: str, status: int) -> None:
    """h11 takes any."""
    assert exchange(with_version(AsGoServes(echo_path), version), "GET", "/").status == status


@pytest.mark.parametrize(
    ("target", "path"),
    [("http://x/a%41?b", "/aA /a%41"), ("HTTP://x", "/ /"), ("/http://x/", "/http://x/ /http://x/")],
)
def test_application_sees_a_path_whatever_form_the_target_has(target: str, path: str) -> None:
    """Proxies ask with the whole address."""
    assert scope("GET", target)["type"] == "http"
    assert exchange(AsGoServes(echo_path), "GET", target).text == path
