"""Versions of the database: later ones are left alone, earlier ones are brought up to date."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from peerage.actors.discovery.book import schema
from peerage.actors.discovery.book.schema import MIGRATIONS, SCHEMA_VERSION, check_version, upgrade
from peerage.actors.discovery.book.store_faults import DamagedError
from peerage.actors.discovery.errors import StoreVersionError
from tests.actors.discovery.book.stored_books import connection_of, opened, rows, written

NOWHERE = Path("addrbook.sqlite")


def in_memory() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)


def tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_an_empty_file_takes_all_steps() -> None:
    """Its version is 0 before, and ours after it."""
    with closing(in_memory()) as connection:
        assert check_version(NOWHERE, connection) == 0
        upgrade(NOWHERE, connection)
        assert check_version(NOWHERE, connection) == SCHEMA_VERSION == len(MIGRATIONS)
        assert tables(connection) == {"meta", "address", "ban", "fact"}


def test_a_version_that_stands_in_one_place_only_is_damage() -> None:
    """A flipped byte must not be taken for a later version of the program."""
    with closing(in_memory()) as connection:
        upgrade(NOWHERE, connection)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        with pytest.raises(DamagedError):
            check_version(NOWHERE, connection)


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    """The operator is told, and may go back to that version."""
    path = tmp_path / "addrbook.db"
    before = written(path, close=False)
    connection = connection_of(before)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.execute(f"UPDATE meta SET line = 'version {SCHEMA_VERSION + 1}' WHERE name = 'version'")
    before.store.close()
    with pytest.raises(StoreVersionError) as caught:
        opened(path)
    assert (caught.value.found, caught.value.known) == (SCHEMA_VERSION + 1, SCHEMA_VERSION)
    assert list(tmp_path.glob("*damaged*")) == []


def test_an_older_file_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each version has its step, and all that was in it stays."""
    path = tmp_path / "addrbook.db"
    before = written(path)
    step = ("CREATE TABLE verdict (id TEXT PRIMARY KEY, line TEXT NOT NULL) WITHOUT ROWID",)
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, step))
    monkeypatch.setattr(schema, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    after = opened(path)
    assert rows(after) == rows(before)
    assert connection_of(after).execute("SELECT count(*) FROM verdict").fetchone() == (0,)
    assert connection_of(after).execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION + 1,)
    after.store.close()
