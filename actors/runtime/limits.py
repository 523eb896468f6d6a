"""What the operating system allows this process, and how many of its file descriptors are kept in reserve.

ZeroMQ aborts the whole process when it cannot accept a connection for want of a descriptor (`ipc_listener.cpp`: only ENFILE
is tolerated there, EMFILE is an assertion). So nothing of ours takes the last ones. Every request for a descriptor names its
purpose, and what can wait is refused first:

    limit ┬ STRANGERS   connections with strangers, in both directions: the first to be refused
          ├ WORK        actors that are started, connections to processes that were not contacted before
          ├ DUTY        what we owe: answers, news of hosts and of ends
          └             left to ZeroMQ, which accepts without asking

A connection between two processes costs descriptors in both, and each has its own limit: both are checked. Counting takes
a microsecond or two where the kernel knows the number (Linux 6.2), and about one per open descriptor before.

The checks return a *lack*: the reason for a refusal as a clause, empty when there is none. Callers put it into their own
error, which knows what was refused (`LimitReachedError`, `StartLimitError`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import threading
import time
from collections import deque
from enum import Enum

from peerage.actors.runtime.control_groups import memory_use, tasks_use

SMALLEST_RESERVE, LARGEST_RESERVE = 12, 64
RESERVED_SHARE = 8  # an eighth of the limit is reserved, within these bounds
PROCESS_COST = 5  # descriptors that an actor process costs its embedder: see ways.py
LONGEST_UNSEEN = 8  # descriptors that may be taken without counting in between
SETTLED_S = 0.1  # this long after it was granted, a descriptor is surely open, and counted by the kernel
HELP_WITH_DESCRIPTORS = "raise it (ulimit -n, LimitNOFILE=) or stop something"
HELP_WITH_PROCESSES = "raise it (ulimit -u, TasksMax=, --pids-limit) or end some of them"


class Purpose(Enum):
    """What a descriptor is wanted for. The value says how much must stay free for others, in sixths of the reserve.

    WORK leaves the whole reserve, DUTY a third of it. STRANGERS leave two reserves, so that no flood of connections takes
    what the actors need to talk to each other.
    """

    STRANGERS = 12
    WORK = 6
    DUTY = 2


def reserve(limit: int) -> int:
    """How many descriptors are kept in reserve under this limit."""
    return max(SMALLEST_RESERVE, min(LARGEST_RESERVE, limit // RESERVED_SHARE))


def kept_for(purpose: Purpose, limit: int) -> int:
    """How many descriptors must stay free under this limit when one is taken for this purpose."""
    return reserve(limit) * purpose.value // 6


def descriptor_limit(pid: int = 0) -> int:
    """The soft RLIMIT_NOFILE of this process (0) or of another one of this user. Raises: OSError."""
    soft = resource.prlimit(pid, resource.RLIMIT_NOFILE)[0]
    # RLIM_INFINITY is -1, which would compare as no descriptor at all.
    return 1 << 30 if soft == resource.RLIM_INFINITY else soft


def open_descriptors(pid: int = 0) -> int:
    """How many descriptors this process (0) or another one of this user has open. Raises: OSError."""
    path = f"/proc/{pid or 'self'}/fd"
    # Since Linux 6.2 their number is the size of that directory; before, its size is 0 and the entries must be counted.
    return os.stat(path).st_size or len(os.listdir(path))  # noqa: PTH116, PTH208 - a string, and this is asked for often


class Room:
    """Grants single descriptors for what comes too often to count each time: an accepted connection, a dial.

    After a count, a quarter of the room found may be taken before the next one, but at most LONGEST_UNSEEN: others take
    descriptors meanwhile, and the limit may be lowered.
    """

    def __init__(self, purpose: Purpose) -> None:
        self._purpose = purpose
        self._left = 0

    def take(self) -> str:
        """As `lack_of_descriptors`, for one."""
        if self._left > 0:
            self._left -= 1
            return ""
        lack = lack_of_descriptors(1, self._purpose)
        if not lack:
            with contextlib.suppress(OSError):
                limit = descriptor_limit()
                spare = limit - open_descriptors() - kept_for(self._purpose, limit)
                self._left = min(LONGEST_UNSEEN, spare // 4)
        return lack


class Reserve:
    """The reserve of this process, with what was granted lately and may not be open yet.

    ZeroMQ connects in its own thread, a moment later, and the connection back comes with the first answer. So of many starts
    in quick succession each would find the same room, and together they would pass the limit. One per process, shared by
    its threads.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal's handler may interrupt its own thread here
        # When each was granted, how many, and how many were open at that moment.
        self._granted: deque[tuple[float, int, int]] = deque()

    def take(self, needed: int, purpose: Purpose) -> str:
        """As `lack_of_descriptors` for this process. When nothing is lacking, the descriptors count as taken.

        What was granted for WORK counts in full for SETTLED_S, though some of it may never be opened: a refusal that comes a
        few descriptors too early can be repeated, an abort cannot be undone.
        """
        with self._lock:
            now = time.monotonic()
            while self._granted and now - self._granted[0][0] > SETTLED_S:
                self._granted.popleft()
            lack = lack_of_descriptors(needed, purpose, expected=self._expected)
            if not lack and purpose is Purpose.WORK:
                with contextlib.suppress(OSError):
                    self._granted.append((now, needed, open_descriptors()))
            return lack

    @property
    def _expected(self) -> int:
        """How many will be open once everything that was granted lately is. 0: nothing was, and the kernel's count holds.

        Counted from what was open before the oldest grant: those opened since would otherwise count twice.
        """
        return self._granted[0][2] + sum(each[1] for each in self._granted) if self._granted else 0


