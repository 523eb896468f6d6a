"""Memory that holds the node's private key is nobody else's to read: not by a core dump, nor by other programs of its user.

`prctl(PR_SET_DUMPABLE, 0)`: the kernel writes no core of such a process, whatever its limits are and whoever collects cores,
and lets no process but root's (CAP_SYS_PTRACE) trace it or read its memory. The price is that its user's debuggers and
profilers cannot look into it either; root's can (docs/security.md).
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Protocol

__all__ = ["close_memory", "close_memory_of_host"]

PR_SET_DUMPABLE = 4  # linux/prctl.h


class Runtime(Protocol):
    """What is asked of an actor's runtime."""

    @property
    def process_ids(self) -> tuple[int, ...]:
        """The embedder's process first."""


@cache
def close_memory() -> None:
    """Let nobody read the memory of this process, from now on until it executes another program."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    # A kernel that knows no such call, or a sandbox that forbids it: the key is as safe as that of other programs.
    prctl(PR_SET_DUMPABLE, *(ctypes.c_ulong(0) for _ in range(4)))


def close_memory_of_host(runtime: Runtime) -> None:
    """The same for the process of an actor, unless that is the embedder's, which is its program's own business."""
    if os.getpid() != runtime.process_ids[0]:
        close_memory()
