"""What an error of SQLite's means for an address book: a damaged file, or something the operator must mend."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from peerage.actors.discovery.book.row_codec import LineError
from peerage.actors.discovery.book.store_files import write_fault
from peerage.actors.discovery.errors import StoreError

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR}
# When the file could be written. Other input and output errors are those of a disk that is full, or broken.
_MORE_DAMAGE = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR_READ,
    sqlite3.SQLITE_IOERR_SHORT_READ,
    sqlite3.SQLITE_IOERR_CORRUPTFS,
}
# The connection is as good as before.
_PASSING = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}

# An error whose text quotes a damaged schema may be no UTF-8, and is another error then.
SQLITE_FAILS = (sqlite3.Error, UnicodeError)


class DamagedError(Exception):
    """The file is there and is no book."""


def is_passing(error: Exception) -> bool:
    """Whether the same connection may succeed later: the disk is full, or somebody else writes."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _PASSING


def is_busy(error: Exception) -> bool:
    """Whether somebody else has the file open, and keeps us out."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def judged(path: Path, error: Exception) -> DamagedError | StoreError:
    """The error that says whether the file is damaged, or the operator must mend something."""
    code = getattr(error, "sqlite_errorcode", None)
    usable = path.is_file() and write_fault(path) is None
    if usable and (code is None or code & 0xFF in _DAMAGE or code in _MORE_DAMAGE):
        return DamagedError(str(error))
    return store_error(path, error)


def store_error(path: Path, error: Exception) -> StoreError:
    """The error that says why a file cannot be used, in words that tell what to mend."""
    fault = None if is_passing(error) else write_fault(path)
    return StoreError(str(path), fault or getattr(error, "strerror", None) or str(error))


@contextmanager
def judging(path: Path, connection: sqlite3.Connection | None = None) -> Iterator[None]:
    """Turn what SQLite and damaged lines raise into a DamagedError or a StoreError, and close the connection then."""
    try:
        try:
            yield
        except SQLITE_FAILS as error:
            raise judged(path, error) from error
        except (LineError, AttributeError, TypeError) as error:  # a line may have become a number or a blob
            raise DamagedError(f"a line is damaged: {error}") from error
    except (DamagedError, StoreError):
        if connection is not None:
            connection.close()
        raise
