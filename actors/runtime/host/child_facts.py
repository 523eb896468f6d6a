"""What a supervisor tells an observer of its children: OTP's `which_children`, without a message to the supervisor."""

from __future__ import annotations

from typing import NamedTuple


class ChildFacts(NamedTuple):
    """One child, as its supervisor sees it now.

    Attributes:
        id: of its spec.
        name: of its actor.
        host: that the actor lives in, or will.
        type: `worker` or `supervisor`.
        status: `running`, `starting`, `restarting` or `stopped`.
        restart: after which ends it is restarted: `permanent`, `transient` or `temporary`.
        restarts: how often it was, since the supervisor started.
        last_cause: why the last of them was needed, empty if there was none.
    """

    id: str
    name: str
    host: str
    type: str
    status: str
    restart: str
    restarts: int
    last_cause: str
