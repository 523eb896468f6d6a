"""What the operating system allows this process, and how much of its file descriptors is kept in reserve.

ZeroMQ aborts the whole process when it cannot accept a connection for want of a descriptor (`ipc_listener.cpp`: only ENFILE
is tolerated there, EMFILE is an assertion). So nothing of ours takes the last ones. Who wants a descriptor says for what;
what can wait is refused first:

    limit ┬ STRANGERS   connections of strangers, taken or made: the first to be refused
          ├ WORK        actors that are started, ways to processes that were not spoken to before
          ├ DUTY        what is owed: answers, news of hosts, of ends
          └             left to ZeroMQ, which accepts without asking

The way from one process to another costs descriptors in both, and the limit of the other may be another one: both are
looked at. Counting costs a microsecond or two where the kernel tells (Linux 6.2), and about one per open descriptor before.
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
from pathlib import Path

SMALLEST_RESERVE, LARGEST_RESERVE = 12, 64
RESERVED_SHARE = 8  # one in so many descriptors, within these bounds
PROCESS_COST = 5  # descriptors that an actor process costs its embedder: see ways.py
LONGEST_UNSEEN = 8
SETTLED_S = 0.1  # after it was granted, a descriptor is open and counted
CGROUPS = Path("/sys/fs/cgroup")
HELP_WITH_DESCRIPTORS = "raise it (ulimit -n, LimitNOFILE=) or stop something"
HELP_WITH_PROCESSES = "raise it (ulimit -u, TasksMax=, --pids-limit) or end some of them"


class Purpose(Enum):
    """What a descriptor is wanted for, and how much of the reserve may be taken for that, in sixths of it: with STRANGERS
    a whole reserve is left above that of WORK, so that no flood of connections takes what the actors need to speak.
    """

    STRANGERS = 12
    WORK = 6
    DUTY = 2


def reserve(limit: int) -> int:
    """How many descriptors of so many are kept in reserve."""
    return max(SMALLEST_RESERVE, min(LARGEST_RESERVE, limit // RESERVED_SHARE))


def kept_for(purpose: Purpose, limit: int) -> int:
    """How many of so many must be left when one is taken for a purpose."""
    return reserve(limit) * purpose.value // 6


def descriptor_limit(pid: int = 0) -> int:
    """RLIMIT_NOFILE, the soft one, of this or another process of this user. Raises: OSError."""
    soft = resource.prlimit(pid, resource.RLIMIT_NOFILE)[0]
    return 1 << 30 if soft == resource.RLIM_INFINITY else soft


def open_descriptors(pid: int = 0) -> int:
    """How many descriptors this or another process of this user has open. Raises: OSError."""
    path = f"/proc/{pid or 'self'}/fd"
    # Linux tells their number as the size of that directory since 6.2; before, the size is 0.
    return os.stat(path).st_size or len(os.listdir(path))  # noqa: PTH116, PTH208 - a string, and this is asked for often


class Room:
    """Says of one descriptor after the other whether it may be taken, for what comes too often to count each time: after a
    look, a quarter of the room there is may be taken without another, and eight at most, for limits may be lowered.
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
    """The reserve of this process, with what has been granted and is not open yet: ZeroMQ's connections come up a moment
    later, and ways back with the first answer. Many starts and openings on each other's heels must not pass it together.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._granted: deque[tuple[float, int, int]] = (
            deque()
        )  # when, how many, and how many were open before

    def take(self, needed: int, purpose: Purpose) -> str:
        """As `lack_of_descriptors`, for this process; when it is empty, so many count as taken."""
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
        """How many will be open once all that was granted lately is."""
        return self._granted[0][2] + sum(each[1] for each in self._granted) if self._granted else 0


def lack_of_descriptors(
    needed: int, purpose: Purpose, pid: int = 0, whose: str = "this process", *, expected: int = 0
) -> str:
    """Why so many descriptors may not be taken now, in a clause that names the limit; empty when they may.

    A limit that cannot be found out does not stand in the way.

    Args: pid and whose, another process of this user, and its name; expected, how many will be open in a moment.
    """
    try:
        limit, used = descriptor_limit(pid), max(expected, open_descriptors(pid))
    except OSError as error:
        if error.errno not in {errno.EMFILE, errno.ENFILE}:
            return ""
        limit = used = descriptor_limit(pid)  # before Linux 6.2 counting takes one
    kept = kept_for(purpose, limit)
    if used + needed + kept <= limit:
        return ""
    return (
        f"{whose} has {used} of at most {limit} file descriptors open (RLIMIT_NOFILE), {needed} more are needed and {kept} "
        f"are kept in reserve; {HELP_WITH_DESCRIPTORS}"
    )


def raise_descriptor_limit() -> None:
    """Raise the soft limit to the hard one: 1024, the usual soft one, is for programs that call `select`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            return  # a sandbox that forbids it: the soft one holds


def lack_behind(error: BaseException) -> str:
    """Which limit made a fork, a thread or a descriptor fail, in a clause; empty for a failure of another kind."""
    if isinstance(error, MemoryError):
        return _lack_of_memory()
    if isinstance(error, RuntimeError):
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
    """Why there cannot be so many more threads, in a clause that names the limits; empty when there can be.

    They are tried: ZeroMQ aborts the process when it cannot start its own.
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
    """That no process or thread can be made, and which limits there are on them: the kernel does not say which it was."""
    soft = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    limits = [f"{_shown(soft)} for the processes and threads of user {os.getuid()} (RLIMIT_NPROC)"]
    if (group := _group_limit("pids", "pids.max", "pids.current")) is not None:
        limits.append(f"{group[0]} for this container or service, {group[1]} of them taken (pids.max)")
    if (memory := resource.getrlimit(resource.RLIMIT_AS)[0]) != resource.RLIM_INFINITY:
        limits.append(f"{memory} bytes of addresses for each process (RLIMIT_AS)")
    return f"no process or thread can be made: the limits are {' and '.join(limits)}; {HELP_WITH_PROCESSES}"


def _lack_of_memory() -> str:
    limits = [f"RLIMIT_AS is {_shown(resource.getrlimit(resource.RLIMIT_AS)[0])}"]
    group = _group_limit("memory", "memory.max", "memory.current")
    group = group or _group_limit("memory", "memory.limit_in_bytes", "memory.usage_in_bytes")
    if group is not None:
        limits.append(f"this container or service may use {group[0]} bytes and uses {group[1]}")
    return f"there is no memory: {', '.join(limits)}; raise it (ulimit -v, MemoryMax=) or end something"


def _shown(limit: int) -> str:
    return "unlimited" if limit == resource.RLIM_INFINITY else str(limit)


def _group_limit(controller: str, limit: str, current: str) -> tuple[str, str] | None:
    """The control group's limit that is nearest to being reached, of this process or above it, and what is used of it."""
    found: list[tuple[int, int]] = []
    for directory in _groups(controller):
        try:
            found.append((int((directory / limit).read_text()), int((directory / current).read_text())))
        except (OSError, ValueError):  # not here, not for us to read, or "max"
            continue
    if not found:
        return None
    most, used = min(found, key=lambda pair: pair[0] - pair[1])
    return str(most), str(used)


def _groups(controller: str) -> list[Path]:
    """The control groups that this process is in for a controller, its own first; version 2, and 1 before it."""
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    for line in lines:
        _number, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        top = CGROUPS / controller if controllers else CGROUPS
        own = top / path.lstrip("/")
        if own.is_dir():
            return [own, *(each for each in own.parents if each.is_relative_to(top))]
    return []
