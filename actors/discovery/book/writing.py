"""Writing a book's database: changes into an open one, a whole book into a new file, an empty file at the beginning."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from peerage.actors.discovery.book.changes import Changes
from peerage.actors.discovery.book.connection import CACHE_KIB, connect, transaction
from peerage.actors.discovery.book.row_codec import write_address, write_ban, write_fact, write_key
from peerage.actors.discovery.book.schema import upgrade
from peerage.actors.discovery.book.store_faults import DamagedError, judging, store_error
from peerage.actors.discovery.book.store_files import DRAFT, LOG, MEMORY, beside, put_in_place, remove_files

DIRECTORY_MODE = 0o700  # as the home's
FILE_MODE = 0o600  # the key in it decides who shares a bucket: not for everybody


def write_changes(cursor: sqlite3.Cursor, changes: Changes) -> None:
    """Write rows that changed, and delete those that are gone."""
    cursor.executemany(
        "INSERT OR REPLACE INTO address VALUES (?, ?)",
        ((row.id, write_address(row)) for row in changes.changed),
    )
    cursor.executemany("DELETE FROM address WHERE id = ?", ((node_id,) for node_id in changes.gone))
    cursor.executemany(
        "INSERT OR REPLACE INTO ban VALUES (?, ?)", ((ban.subject, write_ban(ban)) for ban in changes.banned)
    )
    cursor.executemany("DELETE FROM ban WHERE subject = ?", ((subject,) for subject in changes.lifted))
    cursor.executemany(
        "INSERT OR REPLACE INTO fact VALUES (?, ?)",
        ((fact.row_name, write_fact(fact)) for fact in changes.facts if fact.numbers),
    )
    cursor.executemany(
        "DELETE FROM fact WHERE name = ?", ((fact.row_name,) for fact in changes.facts if not fact.numbers)
    )
    if changes.new_key:
        cursor.execute("INSERT OR REPLACE INTO meta VALUES ('key', ?)", (write_key(changes.key),))


def open_whole(path: Path, *, alone: bool) -> sqlite3.Connection:
    """The connection to a file whose schema is ours, or to one just made.

    Raises: DamagedError, StoreError.
    """
    finish_draft(path)
    if not path.exists() or path.stat().st_size == 0:
        return _create(path, alone=alone)
    with judging(path):
        connection = connect(path, alone=alone)
    with judging(path, connection):
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise DamagedError("there is nothing in it")
        upgrade(path, connection)
    return connection


def make_parents(path: Path) -> None:
    """Make the directory of a file, for us alone. Raises: OSError."""
    path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)


def write_draft(path: Path, everything: Changes) -> Path:
    """A database with all of a book, to take the place of another: one file, finished with its first transaction.

    Raises: OSError, sqlite3.Error; nothing is left of it then.
    """
    draft = beside(path, DRAFT)
    remove_files(draft)
    try:
        os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE))
        connection = sqlite3.connect(draft, isolation_level=None)
        try:
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            upgrade(draft, connection)
            with transaction(connection) as cursor:
                write_changes(cursor, everything)
        finally:
            connection.close()
    except BaseException:
        remove_files(draft)
        raise
    return draft


def finish_draft(path: Path) -> None:
    """Put a finished draft in its place, if a kill has kept somebody from doing so; remove any other."""
    draft = beside(path, DRAFT)
    if not draft.exists():
        return
    with suppress(OSError, sqlite3.Error):
        connection = sqlite3.connect(draft, isolation_level=None)
        try:
            finished = connection.execute("SELECT 1 FROM meta WHERE name = 'key'").fetchone()
        finally:
            connection.close()
        if finished:
            put_in_place(draft, path)
    remove_files(draft)


def _create(path: Path, *, alone: bool) -> sqlite3.Connection:
    """A new, empty database. Raises: StoreError; nothing is left of it then."""
    is_new = not path.exists()
    try:
        make_parents(path)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE))
        for suffix in (LOG, MEMORY):  # of another file that had this name
            beside(path, suffix).unlink(missing_ok=True)
        connection = connect(path, alone=alone)
        upgrade(path, connection)
    except (OSError, sqlite3.Error) as error:
        if is_new:
            remove_files(path)
        raise store_error(path, error) from error
    return connection
