"""Whole nodes on loopback, with processes, TCP and encryption."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from peerage.config import Config
from peerage.supervisors.node import Node
from peerage.supervisors.node.node import ReactorSpec
from peerage.testing.waiting import TIMEOUT_S, wait_until

NETWORK = "test"


def loopback_config(home: Path, **settings: Any) -> Config:
    """A configuration for a node that stays on this machine: a free port, no peer exchange, no RPC, no rate limits.

    Args: settings, which override these; sections are mappings: `p2p={"pex": True}`.
    """
    own: dict[str, Any] = {
        "network": NETWORK,
        "moniker": "test",
        "p2p": {
            "laddr": "tcp://127.0.0.1:0",
            "pex": False,
            "allow_duplicate_ip": True,
            "addr_book_strict": False,
            "send_rate": 0,
            "recv_rate": 0,
        },
        "rpc": {"laddr": ""},
        "peerage": {"peer_hosts": 1},
    }
    for name, value in settings.items():
        own[name] = own.get(name, {}) | value if isinstance(value, Mapping) else value
    return Config(home=home, **own)


@contextmanager
def connected_nodes(
    count: int = 2,
    reactors: Mapping[str, ReactorSpec] | Sequence[Mapping[str, ReactorSpec]] = (),
    *,
    home: Path | None = None,
    timeout: float = TIMEOUT_S,
    **settings: Any,
) -> Iterator[list[Node]]:
    """Run whole nodes on loopback, each connected to every other.

    Args:
        count: how many.
        reactors: those of every node, or a sequence with one mapping per node.
        home: where the nodes' homes are created; by default a temporary directory.
        timeout: seconds in which they must connect.
        settings: those of every node, see `loopback_config`.

    Raises: DialError, AssertionError (not connected in time).
    """
    each = [reactors] * count if isinstance(reactors, Mapping) else list(reactors) or [{}] * count
    if len(each) != count:
        raise ValueError(f"reactors for {len(each)} nodes, and {count} nodes")
    with ExitStack() as stack:
        base = home or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peerage-nodes-")))
        nodes = [
            stack.enter_context(Node(loopback_config(base / f"node-{number}", **settings), each[number]))
            for number in range(count)
        ]
        for later, node in enumerate(nodes):
            for other in nodes[:later]:
                node.dial(other.address, timeout=timeout)
        for node in nodes:
            wait_until(partial(_has_peers, node, count - 1), timeout)
        yield nodes


def _has_peers(node: Node, count: int) -> bool:
    return len(node.peers()) == count
