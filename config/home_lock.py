"""One home, one writer: a lock on the data directory that the kernel releases when its holder ends, however it ends.

HOME/data/node.lock is locked while a node runs or a command changes the address book. What stands in it is for the
message of who comes second: whose it is. The file stays when the lock is gone; it means nothing then.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from peerage.config.errors import HomeError, HomeInUseError
from peerage.config.home import Home, make_directory

FILE_MODE = 0o600
MAX_NOTE = 1000  # bytes
NOTE_WAIT_S = 0.5  # for a holder that has the lock and is about to say who it is
NOTE_LOOK_S = 0.01
# A network file system without a lock service. SQLite's locks are of the same kind, so few of these can hold a book at all.
NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})


class HomeLock:
    """The lock of a home, taken when this object is made. It is this process's: a forked child does not have it.

    Args:
        home: its data directory is made where there is none.
        what: who takes it, "a node" say, for the message of who comes second.

    Attributes: notes, lines for the operator: the file system may have no locks.

    Raises: HomeInUseError when somebody else has it, or another object in this process; HomeError when the data
        directory cannot be written.
    """

    def __init__(self, home: Home, what: str) -> None:
        make_directory(home.data_dir)
        self._what = what
        self._fd, self.notes = _take(home)
        _held.add(self)
        self.note()

    def note(self, address: str = "") -> None:
        """Say who has it: this process, and where its node is reached once that is known."""
        facts = {"what": self._what, "pid": os.getpid(), "host": socket.gethostname(), "address": address}
        with suppress(OSError):  # a full disk: the lock holds without
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, json.dumps(facts).encode(), 0)

    def release(self) -> None:
        """Let others have it. May be called twice."""
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        _held.discard(self)
        with suppress(OSError):
            os.ftruncate(fd, 0)
        with suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_UN)  # also for a child that is between its fork and its exec
        os.close(fd)

    def _forget(self) -> None:
        os.close(self._fd)
        self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


_held: set[HomeLock] = set()


def _forget_after_fork() -> None:
    """A child that outlives its parent must not keep a home from the parent's successor."""
    for lock in _held:
        lock._forget()  # noqa: SLF001 - this module's own
    _held.clear()


os.register_at_fork(after_in_child=_forget_after_fork)


def _take(home: Home) -> tuple[int, tuple[str, ...]]:
    """The locked file's descriptor, and notes."""
    path = home.lock_file
    while True:
        try:
            fd = _open(path)
        except OSError as error:
            raise HomeError(path, f"cannot be opened to lock the home: {error.strerror}") from error
        try:
            notes = _lock(fd, home)
            if _is_at(path, fd):
                return fd, notes
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)  # it was deleted meanwhile: a lock that nobody else would find


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        fd = os.open(path, flags | os.O_CREAT, FILE_MODE)
    if os.geteuid() == 0:  # `sudo peerage bans add` must not lock the home's owner out
        owner = path.parent.stat()
        with suppress(OSError):
            os.fchown(fd, owner.st_uid, owner.st_gid)
    return fd


def _lock(fd: int, home: Home) -> tuple[str, ...]:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise _in_use(home, fd) from error
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise HomeError(home.lock_file, f"cannot be locked: {error.strerror}") from error
        return (
            f"{home}: its file system has no locks ({error.strerror}): nobody sees to it that one node uses it",
        )
    return ()


def _is_at(path: Path, fd: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False


def _in_use(home: Home, fd: int) -> HomeInUseError:
    deadline = time.monotonic() + NOTE_WAIT_S
    while not (facts := _read(fd)) and time.monotonic() < deadline:
        time.sleep(NOTE_LOOK_S)
    pid = facts.get("pid")
    what, host, address = (_text(facts.get(key)) for key in ("what", "host", "address"))
    return HomeInUseError(
        home,
        what or "another process",
        pid if isinstance(pid, int) else None,
        address,
        "" if host == socket.gethostname() else host,
    )


def _read(fd: int) -> dict[str, Any]:
    try:
        facts = json.loads(os.pread(fd, MAX_NOTE, 0))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) and value.isprintable() else ""