def lack_of_descriptors(
    needed: int, purpose: Purpose, pid: int = 0, whose: str = "this process", *, expected: int = 0
) -> str:
    """Why `needed` descriptors may not be taken now, as a clause that names the limit; empty when they may.

    Where the limit cannot be found out (a process that has just ended, a hidden `/proc`), nothing is refused.

    Args:
        needed: how many.
        purpose: what for.
        pid: another process of this user, 0 for this one.
        whose: how to name that process in the clause.
        expected: how many will be open in a moment, if that is more than are open now.
    """
    try:
        limit, used = descriptor_limit(pid), max(expected, open_descriptors(pid))
    except OSError as error:
        if error.errno not in {errno.EMFILE, errno.ENFILE}:
            return ""
        limit = used = descriptor_limit(pid)  # before Linux 6.2 counting takes one itself: there is none left
    kept = kept_for(purpose, limit)
    if used + needed + kept <= limit:
        return ""
    return (
        f"{whose} has {used} of at most {limit} file descriptors open (RLIMIT_NOFILE), {needed} more are needed and {kept} "
        f"are kept in reserve; {HELP_WITH_DESCRIPTORS}"
    )


def raise_descriptor_limit() -> None:
    """Raise the soft limit to the hard one. The usual soft limit, 1024, protects programs that call `select`; we do not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            return  # a sandbox may forbid it: then the soft limit stays


def lack_behind(error: BaseException) -> str:
    """Which limit made a fork, a thread or a descriptor fail, as a clause; empty for a failure of another kind."""
    if isinstance(error, MemoryError):
        return _lack_of_memory()
    if isinstance(error, RuntimeError):  # of `Thread.start`, which has no errno, only a text
        return lack_of_processes() if "start new thread" in str(error) else ""
    if not isinstance(error, OSError):
        return ""
    match error.errno:
        case errno.EAGAIN:
            return lack_of_processes()
        case errno.ENOMEM:
            return _lack_of_memory()
        case errno.EMFILE:
            limit = descriptor_limit()
            return (
                f"all of at most {limit} file descriptors are open (RLIMIT_NOFILE); {HELP_WITH_DESCRIPTORS}"
            )
        case errno.ENFILE:
            return "the machine has no file descriptor left (fs.file-max)"
    return ""


def lack_of_threads(count: int) -> str:
    """Why `count` more threads cannot be started, as a clause that names the limits; empty when they can.

    We start them and let them end again: no limit says how many are left, and ZeroMQ aborts the process when it cannot
    start its own. Another thread may take the room in between, which nothing can prevent.
    """
    end = threading.Event()
    threads = [threading.Thread(target=end.wait, daemon=True) for _ in range(count)]
    begun: list[threading.Thread] = []
    try:
        for thread in threads:
            thread.start()
            begun.append(thread)
    except RuntimeError as error:
        return lack_behind(error)
    finally:
        end.set()
        for thread in begun:
            thread.join()
    return ""


def lack_of_processes() -> str:
    """A clause with all limits on processes and threads: for each of them the kernel reports the same EAGAIN."""
    soft = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    limits = [f"{_shown(soft)} for the processes and threads of user {os.getuid()} (RLIMIT_NPROC)"]
    if (group := tasks_use()) is not None:
        limits.append(f"{group.limit} for this container or service, {group.used} of them taken (pids.max)")
    if (memory := resource.getrlimit(resource.RLIMIT_AS)[0]) != resource.RLIM_INFINITY:
        limits.append(f"{memory} bytes of addresses for each process (RLIMIT_AS)")
    return f"no process or thread can be made: the limits are {' and '.join(limits)}; {HELP_WITH_PROCESSES}"


def _lack_of_memory() -> str:
    limits = [f"RLIMIT_AS is {_shown(resource.getrlimit(resource.RLIMIT_AS)[0])}"]
    if (group := memory_use()) is not None:
        limits.append(f"this container or service may use {group.limit} bytes and uses {group.used}")
    return f"there is no memory: {', '.join(limits)}; raise it (ulimit -v, MemoryMax=) or end something"


def memory_limit() -> int:
    """How many bytes of memory this process can have, by the machine and by the container or service that it is in."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    group = memory_use()
    return machine if group is None else min(machine, group.limit)


def _shown(limit: int) -> str:
    return "unlimited" if limit == resource.RLIM_INFINITY else str(limit)
