"""How a host is told to stop, and how far it has got.

An actor that is linked to another one belongs to it: its owner may want to stop it in its own order, and in its own time.
So whoever stops a whole host says whether it leaves those to their owners.
"""

from __future__ import annotations

import signal
from enum import Enum
from typing import NamedTuple

from peerage.actors.runtime.mail.exit_reason import DownReason

SHUTDOWN = DownReason("shutdown", "host told to stop")
TERMINATED = DownReason("shutdown", "SIGTERM", signal=signal.SIGTERM)


class Leave(Enum):
    """Which actors of a host that is to stop are left to their owners."""

    NONE = "none"
    OWNED_HERE = "owned here"  # those whose owner lives in the same process, and ends with it
    OWNED = "owned"  # those whose owner lives anywhere


class Stop(NamedTuple):
    """Message to a host."""

    reason: DownReason = SHUTDOWN
    leave: Leave = Leave.NONE


class Standing(NamedTuple):
    """Message of a host to the root, each time that it changes."""

    is_patient: bool = False  # an actor in it stops others, each in its time: nobody may hurry it
    waits_for_owners: bool = False  # it is stopping, and all that are left in it belong to others
