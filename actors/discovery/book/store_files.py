"""A database's files as files: whether they are still the ones that were opened, and how others take their place."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LOG, MEMORY = "-wal", "-shm"  # what SQLite keeps beside a database
DRAFT = ".new"  # a database that is to take the place of another
NEEDED = (
    256 * 1024
)  # bytes that there must be room for before a node starts: SQLite's files beside an empty book


def beside(path: Path, suffix: str) -> Path:
    """The file whose name is this one with a suffix."""
    return path.with_name(path.name + suffix)


@dataclass(frozen=True, slots=True)
class FileMarks:
    """What identifies a database's files, to notice when others have taken their names; None for a file that is not there.

    database, log: device and inode. content: size and time of the last writing of the database, which changes when
    somebody writes over it.
    """

    database: tuple[int, int] | None
    content: tuple[int, int] | None
    log: tuple[int, int] | None

    @classmethod
    def of(cls, path: Path) -> FileMarks:
        """The marks as they are now. This takes two system calls only, because each commit asks for them."""
        database, log = _facts(path), _facts(beside(path, LOG))
        return cls(
            None if database is None else (database.st_dev, database.st_ino),
            None if database is None else (database.st_size, database.st_mtime_ns),
            None if log is None else (log.st_dev, log.st_ino),
        )

    def lost(self, now: FileMarks, *, we_wrote: bool = False) -> str | None:
        """What has happened to the files with these marks, or None if they are still the same.

        Args: now, the marks that the names have now; we_wrote, whether the content may differ.
        """
        if now.database is None:
            return "it was deleted"
        if now.database != self.database:
            return "another file was put in its place"
        if self.log is not None and now.log != self.log:
            return f"what SQLite keeps beside it ({LOG}) was deleted or replaced"
        if not we_wrote and now.content != self.content:
            return "somebody else has written to it"
        return None

    def strange_beside(self, ours: FileMarks) -> bool:
        """Whether the database with these marks, if there is one, is not all ours."""
        return self.database is not None and (self.database, self.content) != (ours.database, ours.content)


def _facts(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def write_fault(path: Path) -> str | None:
    """Why a file, or the files beside it, cannot be written now; None if they can.

    It is tried, because rights say little: a superuser has all of them on a read-only file system, and a disk may be full.
    """
    try:
        if path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK))
        with tempfile.TemporaryFile(dir=path.parent, buffering=0) as file:
            _write_all(file.fileno(), bytes(NEEDED))
    except OSError as error:
        return f"cannot be written: {error.strerror or error}"
    return None


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:  # a disk that has room for a part takes that part first
        rest = rest[os.write(descriptor, rest) :]


def remove_files(path: Path) -> None:
    """Remove a database and the files beside it, as far as they are there."""
    for file in (path, beside(path, LOG), beside(path, MEMORY), beside(path, "-journal")):
        with suppress(OSError):
            file.unlink()


def set_aside(path: Path, word: str, *, is_open: bool) -> Path | None:
    """Give a database, and its log, a second name, by which it is kept when another takes the first.

    Args: is_open, whether we have it open, and may write to it while we close it: then it is copied.
    Returns: that name, if there is anything to keep.
    Raises: OSError.
    """
    if not path.is_file() or not path.stat().st_size:
        return None
    aside = aside_name(path, word)
    for suffix in ("", LOG):
        with suppress(FileNotFoundError):
            (shutil.copyfile if is_open else os.link)(beside(path, suffix), beside(aside, suffix))
    return aside


def put_in_place(draft: Path, path: Path) -> None:
    """Give a finished database the name of another, which nobody has open any more.

    At each moment one of the two has the name: a kill in between leaves the old one, or the draft to be found.
    Raises: OSError.
    """
    for suffix in (LOG, MEMORY):  # a log is read with whatever database has its name
        beside(path, suffix).unlink(missing_ok=True)
    draft.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Write the names in a directory to disk. Raises: OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def aside_name(path: Path, word: str) -> Path:
    """A name beside a file that is not taken yet."""
    name = f"{path.name}.{word}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    aside, count = path.with_name(name), 1
    while aside.exists():
        count += 1
        aside = path.with_name(f"{name}-{count}")
    return aside
