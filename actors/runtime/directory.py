"""The directory of a system's sockets and ledgers: private, and gone with the embedder, whatever ends it.

Usually it is on disk, and whoever of the system survives the embedder removes it. Nobody does where the embedder is the
init of a PID namespace (a container): the kernel kills all in it with their init. There the directory is a file system
in memory that is mounted nowhere, held by descriptors alone; it vanishes with the last of them.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import secrets
import shutil
import time
from pathlib import Path

PREFIX = "peerage-"
LONGEST_BASE = 54  # a unix socket's path has at most 107 bytes
YOUNG_S = 60.0
UNMOUNTED = "/proc/self/fd/"  # where every process of the system finds a directory that is mounted nowhere

# linux/mount.h; the numbers of these calls are the same on all architectures
FSOPEN, FSCONFIG, FSMOUNT = 430, 431, 432
FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC = 1, 1
FSCONFIG_SET_STRING, FSCONFIG_CMD_CREATE = 1, 6
MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC = 2, 4, 8


class Directory:
    """One system's. Attributes: path; fds, what its processes must inherit, under the same numbers, to find it there."""

    def __init__(self) -> None:
        self._fd = _memory_file_system() if os.getpid() == 1 else -1
        self.fds: tuple[int, ...] = () if self._fd < 0 else (self._fd,)
        self.path = _free_path() if self._fd < 0 else f"{UNMOUNTED}{self._fd}"

    def make(self) -> None:
        """Make it, and mark it as in use until `close` or the end of this process."""
        if self._fd < 0:
            Path(self.path).mkdir(0o700)
            self._fd = hold(self.path)

    def close(self) -> None:
        """Hold it no longer."""
        os.close(self._fd)


def _free_path() -> str:
    return str(_base() / f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}")


def _base() -> Path:
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    if not base or len(base) > LONGEST_BASE or not os.access(base, os.W_OK | os.X_OK):
        base = "/tmp"  # noqa: S108 - the directory itself is private and its name random
    return Path(base)


def _memory_file_system() -> int:
    """Returns: a descriptor of its root directory, or -1 where the kernel or our rights do not allow it."""
    try:
        context = _call(FSOPEN, b"tmpfs", FSOPEN_CLOEXEC)
        try:
            _call(FSCONFIG, context, FSCONFIG_SET_STRING, b"mode", b"0700", 0)
            _call(FSCONFIG, context, FSCONFIG_CMD_CREATE, None, None, 0)
            attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC
            fd = _call(FSMOUNT, context, FSMOUNT_CLOEXEC, attributes)
        finally:
            os.close(context)
    except OSError:
        return -1
    if Path(f"{UNMOUNTED}{fd}").is_dir():
        return fd
    os.close(fd)  # no /proc
    return -1


def _call(number: int, *arguments: object) -> int:
    syscall = ctypes.CDLL(None, use_errno=True).syscall
    syscall.restype = ctypes.c_long
    result: int = syscall(*(ctypes.c_long(a) if isinstance(a, int) else a for a in (number, *arguments)))
    if result < 0:
        code = ctypes.get_errno() or errno.ENOSYS
        raise OSError(code, os.strerror(code))
    return result


def hold(directory: str) -> int:
    """Mark a directory as in use until the returned descriptor, which closes on exec, is closed."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def sweep_abandoned() -> None:
    """Remove what systems before this one have left on disk."""
    sweep(_base() / f"{PREFIX}[0-9]*-*")


def sweep(pattern: Path) -> None:
    """Remove the directories of embedders that were killed together with everything that cleans up.

    Held ones are left alone (a lock sees through PID namespaces, a process number does not), and so are young
    ones, whose owner may be about to take hold.
    """
    for directory in pattern.parent.glob(pattern.name):
        with contextlib.suppress(OSError):
            facts = directory.stat()
            if facts.st_uid != os.getuid() or time.time() - facts.st_mtime < YOUNG_S:
                continue
            fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_directory(str(directory))
            finally:
                os.close(fd)


def remove_directory(directory: str) -> None:
    """Remove the runtime directory; several processes may do so at the same time."""
    if directory.startswith(UNMOUNTED):
        return
    for _ in range(10):
        shutil.rmtree(directory, ignore_errors=True)
        if not Path(directory).exists():
            return
