"""actors/rpc/cross_site.py: no web page of another site changes anything."""

from __future__ import annotations

import json

import pytest

from peerage.actors.http.cors import CorsRules
from peerage.actors.http.hosts import HostNames
from peerage.actors.rpc.app import rpc_app
from peerage.actors.rpc.cross_site import why_refused
from peerage.actors.rpc.methods import UNSAFE
from tests.actors.http.asgi_exchange import Answer, exchange, scope
from tests.actors.rpc.test_app import SEED, FakeNode

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
HERE = {"Host": "localhost:26657"}
PROGRAMS: list[dict[str, str]] = [
    HERE,
    {**HERE, "User-Agent": "curl/8.5.0"},
    {"Host": "192.168.1.5:26657", "User-Agent": "Go-http-client/1.1"},
    {**HERE, "User-Agent": "node", "Sec-Fetch-Mode": "cors"},
    {"Host": ""},
]
OWN_PAGES: list[dict[str, str]] = [
    {**HERE, **BROWSER, "Sec-Fetch-Site": "none"},
    {**HERE, **BROWSER, "Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:26657"},
    {**HERE, **BROWSER, "Origin": "http://LOCALHOST:26657"},
]
PAGES_OF_OTHERS: list[dict[str, str]] = [
    {**HERE, **BROWSER, "Sec-Fetch-Site": "cross-site"},
    {**HERE, **BROWSER, "Sec-Fetch-Site": "same-site"},
    {**HERE, **BROWSER, "Sec-Fetch-Site": "", "Origin": "null"},
    {**HERE, **BROWSER, "Origin": "https://evil.example.org"},
    {**HERE, **BROWSER, "Origin": "null"},
    {**HERE, "Origin": "http://localhost:8080"},
    {**HERE, **BROWSER},  # an image at an address without TLS: nothing says whose
    {"Host": "evil.example.org:26657"},  # its name leads to us
    {
        "Host": "evil.example.org:26657",
        **BROWSER,
        "Origin": "http://evil.example.org:26657",
        "Sec-Fetch-Site": "same-origin",
    },
]
ANY_PAGE = CorsRules(("*",), ("GET", "POST"), ("*",))
CALLS: dict[str, dict[str, object]] = {
    "dial_seeds": {"seeds": [SEED]},
    "dial_peers": {"peers": [SEED], "persistent": True},
}


def get(node: FakeNode, method: str, headers: dict[str, str]) -> Answer:
    arguments = CALLS.get(method, {}).items()
    query = "&".join(f"{name}={json.dumps(value)}".replace(" ", "") for name, value in arguments)
    return exchange(rpc_app(node, True, cors=ANY_PAGE), "GET", f"/{method}?{query}", b"", headers)


def post(node: FakeNode, method: str, headers: dict[str, str]) -> Answer:
    calls = [
        {"jsonrpc": "2.0", "id": 1, "method": "health"},
        {"jsonrpc": "2.0", "id": 2, "method": method, "params": CALLS.get(method, {})},
    ]
    app = rpc_app(node, True, cors=ANY_PAGE)
    return exchange(app, "POST", "/", json.dumps(calls).encode(), {"Content-Type": "text/plain", **headers})


@pytest.mark.parametrize("headers", [*PROGRAMS, *OWN_PAGES])
@pytest.mark.parametrize("method", CALLS)
def test_programs_and_our_own_pages_may_change_something(method: str, headers: dict[str, str]) -> None:
    """By either way."""
    node = FakeNode()
    assert get(node, method, headers).status == 200
    assert "error" not in post(node, method, headers).text
    assert len(node.calls) == 2


@pytest.mark.parametrize("headers", PAGES_OF_OTHERS)
@pytest.mark.parametrize("method", UNSAFE)
def test_pages_of_other_sites_may_not(method: str, headers: dict[str, str]) -> None:
    """Whatever is allowed to read answers; what only reads is answered as ever."""
    node = FakeNode()
    by_get = get(node, method, headers)
    assert by_get.status == 403
    assert json.loads(by_get.body)["error"]["code"] == -32600
    healthy, refused = json.loads(post(node, method, headers).body)
    assert healthy["result"] == {}
    assert refused["error"]["code"] == -32600
    assert node.calls == []


def test_the_answer_says_why() -> None:
    """In a line that is not longer than it need be."""
    why = why_refused(scope("GET", "/", {**HERE, "Origin": "https://" + "e" * 5000}), HostNames())
    assert why.startswith("a web page of another site has sent it (Origin: https://eee")
    assert len(why) < 300


def test_names_that_the_operator_allows_are_ours() -> None:
    """Behind a proxy, say."""
    headers = {"Host": "rpc.example.org", "Origin": "https://rpc.example.org"}
    assert why_refused(scope("GET", "/", headers), HostNames()) != ""
    assert why_refused(scope("GET", "/", headers), HostNames(("rpc.example.org",))) == ""
