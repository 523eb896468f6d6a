"""Opens files that should be regular files, and reads those that should be small."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from peerage.config.errors import UnfitValueError


@contextmanager
def open_regular(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """A regular file, opened for reading, and its mode bits, taken from the open file itself.

    Does not block, even if the path leads to a pipe or a device.
    Raises: OSError; UnfitValueError if it is not a regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise UnfitValueError(_what(mode), "a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield file, stat.S_IMODE(mode)
    finally:
        os.close(descriptor)


def read_small_file(path: Path, limit: int) -> tuple[bytes, int]:
    """A file's content and mode bits.

    Raises: OSError; UnfitValueError if it is not a regular file or longer than `limit` bytes.
    """
    with open_regular(path) as (file, mode):
        content = file.read(limit + 1)
    if len(content) > limit:
        raise UnfitValueError(f"more than {limit:,} bytes", f"at most {limit:,} bytes")
    return content, mode


def _what(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a directory"
    return "a pipe" if stat.S_ISFIFO(mode) else "something that is no file"
