"""What the log says of an actor's end: how loudly depends on whether anybody could have prevented it.

Only a failure in a running system is an error with a traceback. An operator who is paged by errors is not paged by a
shutdown, and an actor that says itself what it left undone needs no traceback for that. Nor does one for which the operating
system had no room: whoever reads it can raise the limit, and finds no fault in the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from peerage.actors.runtime.log import logger
from peerage.actors.runtime.mail.exit_reason import DownReason


def log_end(reason: DownReason, facts: Mapping[str, Any], *, is_system_ending: bool) -> None:
    """Write one line. Args: facts, the actor, its host and its process."""
    if reason.kind == "exception" and is_system_ending:
        # What it relied on has been stopped under it: no fault of its own that anybody could mend.
        logger().warning("actor failed while its system ends", **facts, cause=reason.text)
    elif reason.kind == "exception" and reason.is_orderly:
        logger().error("actor stopped with work undone", **facts, cause=reason.text.partition(": ")[2])
    elif reason.kind == "exception" and reason.limit:
        logger().error("actor failed", **facts, cause=reason.text)
    elif reason.kind == "exception":
        logger().error("actor failed", **facts, cause=reason.text, traceback=reason.traceback)
    elif logger().tells_all:
        logger().debug("actor stopped", **facts, cause=str(reason))
