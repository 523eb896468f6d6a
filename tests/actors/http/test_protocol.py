"""actors/http/protocol.py: what h11 and uvicorn leave to us."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp

from peerage.actors.http.limits import HttpLimits
from peerage.actors.http.listening import listen
from peerage.actors.http.protocol import _RequestLine
from peerage.actors.http.server import HttpServer
from peerage.actors.rpc.app import BROKEN_BODY, rpc_app
from peerage.config.listen_address import ListenAddress
from tests.actors.rpc.hostile_requests import answer_of, exchange_raw
from tests.actors.rpc.test_app import FakeNode

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"


@contextmanager
def serving(app: ASGIApp, limits: HttpLimits) -> Iterator[int]:
    sock = listen(ListenAddress.parse("tcp://127.0.0.1:0"))
    port = sock.getsockname()[1]
    server = HttpServer(app, [sock], name="protocol", limits=limits, broken_body=BROKEN_BODY)
    server.start()
    try:
        yield port
    finally:
        assert server.stop()


def test_body_that_does_not_come_in_time_is_a_bad_request() -> None:
    """Who promises more than he sends is told, as by CometBFT, and not only cut off."""
    with serving(rpc_app(FakeNode(), True), HttpLimits(read_timeout_s=0.1)) as port:
        answer = answer_of(exchange_raw(port, HEAD + b'{"id":1'))
    assert answer == {"status": 400, "type": "application/json", "json": {"id": None, "code": -32600}}


def test_head_that_does_not_come_in_time_is_a_bad_request() -> None:
    """There too, but not to a client that has said nothing."""
    with serving(rpc_app(FakeNode(), True), HttpLimits(read_timeout_s=0.1)) as port:
        assert answer_of(exchange_raw(port, HEAD[:20]))["status"] == 400
        assert exchange_raw(port, b"") == b""


def test_client_that_is_still_sending_can_read_why_it_is_refused() -> None:
    """The kernel would answer its bytes with a reset, which overtakes the answer."""
    with serving(rpc_app(FakeNode(), True), HttpLimits()) as port:
        body = b"a" * 20_000_000
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
        with socket.create_connection(("127.0.0.1", port), timeout=5.0) as client:
            client.sendall(head + body)
            answer = client.recv(10_000)
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == -32600


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (
            b"GET /\xff?a=\xc3\xa9 HTTP/1.1\r\nX: \xff\r\n\r\n\xff",
            b"GET /%FF?a=%C3%A9 HTTP/1.1\r\nX: \xff\r\n\r\n\xff",
        ),
        (b"G\xffT / HTTP/1.1\r\n\r\n", b"G\xffT / HTTP/1.1\r\n\r\n"),
        (b"GET / HTTP/1.1\r\n\xff: x\r\n\r\n", b"GET / HTTP/1.1\r\n\xff: x\r\n\r\n"),
    ],
)
@given(cuts=st.lists(st.integers(0, 40), max_size=4))
def test_bytes_beyond_ascii_are_escaped_in_the_target_alone(
    sent: bytes, read: bytes, cuts: list[int]
) -> None:
    """However the request is cut on its way."""
    line = _RequestLine()
    places = [0, *sorted(cuts), len(sent)]
    pieces = [sent[start:end] for start, end in pairwise(places)]
    assert b"".join(map(line.escape, pieces)) == read
