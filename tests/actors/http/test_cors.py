"""CORS: the same requests to us and to CometBFT v0.38.26 (recorded) have the same answers."""

import json
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.http.cors import CorsRules
from peerage.actors.rpc.app import rpc_app
from peerage.config.config import Config
from tests.actors.http.asgi_exchange import exchange
from tests.actors.rpc.test_app import FakeNode

ROWS = json.loads(Path(__file__).with_name("test_cors_recorded.json").read_text())["rows"]
DEFAULTS = Config().rpc


def said_of_cors(headers: dict[str, str]) -> dict[str, str]:
    return {
        name: value for name, value in headers.items() if name == "vary" or name.startswith("access-control")
    }


@pytest.mark.parametrize("method", sorted({row[1] for row in ROWS}))
def test_answers_are_cometbfts(method: str) -> None:
    """Simple requests and preflights, from origins that are allowed, by a wildcard too, and that are not."""
    for origins, asked, headers, status, expected in ROWS:
        if asked != method:
            continue
        rules = CorsRules(tuple(origins), DEFAULTS.cors_allowed_methods, DEFAULTS.cors_allowed_headers)
        answer = exchange(rpc_app(FakeNode(), False, cors=rules), method, "/health", headers=headers)
        assert (answer.status, said_of_cors(answer.headers)) == (status, expected), (origins, headers)


def test_nothing_is_said_of_cors_without_origins() -> None:
    """CometBFT's default: a preflight is answered as any request."""
    asked: dict[str, Any] = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    answer = exchange(rpc_app(FakeNode(), False), "OPTIONS", "/health", headers=asked)
    assert (answer.status, said_of_cors(answer.headers)) == (200, {})


def test_a_star_allows_every_header_but_not_any_number_of_them() -> None:
    """A list as long as a request may be is no work for us."""
    assert CorsRules(headers=("*",)).allows_headers("x-" + "y" * 1000)
    assert CorsRules(headers=("a",)).allows_headers(",".join(["a"] * 64))
    assert not CorsRules(headers=("a",)).allows_headers(",".join(["a"] * 65))


def test_an_error_is_readable_by_the_page_too() -> None:
    """A page of an allowed origin learns why its request failed."""
    app = rpc_app(FakeNode(), False, cors=CorsRules(("*",), ("POST",), ()))
    answer = exchange(app, "POST", "/", b"{", headers={"Origin": "https://a.example"})
    assert answer.status == 500
    assert answer.headers["access-control-allow-origin"] == "*"
