"""Requests to the RPC. An input: HTTP method, target and content type on the first line, and then the body."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.rpc import app as rpc
from peerage.actors.rpc import go_json
from peerage.actors.rpc.protocol import RpcError, read_requests
from peerage.actors.rpc.settings import RpcLimits
from tests.actors.http.asgi_exchange import Answer, exchange_async
from tests.actors.rpc.hostile_requests import REQUESTS
from tests.actors.rpc.rpc_snapshots import RECORDED_NET_INFO, RECORDED_STATUS, NoBans
from tests.fuzz.target import MOST_TEXT, Target

RECORDED = Path(__file__).parents[2] / "actors" / "rpc" / "test_app_recorded.json"
LIMITS = RpcLimits(max_body_bytes=3000, max_batch=5)
CODES = {-32700, -32600, -32601, -32602, -32603}
STATUSES = {200, 307, 400, 404, 500}


class Node(NoBans):
    """Answers everything; what it is told to dial or to ban is text."""

    async def health(self) -> None:
        """It is well."""

    async def net_info(self) -> Any:
        return RECORDED_NET_INFO

    async def status(self) -> Any:
        return RECORDED_STATUS

    async def dial_seeds(self, seeds: tuple[str, ...]) -> None:
        _are_texts(seeds)

    async def dial_peers(
        self, peers: tuple[str, ...], *, persistent: bool, unconditional: bool, private: bool
    ) -> None:
        _are_texts(peers)
        assert {persistent, unconditional, private} <= {True, False}

    async def ban(self, subject: str, seconds: float, reason: str) -> Ban:
        _are_texts((subject, reason))
        return await super().ban(subject, seconds, reason)

    async def unban(self, subject: str) -> bool:
        _are_texts((subject,))
        return await super().unban(subject)


class NoTextError(BaseException):
    """A method was called with what is no text. Not an Exception: the application answers those."""


def _are_texts(values: tuple[str, ...]) -> None:
    for value in values:
        try:
            value.encode()
        except (AttributeError, UnicodeEncodeError) as error:
            raise NoTextError(repr(value)) from error


@cache
def _app() -> Any:
    return rpc.rpc_app(Node(), True, limits=LIMITS)


@cache
def _runner() -> asyncio.Runner:
    return asyncio.Runner()


def check(data: bytes) -> None:
    """Each request has one answer, which is JSON of the documented kind; a body read again gives the same requests."""
    line, _, body = data.partition(b"\n")
    method, _, rest = line.decode("latin-1").partition(" ")
    target, _, content_type = rest.partition(" ")
    target = "/" + target.lstrip("/") if target.isascii() and target.isprintable() else "/"
    # What h11 lets through: a token, and a header without control characters.
    method = method if method.isascii() and method.isalpha() else "POST"
    headers = {"Content-Type": content_type} if content_type.isascii() and content_type.isprintable() else {}
    answer = _runner().run(exchange_async(_app(), method.upper(), target, body, headers))
    assert answer.status in STATUSES
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert all(value.isprintable() for value in answer.headers.values()), answer.headers
    if answer.headers.get("content-type") == "application/json":
        _is_sound(answer)
    try:
        requests = read_requests(body, LIMITS.max_batch)
    except RpcError as error:
        assert str(error)
        assert len(str(error)) <= MOST_TEXT
        return
    assert len(requests) <= LIMITS.max_batch
    _decodes_again(body)
    if target == "/" and len(body) <= LIMITS.max_body_bytes and body:
        decoded = json.loads(answer.body) if answer.body else []
        answers = decoded if isinstance(decoded, list) else [decoded]
        assert [each["id"] for each in answers] == [request.id for request in requests]


def _is_sound(answer: Answer) -> None:
    decoded = json.loads(answer.body)
    for each in decoded if isinstance(decoded, list) else [decoded]:
        assert each["jsonrpc"] == "2.0"
        assert ("result" in each) != ("error" in each)
        if "error" in each:
            assert each["error"]["code"] in CODES
            assert each["error"]["message"]


def _decodes_again(body: bytes) -> None:
    """A value that is written as JSON decodes to itself."""
    value = go_json.decode(body)
    written = json.dumps(_plain(value), ensure_ascii=True).encode()
    assert _plain(go_json.decode(written)) == _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, go_json.Object):
        return {name: _plain(each) for name, each in value}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, float) and math.isinf(value) else value


def corpus() -> Iterator[bytes]:
    """What was put to CometBFT."""
    for case in json.loads(RECORDED.read_text())["cases"]:
        body = case.get("body", "").replace("@", "[" * min(case.get("deep", 0), 2000) or "@")
        kind = case.get("headers", {}).get("Content-Type", "")
        yield f"{case['method']} {case['target']} {kind}\n{body}".encode()[:4096]
    for raw in REQUESTS.values():
        head, _, body = raw.partition(b"\r\n\r\n")
        line = head.partition(b"\r\n")[0].rpartition(b" HTTP/")[0]
        if len(raw) < 4096:
            yield line + b"\n" + body


TARGET = Target(corpus, check, inputs=1500)
