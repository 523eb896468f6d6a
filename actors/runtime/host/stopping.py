"""How a host is told to stop, and what it tells the root about its progress.

A linked actor belongs to its owner, which may want to stop it in its own order and give it its own time, as a supervisor
does with its children. So a message that stops a whole host says whether linked actors are left to their owners.
"""

from __future__ import annotations

import signal
from enum import Enum
from typing import NamedTuple

from peerage.actors.runtime.mail.exit_reason import DownReason

SHUTDOWN = DownReason("shutdown", "host told to stop")
TERMINATED = DownReason("shutdown", "SIGTERM", signal=signal.SIGTERM)


class Leave(Enum):
    """Which actors of a host that stops are left to their owners."""

    NONE = "none"
    OWNED_HERE = "owned here"  # those whose owner lives in the same process, and ends with it
    OWNED = "owned"  # those whose owner lives anywhere


class Stop(NamedTuple):
    """Message to a host: stop your actors, then end."""

    reason: DownReason = SHUTDOWN
    leave: Leave = Leave.NONE


class Standing(NamedTuple):
    """Message from a host to the root, sent each time it changes: what the end of the system, and a start of its
    name, have to respect.
    """

    is_patient: bool = (
        False  # one of its actors stops others and gives them time: it must not be killed for being late
    )
    waits_for_owners: bool = False  # it is stopping, and every actor left in it will be stopped by its owner
    leaves: bool = False  # its last actor has ended, and so will it: its name will be free
