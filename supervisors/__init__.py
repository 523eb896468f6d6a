"""Who restarts whom: supervisors with Erlang/OTP's semantics, for any ProcessActor.

The tree of a node is in `peerage.supervisors.node`, which is not needed for supervising actors of one's own.

Names are imported when they are first used: what a node's hosts need from this package is no supervisor.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from peerage.supervisors.errors import (
        ChildAlreadyPresentError,
        ChildAlreadyStartedError,
        ChildError,
        ChildRestartingError,
        ChildRunningError,
        ChildSpecError,
        ChildStartError,
        PoolResizeError,
        PoolSizeError,
        SupervisorError,
        SupervisorGaveUpError,
        UnknownChildError,
    )
    from peerage.supervisors.intensity import Backoff, Intensity
    from peerage.supervisors.messages import (
        ChildCounts,
        ChildInfo,
        CountChildren,
        DeleteChild,
        GetChildSpec,
        RenewChild,
        RestartChild,
        StartChild,
        SupervisorRef,
        TerminateChild,
        WhichChildren,
    )
    from peerage.supervisors.pool import Pool, PoolStatistics, WorkerStatistics
    from peerage.supervisors.routers import (
        BROADCAST,
        CONSISTENT_HASH,
        ROUND_ROBIN,
        SCATTER_FIRST,
        SMALLEST_MAILBOX,
        ConsistentHash,
        Router,
    )
    from peerage.supervisors.spec import (
        BRUTAL_KILL,
        INFINITY,
        AutoShutdown,
        ChildSpec,
        ChildType,
        Flags,
        HealthCheck,
        Restart,
        Shutdown,
        Start,
        Strategy,
    )
    from peerage.supervisors.strategy import Status
    from peerage.supervisors.supervisor import Supervisor

__all__ = [
    "BROADCAST",
    "BRUTAL_KILL",
    "CONSISTENT_HASH",
    "INFINITY",
    "ROUND_ROBIN",
    "SCATTER_FIRST",
    "SMALLEST_MAILBOX",
    "AutoShutdown",
    "Backoff",
    "ChildAlreadyPresentError",
    "ChildAlreadyStartedError",
    "ChildCounts",
    "ChildError",
    "ChildInfo",
    "ChildRestartingError",
    "ChildRunningError",
    "ChildSpec",
    "ChildSpecError",
    "ChildStartError",
    "ChildType",
    "ConsistentHash",
    "CountChildren",
    "DeleteChild",
    "Flags",
    "GetChildSpec",
    "HealthCheck",
    "Intensity",
    "Pool",
    "PoolResizeError",
    "PoolSizeError",
    "PoolStatistics",
    "RenewChild",
    "Restart",
    "RestartChild",
    "Router",
    "Shutdown",
    "Start",
    "StartChild",
    "Status",
    "Strategy",
    "Supervisor",
    "SupervisorError",
    "SupervisorGaveUpError",
    "SupervisorRef",
    "TerminateChild",
    "UnknownChildError",
    "WhichChildren",
    "WorkerStatistics",
]

_HOMES = {
    ".errors": (
        "ChildAlreadyPresentError",
        "ChildAlreadyStartedError",
        "ChildError",
        "ChildRestartingError",
        "ChildRunningError",
        "ChildSpecError",
        "ChildStartError",
        "PoolResizeError",
        "PoolSizeError",
        "SupervisorError",
        "SupervisorGaveUpError",
        "UnknownChildError",
    ),
    ".intensity": ("Backoff", "Intensity"),
    ".messages": (
        "ChildCounts",
        "ChildInfo",
        "CountChildren",
        "DeleteChild",
        "GetChildSpec",
        "RenewChild",
        "RestartChild",
        "StartChild",
        "SupervisorRef",
        "TerminateChild",
        "WhichChildren",
    ),
    ".pool": ("Pool", "PoolStatistics", "WorkerStatistics"),
    ".routers": (
        "BROADCAST",
        "CONSISTENT_HASH",
        "ROUND_ROBIN",
        "SCATTER_FIRST",
        "SMALLEST_MAILBOX",
        "ConsistentHash",
        "Router",
    ),
    ".spec": (
        "BRUTAL_KILL",
        "INFINITY",
        "AutoShutdown",
        "ChildSpec",
        "ChildType",
        "Flags",
        "HealthCheck",
        "Restart",
        "Shutdown",
        "Start",
        "Strategy",
    ),
    ".strategy": ("Status",),
    ".supervisor": ("Supervisor",),
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
