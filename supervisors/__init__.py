"""Who restarts whom: supervisors with Erlang/OTP's semantics, for any ProcessActor.

The tree of a node is in `peerage.supervisors.node`, which is not needed for supervising actors of one's own.
"""

from peerage.supervisors.errors import (
    ChildAlreadyPresentError,
    ChildAlreadyStartedError,
    ChildError,
    ChildRestartingError,
    ChildRunningError,
    ChildSpecError,
    ChildStartError,
    SupervisorError,
    SupervisorGaveUpError,
    UnknownChildError,
)
from peerage.supervisors.messages import (
    ChildCounts,
    ChildInfo,
    CountChildren,
    DeleteChild,
    GetChildSpec,
    RestartChild,
    StartChild,
    SupervisorRef,
    TerminateChild,
    WhichChildren,
)
from peerage.supervisors.spec import (
    BRUTAL_KILL,
    INFINITY,
    AutoShutdown,
    Backoff,
    ChildSpec,
    ChildType,
    Flags,
    HealthCheck,
    Intensity,
    Restart,
    Shutdown,
    Start,
    Strategy,
)
from peerage.supervisors.strategy import Status
from peerage.supervisors.supervisor import Supervisor

__all__ = [
    "BRUTAL_KILL",
    "INFINITY",
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
    "CountChildren",
    "DeleteChild",
    "Flags",
    "GetChildSpec",
    "HealthCheck",
    "Intensity",
    "Restart",
    "RestartChild",
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
]
