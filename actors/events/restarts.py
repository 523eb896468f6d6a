"""What a node's supervisor tells of restarts."""

from __future__ import annotations

from typing import Final

from peerage.actors.events.happenings import Restarted, RestartReason
from peerage.wire.remote_text import shown

__all__ = ["restarted"]

MOST_OF_CAUSE: Final = 300
# How causes begin, as the runtime, the health checks and the supervisor write them.
_BEGINNINGS: Final = {
    "killed": RestartReason.KILLED,
    "exception": RestartReason.FAILED,
    "hung": RestartReason.HUNG,
    "memory": RestartReason.MEMORY,
    "restarted with": RestartReason.WITH_ANOTHER,
}


def restarted(part: str, cause: str) -> Restarted:
    """The event of a part that is up again. Args: cause, why it was restarted, in words."""
    for beginning, reason in _BEGINNINGS.items():
        if cause.startswith(beginning):
            detail = cause.removeprefix(beginning).lstrip(": ")
            return Restarted(reason, shown(detail, MOST_OF_CAUSE), part)
    return Restarted(RestartReason.ENDED, shown(cause, MOST_OF_CAUSE), part)
