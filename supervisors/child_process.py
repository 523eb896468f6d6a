"""The process that a child lives in: how to kill it, how much memory it uses."""

import os

from peerage.actors.runtime import ActorDeadError, ActorRef, Timeout
from peerage.actors.runtime.elsewhere import kill_elsewhere


def kill_process(ref: ActorRef) -> bool:
    """Kill the process of an actor, on a cluster too. Returns: False when it has none that may be killed: it is gone, or is
    our own.
    """
    try:
        if ref.pid() == os.getpid():
            return kill_elsewhere(ref)
        ref.kill()
    except (ActorDeadError, Timeout, OSError):
        return False
    return True


def resident_bytes(ref: ActorRef) -> int:
    """Return the resident memory of an actor's process in bytes; 0 when it is gone, or is our own."""
    try:
        pid = ref.pid()
        if pid == os.getpid():
            return 0
        with open(f"/proc/{pid}/statm", encoding="ascii") as statm:  # noqa: PTH123 - a read of /proc, often
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (ActorDeadError, Timeout, OSError):
        return 0
