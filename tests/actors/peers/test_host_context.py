"""actors/peers/host_context.py: what an actor of a peer host is told, once its memory is closed."""

from __future__ import annotations

from typing import Any, cast

import pytest

from peerage.actors.context import NodeContext, PeerHostContext
from peerage.actors.names import NodeNames
from peerage.actors.peers import host_context as module
from peerage.actors.peers.host_context import host_context
from peerage.wire.keys import NodeKey

KEY = NodeKey.generate()
PLAIN = NodeContext(NodeNames("", (), 1), cast("Any", None), KEY.public_key, cast("Any", None), (), {})


class Runtime:
    """Of an actor that was told this."""

    def __init__(self, extra: NodeContext) -> None:
        self._extra = extra
        self.closed = False

    @property
    def extra(self) -> NodeContext:
        assert self.closed
        return self._extra


@pytest.fixture(autouse=True)
def _close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "close_memory_of_host", lambda runtime: setattr(runtime, "closed", True))


def test_the_memory_is_closed_before_the_key_is_taken() -> None:
    """Nobody reads it there."""
    context = host_context(cast("Any", Runtime(PLAIN.with_key(KEY))))
    assert isinstance(context, PeerHostContext)
    assert context.node_key == KEY


def test_a_context_without_the_key_is_a_mistake() -> None:
    """Who is not told it does not shake hands."""
    with pytest.raises(AssertionError):
        host_context(cast("Any", Runtime(PLAIN)))
