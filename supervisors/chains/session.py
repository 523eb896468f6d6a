"""The processes of a session: what is left of a chain whose main process has ended.

Its hosts notice that themselves and exit, and its fork server clears its directory away; ports are free only then.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Final

__all__ = ["kill_session", "members_of"]

_PROC: Final = Path("/proc")
_AT_STATE, _AT_PARENT, _AT_SESSION = 0, 1, 3  # behind the name; proc_pid_stat(5)


def members_of(session: int) -> list[int]:
    """The live processes of a session. Its dead ones that are our children are reaped: as PID 1 we have them all."""
    found = []
    for entry in os.listdir(_PROC):  # noqa: PTH208 - names are all that is wanted
        if not entry.isdigit():
            continue
        try:
            stat = (_PROC / entry / "stat").read_bytes()
        except OSError:  # it has ended
            continue
        fields = stat.rpartition(b")")[2].split()
        if int(fields[_AT_SESSION]) != session:
            continue
        if fields[_AT_STATE] not in {b"Z", b"X"}:
            found.append(int(entry))
        elif (
            int(fields[_AT_PARENT]) == os.getpid() and int(entry) != session
        ):  # whoever started it reaps that one
            with contextlib.suppress(ChildProcessError):
                os.waitpid(int(entry), os.WNOHANG)
    return found


def kill_session(session: int) -> int:
    """SIGKILL every process of a session. Returns: how many there were."""
    members = members_of(session)
    for pid in members:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return len(members)
