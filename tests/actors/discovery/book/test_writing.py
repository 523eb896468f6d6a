"""Writing a book's database: changes row by row, and a whole book as a draft that takes another's place."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from peerage.actors.discovery.book.changes import Changes
from peerage.actors.discovery.book.connection import connect_to_read, transaction
from peerage.actors.discovery.book.content import Content, read_all
from peerage.actors.discovery.book.facts import Fact, FactKind
from peerage.actors.discovery.book.store_faults import DamagedError
from peerage.actors.discovery.book.store_files import DRAFT, beside
from peerage.actors.discovery.book.writing import finish_draft, open_whole, write_changes, write_draft
from peerage.actors.discovery.errors import StoreError
from tests.actors.discovery.nodes import entry, node_id
from tests.full_disk import full_disk

FACT = Fact(FactKind.FAILED, "1.2.3.4:5", (1, 2, 3))
EVERYTHING = Changes("key", (entry(1).known(), entry(2).known()), facts=(FACT,), new_key=True)


def read(path: Path) -> Content:
    return read_all(path, partial(connect_to_read, path))


def test_changes_are_rows_to_write_and_rows_to_delete(tmp_path: Path) -> None:
    """Writing them twice does no harm."""
    path = tmp_path / "data" / "b.sqlite"
    connection = open_whole(path, alone=False)
    later = Changes("key", (entry(3).known(),), (node_id(1),), facts=(Fact(FACT.kind, FACT.name),))
    for changes in (EVERYTHING, later, later):
        with transaction(connection) as cursor:
            write_changes(cursor, changes)
    connection.close()
    content = read(path)
    assert set(content.rows) == {node_id(2), node_id(3)}
    assert (content.facts, content.key) == ({}, "key")


def test_a_new_file_is_for_us_alone(tmp_path: Path) -> None:
    """The key in it decides who shares a bucket."""
    path = tmp_path / "data" / "b.sqlite"
    open_whole(path, alone=False).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_where_nothing_can_be_written_no_file_is_left(tmp_path: Path) -> None:
    """The next start begins as the first."""
    path = tmp_path / "b.sqlite"
    with full_disk(), pytest.raises(StoreError):
        open_whole(path, alone=False)
    with full_disk(), pytest.raises((OSError, sqlite3.Error)):
        write_draft(path, EVERYTHING)
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_tables_is_damaged(tmp_path: Path) -> None:
    """Nobody else makes one by this name."""
    path = tmp_path / "b.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1")
    with pytest.raises(DamagedError):
        open_whole(path, alone=False)


def test_a_draft_is_finished_with_its_first_transaction(tmp_path: Path) -> None:
    """A kill leaves a whole one, which takes its place at the next start, or one that is thrown away."""
    path = tmp_path / "b.sqlite"
    draft = write_draft(path, EVERYTHING)
    assert draft == beside(path, DRAFT)
    finish_draft(path)
    assert set(read(path).rows) == {node_id(1), node_id(2)}
    draft.write_bytes(b"half of one")
    finish_draft(path)
    assert set(read(path).rows) == {node_id(1), node_id(2)}
    assert list(tmp_path.iterdir()) == [path]
