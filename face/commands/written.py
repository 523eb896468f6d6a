"""Writes the files that users ask commands for: completely or not at all, with errors that name the file."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from peerage.actors.discovery.book.whole_file import whole_file
from peerage.commands.exit_status import FailureError

MODE = 0o666  # minus the umask, as usual for a command's output


def write_text(path: Path, write: Callable[[TextIO], object]) -> None:
    """Let `write` produce a file, replacing one that exists; a pipe or a device is simply written to.

    Raises: FailureError; the file is then as it was before.
    """
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else MODE & ~_umask()
        with whole_file(path, mode) as raw:
            text = io.TextIOWrapper(raw, encoding="utf-8", newline="")
            try:
                write(text)
            finally:
                text.detach()  # flushes, and leaves closing the file to whole_file
    except OSError as error:
        raise FailureError(f"{path} cannot be written: {error.strerror or error}") from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
