"""Which processes live, asked of the kernel."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def is_alive(pid: int) -> bool:
    """Whether a process of this number runs; one that has ended and is not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def title_of(pid: int) -> str:
    """What a process calls itself; empty once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except OSError:
        return ""


def processes_of_session(session: int) -> list[int]:
    """All live processes of a session, its leader too, in whichever PID namespace they are."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            with contextlib.suppress(ProcessLookupError):
                if os.getsid(int(path.name)) == session and is_alive(int(path.name)):
                    found.append(int(path.name))
    return found
