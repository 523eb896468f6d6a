"""actors/rpc/parts.py: which parts a node has."""

from __future__ import annotations

import pytest

from peerage.actors.context import NodeContext
from peerage.actors.names import NodeNames
from peerage.actors.rpc.parts import parts_of
from peerage.config import Config
from peerage.config.sections import InstrumentationConfig
from tests.actors.rpc.rpc_snapshots import node_info


@pytest.mark.parametrize("prometheus", [False, True])
def test_every_part_of_the_tree_is_one(prometheus: bool) -> None:
    """By its name without the node's; metrics only where they are served."""
    config = Config(instrumentation=InstrumentationConfig(prometheus=prometheus))
    names = NodeNames("a-", ("PEX", "ECHO"), 2)
    context = NodeContext(names, config, bytes(32), node_info("ab" * 20, b"n", "m"), (), {})
    parts = parts_of(context)
    metrics = ["metrics"] if prometheus else []
    others = ["reactor-PEX", "reactor-ECHO", "peers-0", "peers-1"]
    assert list(parts) == ["supervisor", "addrbook", "switch", *metrics, *others]
    assert {name: ref.name for name, ref in parts.items()} == {name: f"a-{name}" for name in parts}
