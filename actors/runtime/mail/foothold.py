"""A process's hold on the directory of its system's mailboxes, which others may remove while the system runs.

The directory itself is made and removed by the embedder, see `processes/directory.py`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

MODE = 0o700
LOOK_S = 1.0  # between two looks at whether the directory is still there
UNMOUNTED = "/proc/self/fd/"  # where the processes of a system find a directory that is mounted nowhere


class Foothold:
    """One process's hold on the directory: it knows whether its path still leads there.

    Attribute: identity, the directory's device and inode. An open descriptor keeps the inode from being used again.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1
        self.identity = (0, 0)
        with contextlib.suppress(FileNotFoundError):  # removed already: the first look says so
            self._step()

    def is_lost(self) -> bool:
        """Whether somebody has removed it, or moved it away."""
        return not self._path.startswith(UNMOUNTED) and _identity(self._path) != self.identity

    def renew(self) -> None:
        """Make the directory again, unless another process has done so, and hold on to it.

        Raises: OSError; PermissionError, when somebody else's directory is there now.
        """
        _make_again(self._path)
        self._step()

    def close(self) -> None:
        """Let go."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _step(self) -> None:
        fd = os.open(self._path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self.close()
        facts = os.fstat(fd)
        self._fd, self.identity = fd, (facts.st_dev, facts.st_ino)


def _identity(path: str) -> tuple[int, int]:
    try:
        facts = os.stat(path)  # noqa: PTH116 - a string is what we have, and this is asked for often
    except OSError:
        return -1, -1
    return facts.st_dev, facts.st_ino


def _make_again(path: str) -> None:
    try:
        Path(path).mkdir(MODE, parents=True)
    except FileExistsError:
        facts = os.lstat(path)
        # Whoever may remove our directory may also have put one of their own in its place.
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
            raise PermissionError(errno.EPERM, "it is somebody else's", path) from None
