"""The directory of a system's sockets and handled counts: private, and gone with the embedder, whatever ends it.

It is where nobody clears up while the system lives: `$RUNTIME_DIRECTORY` is a service manager's, for as long as the service
runs; `$TMPDIR` is where its user wants such things; in `/tmp` those who clear up leave alone what is locked, and sockets
that somebody listens at. `$XDG_RUNTIME_DIR` goes when its user logs out, and is taken only where nothing else is. Should
the directory be removed all the same, the processes of the system notice it and make it again (`Foothold`).

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
import socket
import time
from pathlib import Path

from peerage.actors.runtime.mail.foothold import MODE, UNMOUNTED

PREFIX = "peerage-"
LONGEST_SOCKET = 107  # bytes of a unix socket's path
LONGEST_BASE = 54  # of which our names take the rest
YOUNG_S = 60.0  # between `mkdir` and the lock there is a moment without either; a minute is more than a busy machine takes

# linux/mount.h; the numbers of these calls are the same on all architectures
FSOPEN, FSCONFIG, FSMOUNT = 430, 431, 432
FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC = 1, 1
FSCONFIG_SET_STRING, FSCONFIG_CMD_CREATE = 1, 6
MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC = 2, 4, 8


class NoPlaceError(OSError):
    """There is no place for the directory: it cannot be made in `filename`."""

    def __str__(self) -> str:
        return (
            f"{self.filename}: no place for the sockets of the node's processes: cannot be written: {self.strerror}; "
            "RUNTIME_DIRECTORY or TMPDIR may name another"
        )


class Directory:
    """One system's directory. Its name is known before it is made, so that the process that will remove it can be told.

    Attributes: path; fds, what its processes must inherit, under the same numbers, to find it there.
    """

    def __init__(self) -> None:
        self._fd = _memory_file_system() if os.getpid() == 1 else -1
        self.fds: tuple[int, ...] = () if self._fd < 0 else (self._fd,)
        self.path = _free_path() if self._fd < 0 else f"{UNMOUNTED}{self._fd}"

    def make(self) -> None:
        """Make it, and mark it as in use until `close` or the end of this process.

        Raises: NoPlaceError, when it cannot be made in the best place there is.
        """
        if self._fd < 0:
            try:
                Path(self.path).mkdir(MODE)
            except OSError as error:
                raise NoPlaceError(error.errno, error.strerror, str(Path(self.path).parent)) from error
            self._fd = hold(self.path)

    def hold_again(self) -> None:
        """Mark it as in use after it was made again. The old lock is on a directory that nobody finds any more.

        Several processes may have noticed, one after the other: where it is held, a second lock would wait for ours.
        """
        if not self.fds and not os.path.samestat(os.fstat(self._fd), Path(self.path).stat()):
            held, self._fd = self._fd, hold(self.path)
            os.close(held)

    def close(self) -> None:
        """Hold it no longer."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _free_path() -> str:
    # The number is for people; the random part keeps others from guessing it, and from putting something there first.
    return str(_base() / f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}")


def _bases() -> list[Path]:
    """Where it may be, the best place first."""
    named = os.environ.get("RUNTIME_DIRECTORY", "").split(":")  # a service may have several
    places = [*named, os.environ.get("TMPDIR", ""), "/tmp", os.environ.get("XDG_RUNTIME_DIR", "")]  # noqa: S108 - it is private, and its name random
    return [Path(place) for place in places if place.startswith("/") and _is_short(place)]


def _is_short(place: str) -> bool:
    return len(os.fsencode(place)) <= LONGEST_BASE


def why_passed_over(place: str) -> str:
    """Why the directory is not in a place that its user has named, in a line; empty where it may be there."""
    if not place.startswith("/"):
        return "not an absolute path"
    if not _is_short(place):
        return f"longer than {LONGEST_BASE} bytes, and the path of a socket has {LONGEST_SOCKET} at most"
    return "" if _takes_sockets(Path(place)) else "no sockets can be made there"


def _base() -> Path:
    # If none takes sockets, the first: making the directory there fails, with an error that names it.
    bases = _bases()
    return next((base for base in bases if _takes_sockets(base)), bases[0])


def _takes_sockets(base: Path) -> bool:
    """Whether sockets can be made there: that it can be written is not enough on every file system.

    So one is made, and removed again.
    """
    probe = base / f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}.probe"
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(probe))
        probe.unlink()
        return True
    return False


def _memory_file_system() -> int:
    """Make a file system in memory that is mounted nowhere.

    The new mount calls (Linux 5.2) do it without a place to mount it at. `glibc` has no wrappers for them before 2.36, so
    they are called by their numbers.

    Returns: a descriptor of its root directory, or -1 where the kernel or our rights do not allow it.
    """
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
    """Make one system call. Integers are passed as C longs: `ctypes` would take them for ints. Raises: OSError."""
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
    for base in _bases():
        sweep(base / f"{PREFIX}[0-9]*-*")


def left_behind() -> list[Path]:
    """What `sweep_abandoned` would remove now: directories of this user that nobody holds any more."""
    found = []
    for base in _bases():
        for directory in base.glob(f"{PREFIX}[0-9]*-*"):
            with contextlib.suppress(OSError):
                facts = directory.stat()
                if facts.st_uid != os.getuid() or time.time() - facts.st_mtime < YOUNG_S:
                    continue
                fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
                    found.append(directory)
                finally:
                    os.close(fd)
    return found


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
            # O_NOFOLLOW: in a directory that everybody can write, the name may be somebody's link to something else.
            fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_directory(str(directory))
            finally:
                os.close(fd)


def remove_directory(directory: str) -> None:
    """Remove the runtime directory; several processes may do so at the same time.

    That is why it is tried again: each of them skips what another has just removed, and a mailbox may be bound in between.
    """
    if directory.startswith(UNMOUNTED):
        return
    for _ in range(10):
        shutil.rmtree(directory, ignore_errors=True)
        if not Path(directory).exists():
            return
