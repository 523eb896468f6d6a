"""Files that commands write for their users: whole or not at all, and an error names the file."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from peerage.actors.discovery.book.whole_file import whole_file
from peerage.commands.exit_status import FailureError

MODE = 0o666  # less what the umask takes, as of any file that a command writes


def write_text(path: Path, write: Callable[[TextIO], object]) -> None:
    """Have `write` write a file, over another if there is one; a pipe or device is written to as it is.

    Raises: FailureError; the file is as it was then.
    """
    target = path.resolve()  # a link stays one
    try:
        if target.exists() and not target.is_file():
            with target.open("w", encoding="utf-8", newline="") as file:
                write(file)
            return
        mode = target.stat().st_mode & 0o777 if target.exists() else MODE & ~_umask()
        with whole_file(target, mode) as raw:
            text = io.TextIOWrapper(raw, encoding="utf-8", newline="")
            try:
                write(text)
            finally:
                text.detach()  # it flushes, and leaves the closing to the other
    except OSError as error:
        raise FailureError(f"{path} cannot be written: {error.strerror or error}") from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
