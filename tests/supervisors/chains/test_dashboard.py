"""The dashboard of all chains: who gets which of its pages, and what of a node is passed on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from peerage.supervisors.chains import dashboard
from peerage.supervisors.chains.dashboard import chains_dashboard, page_files
from peerage.supervisors.chains.keeper import ChainState, ChainStatus
from peerage.supervisors.chains.overview import ChainPlace
from tests.actors.http.asgi_exchange import exchange
from tests.actors.rpc.dashboard.test_layer import MARKUP_WAYS

SCRIPTS = {name: file[0].decode() for name, file in page_files().items() if name.endswith(".js")}


class Relay:
    """In place of a node: says what it was asked."""

    def __init__(self, socket: Path, _state: Any) -> None:
        self._socket = socket

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        text = f"{self._socket.parent.name} {scope['path']} {scope['raw_path'].decode()}"
        await PlainTextResponse(text)(scope, receive, send)


@pytest.fixture(autouse=True)
def no_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "NodeRelay", Relay)


def get(
    path: str,
    wheres: tuple[str, ...] = ("loopback", "loopback"),
    *,
    host: str = "127.0.0.1",
    server: str = "127.0.0.1",
    method: str = "GET",
) -> Any:
    """Ask for something of a seed with the chains a-0, a-1 …"""
    places = [
        ChainPlace(f"a-{index}", Path(f"/a-{index}/node.sock"), Path(f"/a-{index}/rpc.sock"), where)
        for index, where in enumerate(wheres)
    ]
    statuses = [ChainStatus(place.id, ChainState.WAITING, "", 0, 1, "exit code 1") for place in places]
    inner = chains_dashboard(places, lambda: statuses, ("seed.example.org",))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await inner({**scope, "server": (server, 26661)}, receive, send)

    return exchange(app, method, path, headers={"Host": host})


def test_the_page_of_all_chains_is_served() -> None:
    """With its files, and how the chains stand; other names are not found."""
    assert get("/").headers["location"] == "/dashboard/"
    assert b"Chains of this seed" in get("/dashboard/").body
    assert get("/dashboard/chains.js").headers["content-type"].startswith("text/javascript")
    assert b'"chain": "a-1", "state": "waiting", "is_up": false, "why": "exit code 1"' in get("/chains").body
    for missing in (
        "/nothing",
        "/chains/",
        "/chains/a-7/dashboard/",
        "/chains/a-1",
        "/dashboard/../keeper.py",
    ):
        assert get(missing).status == 404, missing


def test_the_page_of_each_chain_is_below() -> None:
    """It is the one that the node itself serves, and asks that node."""
    assert get("/chains/a-1/dashboard").headers["location"] == "/chains/a-1/dashboard/"
    assert b'<script type="module" src="main.js">' in get("/chains/a-1/dashboard/").body
    assert get("/chains/a-1/peers?limit=3").body == b"a-1 /peers /peers"


@pytest.mark.parametrize(
    "path", ["/net_info", "/ban?subject=x", "/close_peer", "/", "/peers/x", "/openapi.json", "/websocket"]
)
def test_no_more_of_a_node_is_passed_on_than_its_page_asks_for(path: str) -> None:
    """Nothing that changes anything."""
    assert get(f"/chains/a-1{path}").status == 404


@pytest.mark.parametrize(
    ("wheres", "server", "all_chains", "first", "second"),
    [
        (("loopback", "loopback"), "127.0.0.1", 200, 200, 200),
        (("loopback", "loopback"), "192.0.2.1", 404, 403, 403),
        (("any", "any"), "192.0.2.1", 200, 200, 200),
        (("any", "loopback"), "192.0.2.1", 404, 200, 403),
        (("off", "loopback"), "127.0.0.1", 200, 404, 200),
        (("off", "off"), "127.0.0.1", 404, 404, 404),
    ],
)
def test_each_chain_is_told_where_its_operator_wants_it(
    wheres: tuple[str, ...], server: str, all_chains: int, first: int, second: int
) -> None:
    """As with a node alone; the page of all is told everywhere only if every chain is."""
    assert get("/dashboard/", wheres, server=server).status == all_chains
    assert get("/chains", wheres, server=server).status == all_chains
    for path in ("a-0", "a-1"):
        expected = first if path == "a-0" else second
        assert get(f"/chains/{path}/peers", wheres, server=server).status == expected
        page = get(f"/chains/{path}/dashboard/", wheres, server=server).status
        assert (page == 200) is (expected == 200)


@pytest.mark.parametrize("path", ["/dashboard/", "/chains", "/chains/a-1/dashboard/", "/chains/a-1/peers"])
def test_a_name_that_a_stranger_can_have_is_refused(path: str) -> None:
    """At any address, as with a node alone."""
    for wheres, server in ((("any", "any"), "192.0.2.1"), (("loopback", "loopback"), "127.0.0.1")):
        assert get(path, wheres, server=server, host="evil.example.org").status == 403
        assert get(path, wheres, server=server, host="seed.example.org").status == 200


def test_nothing_is_loaded_from_elsewhere() -> None:
    """Each file that is named is there."""
    page = page_files()["index.html"][0].decode()
    assert set(re.findall(r'(?:src|href)="([^"#]+)"', page)) == {"icon.svg", "style.css", "chains.js"}
    for text in SCRIPTS.values():
        assert {f"./{name}" for name in SCRIPTS} >= set(re.findall(r'from "([^"]+)"', text))


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_make_no_markup_of_what_they_show(name: str) -> None:
    """Nor code."""
    assert [way for way in MARKUP_WAYS if way in SCRIPTS[name]] == []
