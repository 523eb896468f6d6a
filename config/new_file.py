"""Files that come into being whole or not at all, and never over another."""

import contextlib
import os
import secrets
from pathlib import Path


def write_new_file(path: Path, content: bytes, mode: int) -> bool:
    """Write a file that is not there yet, with exactly this mode; false, and nothing done, if it is there.

    Nobody ever sees a part of it, and of two that write at once one wins and the other is told.
    Raises: OSError.
    """
    # link() refuses an existing target, which rename() would replace
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, mode)  # the umask does not count
            os.fsync(descriptor)
        try:
            os.link(draft, path)
        except FileExistsError:
            return False
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
    _sync_directory(path.parent)
    return True


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
