"""The home lock: lets only one process at a time write in a home directory.

The locks are flock's, so the kernel releases them when the holder ends, however it ends. Three things are locked, since
each covers a case that the others miss:

HOME                  the directory itself: if somebody renames or removes HOME/data while a node runs, the node makes a
                      new one, and a lock on the old one would keep nobody out
HOME/data             the directory itself: two homes may share it by a symbolic link, and a lock file alone is gone when
                      somebody empties the directory
HOME/data/node.lock   a file, because some network file systems cannot lock directories. It also says who holds the lock,
                      for the error that the second process shows. The file stays after the lock is released; its
                      existence means nothing.

A node holds the lock while it runs, a command while it changes the address book.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from peerage.config.errors import HomeError, HomeInUseError
from peerage.config.home import Home, make_directory

FILE_MODE = 0o600
MAX_NOTE = 1000  # bytes of node.lock that are read
WAIT_S = 0.5  # for a holder that has not yet said who it is, or will soon let go, as tools do that clean up directories
LOOK_S = 0.01  # pause between two attempts
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class HomeLock:
    """The lock of a home, acquired by creating this object. It belongs to this process: a forked child does not hold it.

    Args:
        home: its data directory is created if it is missing.
        what: the holder, such as "a node", for the error that a second process shows.

    Attributes: notes, lines for the operator, for instance that the file system has no locks.

    Raises: HomeInUseError when another process, or another object in this one, holds the lock; HomeError when the data
        directory cannot be created or written.
    """

    def __init__(self, home: Home, what: str) -> None:
        self._what, self._lock_file = what, home.lock_file
        deadline = time.monotonic() + WAIT_S
        while (taken := _take(home)) is None:
            holder = _read(home.lock_file)
            if holder or time.monotonic() > deadline:
                raise _in_use(home, holder)
            time.sleep(LOOK_S)
        self._fds = taken
        self.notes: tuple[str, ...] = ()
        if not taken:
            self.notes = (f"{home}: its file system has no locks: nobody sees to it that one node uses it",)
        _held.add(self)
        self.tell()

    def tell(self, address: str = "", also: Sequence[str] = ()) -> None:
        """Write into the lock file who holds the lock: this process, and its node's addresses once they are known.

        Args: also, what peers of the other IP family are told.
        """
        facts = {"what": self._what, "pid": os.getpid(), "host": socket.gethostname(), "address": address}
        if also:
            facts["also"] = " ".join(also)
        with suppress(OSError):  # the disk may be full; the lock holds without the note
            _write(self._lock_file, json.dumps(facts).encode())

    def release(self) -> None:
        """Release the lock. May be called twice."""
        if self not in _held:
            return
        _held.discard(self)
        with suppress(OSError):
            _write(self._lock_file, b"")
        for fd in self._fds:
            # Unlock explicitly, since a child between its fork and its exec has a copy of the descriptor: closing ours
            # would leave the home locked.
            fcntl.flock(fd, fcntl.LOCK_UN)
        self._forget()

    def _forget(self) -> None:
        for fd in self._fds:
            os.close(fd)
        self._fds = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def holder_of(home: Home) -> HomeInUseError | None:
    """Who holds the lock of a home, as the error that he would be to others; None if nobody does, or none can be found.

    Nothing is written, and no directory is made.
    """
    try:
        fd = os.open(home.lock_file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _in_use(home, _read(home.lock_file))
    except OSError:  # a file system without locks
        facts = _read(home.lock_file)
        return _in_use(home, facts) if facts else None
    finally:
        os.close(fd)
    return None


_held: set[HomeLock] = set()


def _forget_after_fork() -> None:
    """Close the child's copies, so that a child which outlives its parent does not keep the home from a successor."""
    for lock in _held:
        lock._forget()  # noqa: SLF001 - this module's own
    _held.clear()


os.register_at_fork(after_in_child=_forget_after_fork)


def _take(home: Home) -> list[int] | None:
    """Lock what can be locked. Returns: the descriptors; None when somebody else holds a lock.

    Raises: HomeError.
    """
    make_directory(home.data_dir)
    fds: list[int] = []
    try:
        ways = ((home.path, _open_home), (home.data_dir, _open_directory), (home.lock_file, _open_file))
        for path, open_it in ways:
            fd = open_it(path)
            if fd is None:
                continue
            fds.append(fd)
            if not _lock(fd):
                fds.remove(fd)
                os.close(fd)
            elif not os.path.samestat(path.stat(), os.fstat(fd)):
                raise BlockingIOError  # replaced between open and lock: the next attempt opens the new one
    except BaseException as error:
        for fd in fds:
            os.close(fd)
        if isinstance(error, BlockingIOError | FileNotFoundError):
            return None
        raise
    return fds


def _lock(fd: int) -> bool:
    """Lock a file. Returns: False if its file system has no such lock. Raises: BlockingIOError if it is taken."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def _open_home(path: Path) -> int | None:
    try:
        return _open_directory(path)
    except HomeError:  # somebody else's directory, which we may pass through but not read
        return None


def _open_directory(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise HomeError(path, f"cannot be opened to lock it: {error.strerror}") from error


def _open_file(path: Path) -> int | None:
    """Open the lock file, creating it if needed. Returns: None if the disk is full and the directory's lock must do.

    O_NOFOLLOW, so that a link in its place cannot make us create or write another file. Raises: HomeError.
    """
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            fd = os.open(path, flags | os.O_CREAT, FILE_MODE)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in FULL:  # the lock on the directory must do
            return None
        raise HomeError(path, f"cannot be written: {error.strerror}") from error
    if os.geteuid() == 0:  # `sudo peerage bans add` must not leave a file that the home's owner cannot open
        owner = path.parent.stat()
        with suppress(OSError):
            os.fchown(fd, owner.st_uid, owner.st_gid)
    return fd


def _write(path: Path, content: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_TRUNC)
    try:
        os.write(fd, content)
    finally:
        os.close(fd)


def _read(path: Path) -> dict[str, Any]:
    """What the holder wrote about itself; empty if there is nothing to read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            facts = json.loads(os.read(fd, MAX_NOTE))
        finally:
            os.close(fd)
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _in_use(home: Home, holder: dict[str, Any]) -> HomeInUseError:
    """The error for the second process, made from what the holder wrote about itself."""
    pid = holder.get("pid")
    what, host, address = (_text(holder.get(key)) for key in ("what", "host", "address"))
    also = _text(holder.get("also"))
    return HomeInUseError(
        home,
        what or "another process",
        pid if isinstance(pid, int) else None,
        address,
        "" if host == socket.gethostname() else host,
        tuple(also.split()),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) and value.isprintable() else ""
