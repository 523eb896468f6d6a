"""A whole node: its supervision tree, and the handle that an embedding program holds.

Names are imported when they are first used: the hosts need the setup of their log from here, and nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peerage.supervisors.node.errors import (
        DialError,
        ListenError,
        NodeFailedError,
        NodeNotRunningError,
        NodeStartError,
        ReactorUpgradeError,
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
    "ReactorUpgradeError",
    "SeedsUnresolvedError",
    "UnknownReactorError",
]

_HOMES = {
    ".errors": (
        "DialError",
        "ListenError",
        "NodeFailedError",
        "NodeNotRunningError",
        "NodeStartError",
        "ReactorUpgradeError",
        "SeedsUnresolvedError",
        "UnknownReactorError",
    ),
    ".node": ("Node",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(module, __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
