"""actors/rpc/on_the_spot.py: what RPC on a public address keeps to itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from peerage.actors.rpc.app import rpc_app
from peerage.actors.rpc.methods import methods
from peerage.actors.rpc.on_the_spot import WATCHING
from tests.actors.http.asgi_exchange import Answer, exchange
from tests.actors.rpc.test_app import FakeNode

PUBLIC, LOOPBACK, UNIX = ("192.0.2.1", 26657), ("127.0.0.1", 26657), ("/data/node.sock", None)


def ask(method: str, server: Any, *, tells_everywhere: bool = False, body: bytes = b"") -> Answer:
    app = rpc_app(FakeNode(), False, tells_everywhere=tells_everywhere)

    async def served(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "server": server}, receive, send)

    return exchange(served, "POST" if body else "GET", f"/{method}", body)


@pytest.mark.parametrize("method", sorted(WATCHING))
def test_it_is_told_at_the_machine_alone(method: str) -> None:
    """By either way of asking; over a unix socket, too."""
    assert method in methods(unsafe=False, hide_private=True)
    refused = ask(method, PUBLIC)
    assert refused.status == 403
    assert "loopback addresses alone" in refused.text
    call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}).encode()
    assert json.loads(ask("", PUBLIC, body=call).body)["error"]["code"] == -32600
    for server in (LOOPBACK, UNIX, None):
        assert ask(method, server).status == 200


def test_the_operator_may_open_it() -> None:
    """And what CometBFT has is open in any case."""
    assert ask("actors", PUBLIC, tells_everywhere=True).status == 200
    assert ask("net_info", PUBLIC).status == 200
