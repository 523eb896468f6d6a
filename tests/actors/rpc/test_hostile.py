"""Requests that nobody should send: answered as CometBFT does, on every route, and nothing is logged."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peerage.actors.http.limits import HttpLimits
from peerage.actors.http.listening import listen
from peerage.actors.http.protocol import BrokenBody
from peerage.actors.http.server import HttpServer
from peerage.actors.metrics.app import SharedAggregate, metrics_app
from peerage.actors.metrics.families import FAMILIES
from peerage.actors.metrics.settings import MetricsSettings
from peerage.actors.rpc.app import BROKEN_BODY, rpc_app
from peerage.config.listen_address import ListenAddress
from peerage.wire.net_address import NetAddress, no_names
from tests.actors.rpc.hostile_requests import REQUESTS, answer_of, exchange_raw
from tests.actors.rpc.test_app import FakeNode

RECORDED = json.loads(Path(__file__).with_name("test_hostile.json").read_text())
REFUSED = {"status": 405, "type": "text/plain; charset=utf-8"}
# What CometBFT resets, and what we do not do: by name, with our answer.
OTHERWISE = {
    "'CONNECT' /health": REFUSED,
    "'CONNECT' /nope": REFUSED,
    "head of two megabytes": {"status": 431, "type": "text/plain; charset=utf-8"},
    "far too much": {"status": 400, "type": "application/json", "json": {"id": None, "code": -32600}},
}


class ParsingNode(FakeNode):
    """A node that takes only addresses."""

    def _parse(self, addresses: tuple[str, ...]) -> None:
        for address in addresses:
            NetAddress.parse(address, no_names)


class Ports(NamedTuple):
    rpc: int
    metrics: int


@pytest.fixture(scope="module")
def ports() -> Iterator[Ports]:
    """RPC and metrics, each behind a server as the node has it."""
    metrics = metrics_app(SharedAggregate(MetricsSettings("test"), FAMILIES), 3)
    servers, numbers = [], []
    apps: list[tuple[Any, BrokenBody | None]] = [(rpc_app(ParsingNode(), True), BROKEN_BODY), (metrics, None)]
    for app, broken_body in apps:
        sock = listen(ListenAddress.parse("tcp://127.0.0.1:0"))
        numbers.append(sock.getsockname()[1])
        server = HttpServer(app, [sock], name="hostile", limits=HttpLimits(), broken_body=broken_body)
        server.start()
        servers.append(server)
    yield Ports(*numbers)
    for server in servers:
        assert server.stop()


@pytest.fixture
def no_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever is logged above info in the test, by whomever, fails it."""
    with caplog.at_level(logging.INFO):
        yield
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.INFO] == []


@pytest.mark.parametrize("name", REQUESTS)
def test_hostile_requests_are_answered_as_by_cometbft(ports: Ports, no_log: None, name: str) -> None:
    """Status, type, and of JSON-RPC the ID and the error's code."""
    method = REQUESTS[name].partition(b" ")[0].decode("latin-1")
    assert answer_of(exchange_raw(ports.rpc, REQUESTS[name]), method) == OTHERWISE.get(name, RECORDED[name])


@pytest.mark.parametrize("name", REQUESTS)
def test_metrics_answer_hostile_requests_too(ports: Ports, no_log: None, name: str) -> None:
    """With metrics, or with a refusal."""
    method = REQUESTS[name].partition(b" ")[0].decode("latin-1")
    answer = answer_of(exchange_raw(ports.metrics, REQUESTS[name]), method)
    assert answer["status"] in {200, 400, 405, 417, 431, 501, 505}
    assert (answer["status"] == 200) == ("version=0.0.4" in answer["type"])


@pytest.mark.parametrize("body", [b'{"id":1', b"", b'{"id":1,"method":"health"}x'])
def test_body_that_breaks_off_is_a_bad_request(ports: Ports, no_log: None, body: bytes) -> None:
    """A client that promises more than it sends, and says that this is all."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    answer = answer_of(exchange_raw(ports.rpc, head + body, half_close=True))
    assert answer == {"status": 400, "type": "application/json", "json": {"id": None, "code": -32600}}


def test_client_that_has_said_all_is_answered(ports: Ports, no_log: None) -> None:
    """Half a connection is enough to listen: `printf … | nc -N`."""
    head = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    assert answer_of(exchange_raw(ports.rpc, head, half_close=True))["json"] == {"id": -1, "code": None}


FRAGMENTS = st.sampled_from(
    [
        b"\xff", b"\xed\xa0\x80", b"\xe2\x82", b"%ff", b"%00", b"%", b"\0", b"\x7f", b"\r", b"\n", b"\r\n", b"9" * 400,
        b"-" + b"9" * 5000, b"1e999", b"NaN", b"0x", b"[" * 1500, b"]" * 1500, b'{"a":' * 1500, b'"', b"\\", b"\\ud800",
        b"{", b"}", b"[", b"]", b",", b":", b"&", b"=", b";", b"?", b"#", b"/", b"//", b"..", b"*", b"true", b"null",
        b'"id":1', b'"method":"health"', b'"params":', b"seeds", b"persistent", b" ", b"\t", "é\u2028".encode(),
    ]
)  # fmt: skip
JUNK = st.one_of(st.binary(max_size=30), st.lists(FRAGMENTS, max_size=8).map(b"".join))
ROUTES = st.sampled_from(
    [b"/", b"/health", b"/status", b"/net_info", b"/dial_seeds", b"/dial_peers", b"/nope", b"/metrics"]
)
METHODS = st.sampled_from(
    [b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"DELETE", b"TRACE", b"CONNECT", b"X"]
)
HEADERS = st.sampled_from(
    [
        b"Accept: ", b"Content-Type: ", b"Content-Type: application/x-www-form-urlencoded", b"Transfer-Encoding: ",
        b"Transfer-Encoding: chunked", b"Content-Length: ", b"Expect: ", b"Host: ", b"Connection: ", b"Upgrade: ",
        b"Accept-Encoding: ", b"Cookie: ", b"X",
    ]
)  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request with junk in some of its places."""
    method = draw(st.one_of(METHODS, METHODS, JUNK))
    target = draw(ROUTES) + draw(st.one_of(st.just(b""), JUNK, JUNK.map(lambda junk: b"?seeds=" + junk)))
    lines = [method + b" " + target + b" HTTP/1.1", b"Host: x", b"Connection: close"]
    lines += [draw(HEADERS) + draw(JUNK) for _ in range(draw(st.integers(0, 2)))]
    member = st.sampled_from(
        [b'{"id":1,"method":"health"', b'{"id":', b'{"method":"dial_seeds","id":1,"params":[[', b""]
    )
    body = draw(member) + draw(JUNK) + draw(st.sampled_from([b"", b"}", b"]]}"]))
    if draw(st.booleans()):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(requests())
def test_whatever_is_asked_is_answered(ports: Ports, no_log: None, data: bytes) -> None:
    """By every route a whole HTTP answer, and an internal error only where the node says why."""
    method = data.partition(b" ")[0].decode("latin-1")
    for port in ports:
        raw = exchange_raw(port, data, half_close=True)
        answer = answer_of(raw, method)
        assert (
            answer["status"] < 500 or answer["status"] in {501, 505} or "json" in answer or method == "HEAD"
        )
        assert not re.search(rb"Internal Server Error$", raw)
