"""peerage: CometBFT's peer-to-peer layer as a society of supervised actors.

This package holds the names that an embedding program needs. Each is imported when it is first used, so that
`import peerage.wire` does not load any actors.
"""

from importlib import import_module

# Stands in for `typing.TYPE_CHECKING`. Importing `typing` would be unsafe: `python -m peerage` gets here before __main__
# has taken the current directory off the path, and somebody may have a typing.py there. The import above is safe, since
# importlib is part of the interpreter.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from peerage.actors.discovery.errors import BanSubjectError
    from peerage.actors.reactors.own_metrics import Counter, Gauge, Histogram
    from peerage.actors.reactors.peer_handle import Peer
    from peerage.actors.reactors.peer_states import PeerStates
    from peerage.actors.reactors.reactor import Envelope, Reactor
    from peerage.actors.reactors.relay import Relay
    from peerage.actors.refusal import Refusal, RefusalReason
    from peerage.actors.runtime import (
        ActorDeadError,
        ActorRef,
        ActorStartError,
        LimitReachedError,
        MailboxFullError,
        Timeout,
    )
    from peerage.config import Config, ConfigError, HomeError, HomeInUseError, NodeKeyFileError, OperatorError
    from peerage.supervisors.node import (
        DialError,
        ListenError,
        Node,
        NodeFailedError,
        NodeLimitError,
        NodeNotRunningError,
        NodeRunError,
        NodeStartError,
        ReactorUpgradeError,
        SeedsUnresolvedError,
        Subscription,
        UnknownChannelError,
        UnknownReactorError,
    )
    from peerage.wire.channel import ChannelDescriptor, WhenFull
    from peerage.wire.errors import AddressError, ChannelDescriptorError

__all__ = [
    "ActorDeadError",
    "ActorRef",
    "ActorStartError",
    "AddressError",
    "BanSubjectError",
    "ChannelDescriptor",
    "ChannelDescriptorError",
    "Config",
    "ConfigError",
    "Counter",
    "DialError",
    "Envelope",
    "Gauge",
    "Histogram",
    "HomeError",
    "HomeInUseError",
    "LimitReachedError",
    "ListenError",
    "MailboxFullError",
    "Node",
    "NodeFailedError",
    "NodeKeyFileError",
    "NodeLimitError",
    "NodeNotRunningError",
    "NodeRunError",
    "NodeStartError",
    "OperatorError",
    "Peer",
    "PeerStates",
    "Reactor",
    "ReactorUpgradeError",
    "Refusal",
    "RefusalReason",
    "Relay",
    "SeedsUnresolvedError",
    "Subscription",
    "Timeout",
    "UnknownChannelError",
    "UnknownReactorError",
    "WhenFull",
]

_HOMES = {
    "peerage.actors.discovery.errors": ("BanSubjectError",),
    "peerage.actors.reactors.own_metrics": ("Counter", "Gauge", "Histogram"),
    "peerage.actors.reactors.peer_handle": ("Peer",),
    "peerage.actors.reactors.peer_states": ("PeerStates",),
    "peerage.actors.reactors.reactor": ("Envelope", "Reactor"),
    "peerage.actors.reactors.relay": ("Relay",),
    "peerage.actors.refusal": ("Refusal", "RefusalReason"),
    "peerage.actors.runtime": (
        "ActorDeadError",
        "ActorRef",
        "ActorStartError",
        "LimitReachedError",
        "MailboxFullError",
        "Timeout",
    ),
    "peerage.config": (
        "Config",
        "ConfigError",
        "HomeError",
        "HomeInUseError",
        "NodeKeyFileError",
        "OperatorError",
    ),
    "peerage.supervisors.node": (
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
    ),
    "peerage.wire.channel": ("ChannelDescriptor", "WhenFull"),
    "peerage.wire.errors": ("AddressError", "ChannelDescriptorError"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
