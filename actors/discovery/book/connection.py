"""Connections to a book's database: how it is opened to write and to read, and one transaction on it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from peerage.actors.discovery.book.store_faults import SQLITE_FAILS, is_busy
from peerage.actors.discovery.book.store_files import LOG, beside
from peerage.actors.discovery.errors import StoreInUseError

BUSY_TIMEOUT_S = 5.0  # for another process that reads the book, or a writer that is just dying
# Pages that SQLite keeps in memory. With its default it fills 2 MiB within hours, as a book's rows are written all over it;
# reading a page anew is quicker than one can measure, for the kernel has the file.
CACHE_KIB = 256


def connect(path: Path, *, alone: bool = False) -> sqlite3.Connection:
    """A connection that writes.

    Args: alone, whether nobody else may have the file open, now and until the connection is closed.
    Raises: StoreInUseError (only when alone), sqlite3.Error, UnicodeError.
    """
    connection = sqlite3.connect(path, timeout=0.0 if alone else BUSY_TIMEOUT_S, isolation_level=None)
    try:
        if alone:  # the first look at the file takes a lock that fails while anybody has it open
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        if alone:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("PRAGMA synchronous = NORMAL")  # a commit is in the file: the kernel keeps it
        connection.execute("PRAGMA secure_delete = ON")  # so that `find_lines` finds few outdated lines
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    except SQLITE_FAILS as error:
        connection.close()
        if alone and is_busy(error):
            raise StoreInUseError(str(path)) from error
        raise
    return connection


def connect_to_read(path: Path, *, alone: bool = False) -> sqlite3.Connection:
    """A connection that cannot write.

    Args: alone, whether nobody else has the file open. The same is assumed where nothing may be written beside it.
    """
    mode = "ro" if os.access(path.parent, os.W_OK) and not alone else "ro&immutable=1"
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
    )


def is_one_file(path: Path) -> bool:
    """Whether all of a database is in the one file, for nothing waits in a log beside it."""
    log = beside(path, LOG)
    return not log.exists() or not log.stat().st_size


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Cursor]:
    """Write everything in the block, or nothing."""
    cursor = connection.cursor()
    cursor.execute("BEGIN IMMEDIATE")
    try:
        yield cursor
        cursor.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            cursor.execute("ROLLBACK")
        raise
