"""The tables of a book's database, and the steps from one version of them to the next."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from peerage.actors.discovery.book.connection import transaction
from peerage.actors.discovery.book.store_faults import DamagedError
from peerage.actors.discovery.errors import StoreVersionError

# One step per version; a new file takes all of them. Steps are never changed, only added.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (name TEXT PRIMARY KEY, line TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE address (id TEXT PRIMARY KEY, line TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE ban (subject TEXT PRIMARY KEY, line TEXT NOT NULL) WITHOUT ROWID",
    ),
    # lines of addresses may be longer from here on, too: an older program could not read them
    ("CREATE TABLE fact (name TEXT PRIMARY KEY, line TEXT NOT NULL) WITHOUT ROWID",),
    # lines of addresses may be longer once more: whose node is of another network
    (),
    # facts of another kind: what counts against whom
    (),
)
SCHEMA_VERSION = len(MIGRATIONS)
FACTS_SINCE = 2  # the first version with a table of facts


def check_version(path: Path, connection: sqlite3.Connection) -> int:
    """The version of a file's schema. It stands in two places, so that a flipped byte is not taken for a later version.

    Raises: DamagedError, StoreVersionError.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        line = connection.execute("SELECT line FROM meta WHERE name = 'version'").fetchone()
        if line is None or line[0] != f"version {version}":
            raise DamagedError("its two notes of the schema's version differ")
        if version > SCHEMA_VERSION:
            raise StoreVersionError(str(path), version, SCHEMA_VERSION)
    if not 0 <= version <= SCHEMA_VERSION:
        raise DamagedError(f"there is no schema version {version}")
    return version


def upgrade(path: Path, connection: sqlite3.Connection) -> None:
    """Bring a file's schema to our version, from none at all too. Raises: as `check_version`."""
    version = check_version(path, connection)
    if version < SCHEMA_VERSION:
        with transaction(connection) as cursor:
            for step in MIGRATIONS[version:]:
                for statement in step:
                    cursor.execute(statement)
            cursor.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            cursor.execute(
                "INSERT OR REPLACE INTO meta VALUES ('version', ?)", (f"version {SCHEMA_VERSION}",)
            )
