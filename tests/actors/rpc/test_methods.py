"""The methods of RPC, called without a server: what they ask of the node, and what they refuse."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from peerage.actors.rpc.methods import SAFE, UNSAFE, methods
from peerage.actors.rpc.protocol import InternalError
from peerage.actors.snapshot import NetInfoSnapshot, StatusSnapshot
from tests.actors.rpc.rpc_snapshots import RECORDED_NET_INFO, RECORDED_STATUS

PEER = f"{'03' * 20}@127.0.0.1:1"


class FakeNode:
    """Remembers what it was told to dial."""

    def __init__(self) -> None:
        self.dialled: list[Any] = []

    async def health(self) -> None: ...

    async def net_info(self) -> NetInfoSnapshot:
        return RECORDED_NET_INFO

    async def status(self) -> StatusSnapshot:
        return RECORDED_STATUS

    async def dial_seeds(self, seeds: tuple[str, ...]) -> None:
        self.dialled.append(seeds)

    async def dial_peers(
        self, peers: tuple[str, ...], *, persistent: bool, unconditional: bool, private: bool
    ) -> None:
        self.dialled.append((peers, persistent, unconditional, private))


def call(name: str, *arguments: Any, node: FakeNode | None = None, hide_private: bool = False) -> Any:
    method = methods(unsafe=True, hide_private=hide_private)[name]

    async def answer() -> Any:
        return await method.call(node or FakeNode(), *arguments)

    return asyncio.run(answer())


def test_methods_that_change_something_are_there_only_where_they_are_allowed() -> None:
    assert set(methods(unsafe=False, hide_private=True)) == {*SAFE, "net_info"}
    assert set(methods(unsafe=True, hide_private=True)) == {*SAFE, *UNSAFE, "net_info"}


def test_health_is_an_empty_object() -> None:
    """As CometBFT's."""
    assert call("health") == {}


def test_the_node_is_asked_and_its_answer_written_as_json() -> None:
    assert call("status")["node_info"]["id"] == RECORDED_STATUS.node_info.id
    assert call("net_info")["n_peers"] == str(len(RECORDED_NET_INFO.peers))


def test_dialling_is_handed_on_whole() -> None:
    node = FakeNode()
    assert "in progress" in call("dial_seeds", (PEER,), node=node)["log"]
    assert "in progress" in call("dial_peers", (PEER,), True, False, True, node=node)["log"]
    assert node.dialled == [(PEER,), ((PEER,), True, False, True)]


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("dial_seeds", ((),), "no seeds provided"),
        ("dial_peers", ((), False, False, False), "no peers provided"),
        (
            "dial_peers",
            ((PEER, "127.0.0.1:1"), True, True, True),
            r"address \(127.0.0.1:1\) does not contain ID",
        ),
    ],
)
def test_what_cannot_be_dialled_is_refused_before_anything_is_done(
    name: str, arguments: tuple[Any, ...], text: str
) -> None:
    """None of the peers becomes persistent, private or unconditional."""
    node = FakeNode()
    with pytest.raises(InternalError, match=text):
        call(name, *arguments, node=node)
    assert node.dialled == []
