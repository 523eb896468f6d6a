"""actors/rpc/dashboard/layer.py: who gets the page, and what a browser is told about it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from peerage.actors.http.hosts import HostNames
from peerage.actors.rpc.dashboard.layer import DashboardLayer, files
from tests.actors.http.asgi_exchange import exchange

PAGE, STYLE, SCRIPT = (
    files()["index.html"][0].decode(),
    files()["style.css"][0].decode(),
    files()["main.js"][0].decode(),
)
SCRIPTS = {name: content.decode() for name, (content, _kind, _tag) in files().items() if name.endswith(".js")}

MARKUP_WAYS = (
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "eval(",
    "Function(",
    "DOMParser",
    "srcdoc",
)


def get(
    path: str, *, where: str = "loopback", host: str = "127.0.0.1", server: str = "127.0.0.1", **headers: str
) -> Any:
    layer = DashboardLayer(PlainTextResponse("RPC"), where, HostNames(("node.example.org",)))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await layer({**scope, "server": (server, 26657)}, receive, send)

    return exchange(app, "GET", path, headers={"Host": host, **headers})


def test_the_page_and_its_files_are_served() -> None:
    """Each with its type; names of others are not found, and everything else is RPC's."""
    assert get("/dashboard").status == 308
    assert get("/dashboard/").headers["content-type"].startswith("text/html")
    assert get("/dashboard/main.js").headers["content-type"].startswith("text/javascript")
    for missing in ("/dashboard/nothing", "/dashboard/../layer.py", "/dashboard/%2e%2e/layer.py"):
        assert get(missing).status == 404
    assert [get(path).body for path in ("/", "/dashboards", "/status")] == [b"RPC"] * 3


@pytest.mark.parametrize(
    ("where", "server", "served"),
    [
        ("loopback", "127.0.0.1", True),
        ("loopback", "::1", True),
        ("loopback", "192.0.2.1", False),
        ("any", "192.0.2.1", True),
        ("off", "127.0.0.1", False),
    ],
)
def test_it_is_where_the_operator_wants_it(where: str, server: str, served: bool) -> None:
    """Elsewhere RPC says what it says of any path that it does not have."""
    assert (get("/dashboard/", where=where, server=server).body != b"RPC") is served


def test_a_name_that_a_stranger_can_have_is_refused() -> None:
    """At any address, or a page could read it by a name of its own that leads here."""
    for where, server in (("loopback", "127.0.0.1"), ("any", "192.0.2.1")):
        assert get("/dashboard/", where=where, server=server, host="evil.example.org").status == 403
        assert get("/dashboard/", where=where, server=server, host="node.example.org").status == 200


def test_a_browser_runs_nothing_but_our_files() -> None:
    """Whatever comes to stand in the page."""
    policy = get("/dashboard/").headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert get("/dashboard/style.css").headers["x-content-type-options"] == "nosniff"


def test_what_a_browser_has_is_not_sent_again() -> None:
    """Unless the file has changed."""
    tag = get("/dashboard/main.js").headers["etag"]
    answer = get("/dashboard/main.js", **{"If-None-Match": tag})
    assert (answer.status, answer.body) == (304, b"")
    assert get("/dashboard/style.css", **{"If-None-Match": tag}).status == 200


def test_nothing_is_loaded_from_elsewhere() -> None:
    """No link, script or picture but our own, each of which is there."""
    named = re.findall(r'(?:src|href)="([^"#]+)"', PAGE)
    assert set(named) == {"icon.svg", "style.css", "main.js", "../../../dashboard/"}  # the page of all chains
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    for text in SCRIPTS.values():
        assert {f"./{name}" for name in SCRIPTS} >= set(re.findall(r'from "([^"]+)"', text))


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_make_no_markup_of_what_they_show(name: str) -> None:
    """Nor code."""
    assert [way for way in MARKUP_WAYS if way in SCRIPTS[name]] == []
