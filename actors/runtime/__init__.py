"""Actors in processes of their own, with Pykka's names: how any actor runs.

Names are imported when they are first used: what starts the fork server early must not wait for the rest.

from peerage.actors.runtime import ProcessActor

class Greeter(ProcessActor):
    def on_receive(self, message):
        return f"hello {message} from {os.getpid()}"

ref = Greeter.start()
print(ref.ask("you"))
ref.stop()
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pykka import ActorRegistry

    from .actor import HERE, PROCESS, THREAD, Place, ProcessActor, Starter
    from .context import ActorContext, Reply, Timer
    from .down import DownReason, Watch
    from .errors import (
        ActorDeadError,
        ActorStartError,
        AskCycleError,
        ForeignRefError,
        FutureCancelledError,
        HostAliveError,
        LimitReachedError,
        MailboxFullError,
        RemoteFailureError,
        RemoteTraceback,
        StartLimitError,
        StopIncompleteError,
        Timeout,
    )
    from .flow import DROP, FAIL, Wait
    from .future import Future, ProcessFuture
    from .memory import readonly
    from .message import Frames
    from .proxy import ActorProxy
    from .ref import ActorRef
    from .system import ActorStatistics, System, watch
    from .table import HostFacts

__all__ = [
    "DROP",
    "FAIL",
    "HERE",
    "PROCESS",
    "THREAD",
    "ActorContext",
    "ActorDeadError",
    "ActorProxy",
    "ActorRef",
    "ActorRegistry",
    "ActorStartError",
    "ActorStatistics",
    "AskCycleError",
    "DownReason",
    "ForeignRefError",
    "Frames",
    "Future",
    "FutureCancelledError",
    "HostAliveError",
    "HostFacts",
    "LimitReachedError",
    "MailboxFullError",
    "Place",
    "ProcessActor",
    "ProcessFuture",
    "RemoteFailureError",
    "RemoteTraceback",
    "Reply",
    "StartLimitError",
    "Starter",
    "StopIncompleteError",
    "System",
    "Timeout",
    "Timer",
    "Wait",
    "Watch",
    "readonly",
    "watch",
]

_HOMES = {
    "pykka": ("ActorRegistry",),
    ".actor": ("HERE", "PROCESS", "THREAD", "Place", "ProcessActor", "Starter"),
    ".context": ("ActorContext", "Reply", "Timer"),
    ".errors": (
        "ActorDeadError",
        "ActorStartError",
        "AskCycleError",
        "ForeignRefError",
        "FutureCancelledError",
        "HostAliveError",
        "LimitReachedError",
        "MailboxFullError",
        "RemoteFailureError",
        "RemoteTraceback",
        "StartLimitError",
        "StopIncompleteError",
        "Timeout",
    ),
    ".flow": ("DROP", "FAIL", "Wait"),
    ".future": ("Future", "ProcessFuture"),
    ".message": ("Frames",),
    ".proxy": ("ActorProxy",),
    ".ref": ("ActorRef",),
    ".system": ("ActorStatistics", "System", "watch"),
    ".table": ("HostFacts",),
    ".memory": ("readonly",),
    ".down": ("DownReason", "Watch"),
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
