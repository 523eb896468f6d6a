"""A whole node: its supervision tree, and the handle that an embedding program holds."""

from peerage.supervisors.node.errors import (
    DialError,
    ListenError,
    NodeFailedError,
    NodeNotRunningError,
    NodeStartError,
    SeedsUnresolvedError,
    UnknownReactorError,
)
from peerage.supervisors.node.node import Node

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
