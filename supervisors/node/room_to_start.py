"""What a node needs of the operating system before its first peer, and which limit leaves it less.

It is said before any part starts. Otherwise parts would die of it one after the other, each with a different cause in the
log, or the node would run until the first of them is to be restarted.
"""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from typing import Self

from peerage.actors.runtime.control_groups import Use, memory_use, tasks_use
from peerage.actors.runtime.limits import (
    PROCESS_COST,
    Purpose,
    descriptor_limit,
    kept_for,
    open_descriptors,
    raise_descriptor_limit,
)

__all__ = ["SystemLimits", "lack_of_room_to_start"]

# Measured, all of them: `python -m tests.bench.idle` prints what a node has when it is up.
OWN_DESCRIPTORS = 37  # of the node's own process: the runtime, the supervisor, what its parts share
OWN_TASKS = 8  # threads of that process, and the fork server
PART_TASKS = 4  # a host's threads
MEBIBYTE = 1 << 20
ADDRESSES = (
    256 * MEBIBYTE
)  # of each process: 100 for what is loaded, 32 for the stacks of threads, the rest for messages
OWN_MEMORY, PART_MEMORY = (
    48 * MEBIBYTE,
    14 * MEBIBYTE,
)  # of the node's own process with the fork server; of each part


@dataclass(frozen=True, slots=True)
class SystemLimits:
    """What the operating system allows; None where it sets no limit.

    descriptors: of each process, and how many this one has open. user_tasks: processes and threads of this user.
    tasks: of the container or service. addresses: bytes for each process. memory: of the container or service.
    """

    descriptors: Use
    user_tasks: int | None = None
    tasks: Use | None = None
    addresses: int | None = None
    memory: Use | None = None

    @classmethod
    def now(cls) -> Self:
        """Of this process, the soft limit on descriptors raised as far as it goes, as the actor system will do."""
        raise_descriptor_limit()
        return cls(
            descriptors=Use(descriptor_limit(), open_descriptors()),
            # The kernel does not hold root to it.
            user_tasks=None if os.geteuid() == 0 else _soft(resource.RLIMIT_NPROC),
            tasks=tasks_use(),
            addresses=_soft(resource.RLIMIT_AS),
            memory=memory_use(),
        )


def lack_of_room_to_start(parts: int, http_listeners: int, limits: SystemLimits) -> str:
    """Why the node cannot run, in a sentence that names the limit and what is needed; empty when it can.

    Args: parts, children of its supervisor, each of which has a process; http_listeners, sockets for RPC and metrics.
    """
    descriptors, tasks, memory = limits.descriptors, limits.tasks, limits.memory
    kept = kept_for(Purpose.WORK, descriptors.limit)
    needed = descriptors.used + OWN_DESCRIPTORS + PROCESS_COST * parts + http_listeners + kept
    if needed > descriptors.limit:
        return (
            f"this node needs about {needed} file descriptors in the process that starts it, {kept} of them in reserve, and "
            f"may have {descriptors.limit} (RLIMIT_NOFILE); raise it (ulimit -n, LimitNOFILE=)"
        )
    needed = OWN_TASKS + PART_TASKS * parts
    if limits.user_tasks is not None and needed > limits.user_tasks:
        return (
            f"this node needs about {needed} processes and threads, and user {os.getuid()} may have {limits.user_tasks} "
            "(RLIMIT_NPROC); raise it (ulimit -u, LimitNPROC=)"
        )
    if tasks is not None and needed > tasks.limit - tasks.used:
        return (
            f"this node needs about {needed} processes and threads, and this container or service may have {tasks.limit}, "
            f"of which {tasks.used} are taken (pids.max); raise it (TasksMax=, --pids-limit)"
        )
    if limits.addresses is not None and limits.addresses < ADDRESSES:
        return (
            f"each process of this node needs about {ADDRESSES // MEBIBYTE} MiB of addresses, and may have "
            f"{limits.addresses // MEBIBYTE} MiB (RLIMIT_AS); raise it (ulimit -v, LimitAS=)"
        )
    needed = OWN_MEMORY + PART_MEMORY * parts
    if memory is not None and needed > memory.limit:
        return (
            f"this node needs about {needed // MEBIBYTE} MiB of memory before its first peer, and this container or service "
            f"may use {memory.limit // MEBIBYTE} MiB (memory.max); raise it (MemoryMax=, --memory)"
        )
    return ""


def _soft(limit: int) -> int | None:
    soft = resource.getrlimit(limit)[0]
    return None if soft == resource.RLIM_INFINITY else soft
