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
        NodeLimitError,
        NodeNotRunningError,
        NodeRunError,
        NodeStartError,
        ReactorUpgradeError,
        SeedsUnresolvedError,
        UnknownChannelError,
        UnknownReactorError,
    )
    from peerage.supervisors.node.node import Node
    from peerage.supervisors.node.subscription import Subscription

__all__ = [
    "DialError",
    "ListenError",
    "Node",
    "NodeFailedError",
    "NodeLimitError",
    "NodeNotRunningError",
    "NodeRunError",
    "NodeStartError",
    "ReactorUpgradeError",
    "SeedsUnresolvedError",
    "Subscription",
    "UnknownChannelError",
    "UnknownReactorError",
]

_HOMES = {
    ".errors": (
        "DialError",
        "ListenError",
        "NodeFailedError",
        "NodeLimitError",
        "NodeNotRunningError",
        "NodeRunError",
        "NodeStartError",
        "ReactorUpgradeError",
        "SeedsUnresolvedError",
        "UnknownChannelError",
        "UnknownReactorError",
    ),
    ".node": ("Node",),
    ".subscription": ("Subscription",),
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
