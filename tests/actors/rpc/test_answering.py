"""actors/rpc/answering.py: one request and its answer."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from peerage.actors.rpc.answering import Answering
from peerage.actors.rpc.methods import methods
from peerage.actors.rpc.protocol import ABSENT, InternalError, RpcRequest
from peerage.config.errors import NodeKeyAccessError
from tests.actors.http.asgi_exchange import scope
from tests.actors.rpc.test_app import FakeNode

TABLE = methods(unsafe=True, hide_private=True)
GUARDS = {"unban": lambda scope: "not for browsers" if dict(scope["headers"]).get(b"user-agent") else ""}


def answer(method: str, params: Any = ABSENT, node: FakeNode | None = None, **options: Any) -> dict[str, Any]:
    answering = Answering(node or FakeNode(), TABLE, GUARDS, **options)
    headers = {"user-agent": "Mozilla/5.0"} if method == "unban" else {}
    return asyncio.run(answering.answer(RpcRequest(7, method, params), scope("POST", "/", headers)))


def test_result_and_errors_have_the_requests_id() -> None:
    """A method that there is not, one that a browser may not call, and one that fails."""
    assert answer("health") == {"jsonrpc": "2.0", "id": 7, "result": {}}
    node = FakeNode()
    node.failure = KeyError()
    found = {name: answer(name, node=node)["error"] for name in ("nothing", "unban", "status")}
    assert {name: error["code"] for name, error in found.items()} == {
        "nothing": -32601,
        "unban": -32600,
        "status": -32603,
    }
    assert found["status"]["data"] == "KeyError"


def test_an_unfit_setting_is_the_callers_mistake() -> None:
    """Though the node found it in its file: `peerage reload` ends with 2 by this."""
    node = FakeNode()
    node.failure = NodeKeyAccessError(Path("node_key.json"), "no such file")
    error = answer("status", node=node)["error"]
    assert (error["code"], error["message"]) == (-32602, "Invalid params")
    assert "node_key.json" in error["data"]


@pytest.mark.parametrize(("options", "code"), [({}, -32602), ({"unfit": InternalError}, -32603)])
def test_parameters_that_do_not_fit_have_the_error_of_their_way(options: dict[str, Any], code: int) -> None:
    """CometBFT has two."""
    error = answer("health", [1.0], **options)["error"]
    assert (error["code"], error["data"]) == (
        code,
        "error converting json params to arguments: expected 0 parameters ([]), got 1",
    )
