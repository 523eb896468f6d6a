"""Creates files completely or not at all, and never over an existing one."""

import contextlib
import os
import secrets
from pathlib import Path


def write_new_file(path: Path, content: bytes, mode: int) -> bool:
    """Write a file that does not exist yet, with exactly this mode. Returns: False, with nothing done, if it exists.

    Nobody ever sees part of it, and of two processes that write at once one wins and the other gets False.
    Raises: OSError.
    """
    # link() refuses an existing target; rename() would replace it
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(descriptor, mode)  # exactly this mode, whatever the umask
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
