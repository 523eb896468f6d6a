"""peerage: CometBFT's peer-to-peer layer as a society of supervised actors.

What an embedding program needs. Names are imported when they are first used: `import peerage.wire` loads no actor.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peerage.actors.peer_handle import Peer
    from peerage.actors.reactor import Envelope, Reactor
    from peerage.actors.refusal import Refusal, RefusalReason
    from peerage.config import Config, ConfigError
    from peerage.supervisors.node import (
        DialError,
        ListenError,
        Node,
        NodeFailedError,
        NodeStartError,
        SeedsUnresolvedError,
    )
    from peerage.wire.channel import ChannelDescriptor, WhenFull

__all__ = [
    "ChannelDescriptor",
    "Config",
    "ConfigError",
    "DialError",
    "Envelope",
    "ListenError",
    "Node",
    "NodeFailedError",
    "NodeStartError",
    "Peer",
    "Reactor",
    "Refusal",
    "RefusalReason",
    "SeedsUnresolvedError",
    "WhenFull",
]

_HOMES = {
    "peerage.actors.peer_handle": ("Peer",),
    "peerage.actors.reactor": ("Envelope", "Reactor"),
    "peerage.actors.refusal": ("Refusal", "RefusalReason"),
    "peerage.config": ("Config", "ConfigError"),
    "peerage.supervisors.node": (
        "DialError",
        "ListenError",
        "Node",
        "NodeFailedError",
        "NodeStartError",
        "SeedsUnresolvedError",
    ),
    "peerage.wire.channel": ("ChannelDescriptor", "WhenFull"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
