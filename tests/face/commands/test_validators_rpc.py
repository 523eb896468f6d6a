"""Validators by RPC: all pages of them, and one clear error for whatever is no answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from peerage.blocks.validator_set import ED25519
from peerage.commands.exit_status import MistakeError
from peerage.commands.validators_rpc import ValidatorsRpc, ValidatorsRpcError

KEY = {"type": ED25519, "value": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}


@contextmanager
def rpc(answer: Any) -> Iterator[str]:
    """A server; its answers are given, or made from height, page and per_page. Yields: its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = {name: int(values[0]) for name, values in parse_qs(urlsplit(self.path).query).items()}
            told = answer(**asked) if callable(answer) else answer
            body = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(200 if b'"error"' not in body else 500)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_all_pages_are_read() -> None:
    """In their order."""

    def answer(height: int, page: int, per_page: int) -> Any:
        powers = range(1, 251)[(page - 1) * per_page : page * per_page]
        listed = [{"pub_key": KEY, "voting_power": str(height * 1000 + power)} for power in powers]
        return {"result": {"validators": listed, "count": str(len(listed)), "total": "250"}}

    with rpc(answer) as url:
        found = ValidatorsRpc(url.replace("http", "tcp")).at(7)
    assert [each.power for each in found.validators] == list(range(7001, 7251))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"<html>", "did not answer as CometBFT's RPC does"),
        ([], "did not answer as CometBFT's RPC does"),
        ({}, "did not answer as CometBFT's RPC does"),
        ({"result": {}}, "did not answer with validators"),
        ({"result": {"validators": [], "total": "5"}}, "says 5 validators, and gave 0"),
        ({"result": {"validators": [1], "total": "99999999"}}, "says 99999999 validators"),
        ({"error": {"message": "no such height \x1b"}}, "says: "),
    ],
)
def test_whatever_is_no_answer_is_one_error(answer: Any, said: str) -> None:
    """With the node's URL, and nothing that could confuse a terminal."""
    with rpc(answer) as url, pytest.raises(ValidatorsRpcError) as caught:
        ValidatorsRpc(url).at(1)
    assert url in str(caught.value)
    assert said in str(caught.value)
    assert str(caught.value).isprintable()


def test_who_does_not_answer_is_named() -> None:
    """As whoever is no URL."""
    with pytest.raises(ValidatorsRpcError, match=r"127\.0\.0\.1:1 does not answer"):
        ValidatorsRpc("http://127.0.0.1:1").at(1)
    for url in ("", "127.0.0.1:26657", "file:///etc/passwd", "http://"):
        with pytest.raises(MistakeError, match="--rpc: found"):
            ValidatorsRpc(url)
