"""Connections to a book's database: alone or beside others, to write or to read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from peerage.actors.discovery.book.connection import (
    CACHE_KIB,
    connect,
    connect_to_read,
    is_one_file,
    transaction,
)
from peerage.actors.discovery.errors import StoreInUseError


def made(path: Path) -> sqlite3.Connection:
    """A connection to a new file with one table and one row."""
    connection = connect(path)
    connection.execute("CREATE TABLE t (n)")
    connection.execute("INSERT INTO t VALUES (1)")
    return connection


def test_others_may_read_what_was_committed(tmp_path: Path) -> None:
    """They write nothing, and see nothing of an open transaction."""
    path = tmp_path / "b.sqlite"
    with closing(made(path)) as writer, closing(connect_to_read(path)) as reader:
        with transaction(writer) as cursor:
            cursor.execute("INSERT INTO t VALUES (2)")
            assert reader.execute("SELECT n FROM t").fetchall() == [(1,)]
        assert reader.execute("SELECT n FROM t").fetchall() == [(1,), (2,)]
        with pytest.raises(sqlite3.OperationalError):
            reader.execute("INSERT INTO t VALUES (3)")


def test_it_keeps_few_pages_in_memory(tmp_path: Path) -> None:
    """Fewer than SQLite would: a book that is written for hours does not grow by them."""
    with closing(connect(tmp_path / "b.sqlite")) as writer:
        assert writer.execute("PRAGMA cache_size").fetchone() == (-CACHE_KIB,)


def half_a_transaction(connection: sqlite3.Connection) -> None:
    with transaction(connection) as cursor:
        cursor.execute("INSERT INTO t VALUES (2)")
        raise ZeroDivisionError


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """And the connection goes on."""
    with closing(made(tmp_path / "b.sqlite")) as writer:
        with pytest.raises(ZeroDivisionError):
            half_a_transaction(writer)
        assert writer.execute("SELECT n FROM t").fetchall() == [(1,)]
        assert not writer.in_transaction


def test_a_writer_that_wants_to_be_alone_is_refused_beside_others(tmp_path: Path) -> None:
    """An import into a running node's book would be lost, or lose what the node writes."""
    path = tmp_path / "b.sqlite"
    with closing(made(path)), pytest.raises(StoreInUseError):
        connect(path, alone=True)
    with closing(connect(path, alone=True)) as alone:
        alone.execute("INSERT INTO t VALUES (2)")


def test_all_is_in_the_one_file_when_its_log_is_empty(tmp_path: Path) -> None:
    """Such a file can be read where nothing may be written beside it."""
    path = tmp_path / "b.sqlite"
    with closing(made(path)):
        assert not is_one_file(path)
    assert is_one_file(path)
    with closing(connect_to_read(path, alone=True)) as reader:
        assert reader.execute("SELECT n FROM t").fetchall() == [(1,)]
    assert list(tmp_path.iterdir()) == [path]
