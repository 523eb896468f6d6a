"""Files that are replaced as a whole: a reader finds the old one or the new one, and a full disk costs neither."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from peerage.actors.discovery.book.store_files import sync_directory

__all__ = ["whole_file", "write_whole_file"]

LEFT_BEHIND_S = 3600.0  # nobody is writing a draft this old any more


def write_whole_file(path: Path, content: bytes, mode: int) -> None:
    """Write a file, over another if there is one; on return it survives a power cut.

    Raises: OSError; the file is as it was then.
    """
    with whole_file(path, mode) as file:
        file.write(content)


@contextmanager
def whole_file(path: Path, mode: int) -> Iterator[BinaryIO]:
    """As `write_whole_file`, for content that is written piece by piece. The file gets its name after the block.

    A link stays, and what it leads to is replaced. A device or a pipe is written to: whoever is root would replace
    /dev/null by a file. A draft left behind by a process that was killed while writing is removed.
    """
    if (
        path.exists() and not path.is_file()
    ):  # asked first: where /dev/stdout is a pipe, it resolves to no path
        with path.open("wb") as file:
            yield file
        return
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{path.name}."
    _remove_left_behind(path.parent, prefix)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=prefix)
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        with suppress(OSError):  # the file system may have become read-only
            draft.unlink()
        raise
    with suppress(OSError):  # not every file system supports it
        sync_directory(path.parent)


def _remove_left_behind(directory: Path, prefix: str) -> None:
    now = time.time()
    with suppress(OSError):
        for file in directory.iterdir():
            if file.name.startswith(prefix) and now - file.stat().st_mtime > LEFT_BEHIND_S:
                with suppress(OSError):
                    file.unlink()
