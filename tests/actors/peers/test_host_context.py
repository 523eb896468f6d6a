"""actors/peers/host_context.py: what an actor of a peer host is told, and that nobody looks into its process then."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from peerage.actors.context import NodeContext
from peerage.actors.names import NodeNames
from peerage.actors.peers import host_context as module
from peerage.actors.peers.host_context import host_context
from peerage.wire.keys import NodeKey
from tests.nodes import node_config

KEY = NodeKey.generate()


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The actors whose processes were closed."""
    closed: list[Any] = []
    monkeypatch.setattr(module, "close_memory_of_host", closed.append)
    return closed


def plain(home: Path, **peerage: Any) -> NodeContext:
    config = node_config(home, peerage=peerage)
    return NodeContext(NodeNames("", (), 1), config, KEY.public_key, cast("Any", None), (), {})


@pytest.mark.parametrize("is_private", [True, False])
def test_whoever_has_the_key_is_closed_unless_the_operator_wants_to_look(
    tmp_path: Path, closed: list[Any], is_private: bool
) -> None:
    """With a debugger, say."""
    runtime: Any = SimpleNamespace(extra=plain(tmp_path, private_memory=is_private).with_key(KEY))
    assert host_context(runtime).node_key == KEY
    assert closed == [runtime] * is_private


def test_a_context_without_the_key_is_a_mistake(tmp_path: Path, closed: list[Any]) -> None:
    """Who is not told it does not shake hands."""
    with pytest.raises(AssertionError):
        host_context(cast("Any", SimpleNamespace(extra=plain(tmp_path))))
