"""A whole node: its supervision tree, and the handle that an embedding program holds."""

from peerage.supervisors.node.node import (
    DialError,
    ListenError,
    Node,
    NodeFailedError,
    NodeNotRunningError,
    NodeStartError,
    SeedsUnresolvedError,
    UnknownReactorError,
)

__all__ = [
    "DialError",
    "ListenError",
    "Node",
    "NodeFailedError",
    "NodeNotRunningError",
    "NodeStartError",
    "SeedsUnresolvedError",
    "UnknownReactorError",
]
