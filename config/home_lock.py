"""One home, one writer: a lock that the kernel releases when its holder ends, however it ends.

HOME                  locked itself, while a node runs or a command changes the address book: the node makes another data
                      directory when that is renamed or removed
HOME/data             locked itself, too: two homes may have one, by a symbolic link, and a lock file alone is gone when
                      somebody empties the directory
HOME/data/node.lock   locked too, for network file systems, where a directory cannot be; in it stands who has the lock, for
                      the message of who comes second. The file stays when the lock is gone, and means nothing then.
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
WAIT_S = 0.5  # for a holder that is about to say who it is, or to let go: tools lock a directory that they clean up
LOOK_S = 0.01
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class HomeLock:
    """The lock of a home, taken when this object is made. It is this process's: a forked child does not have it.

    Args:
        home: its data directory is made where there is none.
        what: who takes it, "a node" say, for the message of who comes second.

    Attributes: notes, lines for the operator: the file system may have no locks.

    Raises: HomeInUseError when somebody else has it, or another object in this process; HomeError when the data
        directory cannot be made or written.
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

    def tell(self, address: str = "") -> None:
        """Say who has it: this process, and where its node is reached once that is known."""
        facts = {"what": self._what, "pid": os.getpid(), "host": socket.gethostname(), "address": address}
        with suppress(OSError):  # a full disk: the lock holds without
            _write(self._lock_file, json.dumps(facts).encode())

    def release(self) -> None:
        """Let others have it. May be called twice."""
        if self not in _held:
            return
        _held.discard(self)
        with suppress(OSError):
            _write(self._lock_file, b"")
        for fd in self._fds:
            fcntl.flock(fd, fcntl.LOCK_UN)  # also for a child that is between its fork and its exec
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


_held: set[HomeLock] = set()


def _forget_after_fork() -> None:
    """A child that outlives its parent must not keep a home from the parent's successor."""
    for lock in _held:
        lock._forget()  # noqa: SLF001 - this module's own
    _held.clear()


os.register_at_fork(after_in_child=_forget_after_fork)


def _take(home: Home) -> list[int] | None:
    """Descriptors of what could be locked; None when somebody else has it.

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
                raise BlockingIOError  # it was replaced before we had it: the next look is at the new one
    except BaseException as error:
        for fd in fds:
            os.close(fd)
        if isinstance(error, BlockingIOError | FileNotFoundError):
            return None
        raise
    return fds


def _lock(fd: int) -> bool:
    """Whether this kind of file can be locked on its file system. Raises: BlockingIOError, somebody else has it."""
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
    except HomeError:  # somebody else's, which may be passed through and not read
        return None


def _open_directory(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise HomeError(path, f"cannot be opened to lock it: {error.strerror}") from error


def _open_file(path: Path) -> int | None:
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            fd = os.open(path, flags | os.O_CREAT, FILE_MODE)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in FULL:  # the directory's lock does without
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
    """What the holder has told; empty if nothing."""
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
    pid = holder.get("pid")
    what, host, address = (_text(holder.get(key)) for key in ("what", "host", "address"))
    return HomeInUseError(
        home,
        what or "another process",
        pid if isinstance(pid, int) else None,
        address,
        "" if host == socket.gethostname() else host,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) and value.isprintable() else ""
