"""RPC over a WebSocket: the same handshakes and messages to us and to CometBFT v0.38.26 (recorded) have the same answers."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, cast

import pytest
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.sync.client import ClientConnection, connect

from peerage.actors.http.cors import CorsRules
from peerage.actors.http.limits import HttpLimits
from peerage.actors.http.listening import listen
from peerage.actors.http.server import HttpServer
from peerage.actors.rpc.app import rpc_app
from peerage.config.listen_address import ListenAddress
from tests.actors.http.asgi_exchange import exchange
from tests.actors.rpc.test_app import FakeNode, without_wording

RECORDED = json.loads(Path(__file__).with_name("test_websocket_recorded.json").read_text())
LAST = '{"id":"last","method":"health"}'
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": KEY,
}
# Where we answer on purpose what CometBFT does not.
BETTER: dict[str, Any] = {
    # A browser would let any page read what comes.
    "of another origin": 403,
    # There the call panics: the ID is lost.
    "no parameters": {
        "jsonrpc": "2.0",
        "id": 1,
        "error": {"code": -32603, "message": "Internal error", "data": "no seeds provided"},
    },
}


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """A server for all tests of this module."""
    sock = listen(ListenAddress.parse("tcp://127.0.0.1:0"))
    place = sock.getsockname()
    server = HttpServer(rpc_app(FakeNode(), True), [sock], name="websocket", limits=HttpLimits())
    server.start()
    try:
        yield place
    finally:
        assert server.stop()


def opened(address: tuple[str, int], **options: Any) -> ClientConnection:
    url = f"ws://{address[0]}:{address[1]}/websocket"
    client: ClientConnection = connect(url, compression=None, proxy=None, **options)
    return client


@pytest.mark.parametrize("case", RECORDED["handshakes"], ids=lambda case: str(case["name"]))
def test_handshakes_are_cometbfts(case: dict[str, Any], address: tuple[str, int]) -> None:
    """Status, headers and body, of an upgrade and of a refusal; and what there is over a WebSocket only."""
    method, _, _ = case["request"].partition(" ")
    with socket.create_connection(address, timeout=5.0) as client:
        client.sendall(case["request"].replace("'", "%27").encode())
        with HTTPResponse(client, method=method) as answer:
            answer.begin()
            body = b"" if answer.status == 101 else answer.read()
    if case["name"] in BETTER:
        assert answer.status == BETTER[case["name"]]
        return
    found = {name.lower(): value for name, value in answer.getheaders()}
    assert answer.status == case["status"]
    assert found.items() >= case["headers"].items()
    assert body.decode() == case["body"]


@pytest.mark.parametrize("case", RECORDED["messages"], ids=lambda case: str(case["name"]))
def test_answers_are_cometbfts(case: dict[str, Any], address: tuple[str, int]) -> None:
    """One message, one answer or none; there are no batches. Errors but for the words of Go's JSON library."""
    text = " " * case.get("fill", 0) + case["text"]
    with opened(address) as client:
        client.send(text.encode() if case.get("binary") else text)
        if case.get("close"):
            with pytest.raises(ConnectionClosedError):
                client.recv(timeout=5.0)
            assert client.close_code == case["close"]
            return
        client.send(LAST)
        answers = [client.recv(timeout=5.0)]
        if '"last"' not in cast("str", answers[0]):
            answers.append(client.recv(timeout=5.0))
    *own, _last = map(json.loads, answers)
    if case["name"] in BETTER:
        assert own == [BETTER[case["name"]]]
    elif not case["answer"]:
        assert own == []
    else:
        expected = json.loads(case["answer"])
        assert [with_meaning(each) for each in own] == [with_meaning(expected)]
        if "result" in expected:
            assert answers[0] == case["answer"]


def with_meaning(answer: dict[str, Any]) -> dict[str, Any]:
    """Without the words of Go's JSON library."""
    data = answer.get("error", {}).get("data", "")
    if data.startswith("error converting"):
        return {**answer, "error": {**answer["error"], "data": data.partition(": ")[0]}}
    return cast("dict[str, Any]", without_wording(answer))


def test_requests_one_after_another_are_answered_in_their_order(address: tuple[str, int]) -> None:
    """As many as there are, without waiting. Pings are answered too."""
    with opened(address) as client:
        for number in range(50):
            client.send(json.dumps({"id": number, "method": "status"}))
        assert [json.loads(client.recv(timeout=5.0))["id"] for _ in range(50)] == list(range(50))
        assert client.ping().wait(20.0)


def test_websockets_count_as_connections() -> None:
    """`rpc.max_open_connections` is for both: an open WebSocket takes a place, and gives it back."""
    sock = listen(ListenAddress.parse("tcp://127.0.0.1:0"))
    address = sock.getsockname()
    server = HttpServer(rpc_app(FakeNode(), True), [sock], name="few", limits=HttpLimits(max_connections=1))
    server.start()
    try:
        with opened(address) as first:
            first.send(LAST)
            first.recv(timeout=5.0)
            with socket.create_connection(address, timeout=5.0) as client:
                assert client.recv(100).startswith(b"HTTP/1.1 503 ")
        with opened(address) as second:
            second.send(LAST)
            assert "result" in json.loads(second.recv(timeout=5.0))
            assert server.stop()
            with pytest.raises(ConnectionClosedOK):
                second.recv(timeout=5.0)
            assert second.close_code == 1001
    finally:
        assert server.stop()


def test_client_that_does_not_await_the_upgrade_is_cut_off(address: tuple[str, int]) -> None:
    """As by Go's library: what it has sent may be anything."""
    head = "".join(f"{name}: {value}\r\n" for name, value in {"host": "x", **UPGRADE}.items())
    with socket.create_connection(address, timeout=5.0) as client:
        client.sendall(f"GET /websocket HTTP/1.1\r\n{head}\r\n".encode() + b"\x81\x80\x00\x00\x00\x00")
        assert client.recv(100) == b""


@pytest.mark.parametrize(
    ("origin", "allowed", "status"),
    [
        ("", (), 400),
        ("http://test", (), 400),
        ("http://TEST", (), 400),
        ("https://wallet.example", (), 403),
        ("https://wallet.example", ("https://*.example",), 400),
        ("https://wallet.example", ("*",), 400),
        ("null", (), 403),
    ],
)
def test_pages_of_other_origins_need_to_be_allowed(
    origin: str, allowed: tuple[str, ...], status: int
) -> None:
    """As over HTTP, though a browser asks nobody. (400 is for want of a connection to hand over.)"""
    app = rpc_app(FakeNode(), False, cors=CorsRules(allowed, ("GET",)))
    headers = UPGRADE | ({"origin": origin} if origin else {})
    assert exchange(app, "GET", "/websocket", b"", headers).status == status


def test_what_changes_something_is_refused_to_web_pages(address: tuple[str, int]) -> None:
    """Also to one that may read: it is the upgrade that tells who sends."""
    with opened(address, user_agent_header="Mozilla/5.0") as client:
        client.send('{"id":1,"method":"dial_seeds","params":[["x"]]}')
        answer = json.loads(client.recv(timeout=5.0))
        assert answer["error"]["code"] == -32600
        assert "browser" in answer["error"]["data"]
        client.send('{"id":2,"method":"status"}')
        assert "result" in json.loads(client.recv(timeout=5.0))
