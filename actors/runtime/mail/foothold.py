"""A process's hold on the directory of its system's mailboxes, which others may remove while the system runs.

An administrator's `rm -rf /tmp/*` must not end a node: connections that stand do not need the path, only new ones do. Every
process looks at it once a second, and whoever notices first makes it again (docs/decisions/0013). The directory is made in
the beginning and removed in the end by the embedder, see `processes/directory.py`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from pathlib import Path

MODE = 0o700
LOOK_S = 1.0  # between two looks at whether the directory is still there
UNMOUNTED = "/proc/self/fd/"  # where the processes of a system find a directory that is mounted nowhere


class Foothold:
    """One process's hold on the directory: it knows whether the path still leads there.

    That a directory of that name exists is not enough: another process may have made it again, and then the mailboxes of
    this one are missing in it.

    Attribute: identity, the directory's device and inode. An open descriptor keeps the inode from being used again.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1
        self.identity = (0, 0)
        with contextlib.suppress(FileNotFoundError):  # removed already: the first look will tell
            self._step()

    def is_lost(self) -> bool:
        """Whether somebody has removed it, or moved it away."""
        return not self._path.startswith(UNMOUNTED) and _identity(self._path) != self.identity

    def give_up(self) -> None:
        """Remove what is left of it, so that every process notices and makes it again.

        Somebody has removed files in it, and left it. A process sees that its own mailbox is missing, and cannot know which
        of the others are; with the directory gone all of them put back what they had.

        Raises: OSError.
        """
        shutil.rmtree(self._path)

    def renew(self) -> None:
        """Make the directory again, unless another process has done so, and take hold of it.

        Raises: OSError; PermissionError, when a directory is there that belongs to another user.
        """
        _make_again(self._path)
        self._step()

    def close(self) -> None:
        """Let go."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _step(self) -> None:
        # Opened before the old one is closed, so that no other directory gets the same inode in between.
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
        # Whoever may remove our directory may also put one of their own in its place. We would bind mailboxes in it, and
        # unpickle what they send there.
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
            raise PermissionError(errno.EPERM, "it is somebody else's", path) from None
