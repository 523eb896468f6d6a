"""What an error of SQLite's means: damage, a disk that is full, or something to mend."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from peerage.actors.discovery.book.row_codec import LineError
from peerage.actors.discovery.book.store_faults import DamagedError, is_busy, is_passing, judged, judging
from peerage.actors.discovery.errors import StoreError
from tests.full_disk import full_disk


def sqlite_error(code: int, text: str = "it failed") -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (sqlite3.SQLITE_CORRUPT, DamagedError),
        (sqlite3.SQLITE_CORRUPT_INDEX, DamagedError),
        (sqlite3.SQLITE_NOTADB, DamagedError),
        (sqlite3.SQLITE_IOERR_SHORT_READ, DamagedError),
        (sqlite3.SQLITE_READONLY, DamagedError),
        (sqlite3.SQLITE_FULL, StoreError),
        (sqlite3.SQLITE_BUSY, StoreError),
        (sqlite3.SQLITE_IOERR_WRITE, StoreError),
        (sqlite3.SQLITE_CANTOPEN, StoreError),
    ],
)
def test_the_error_code_tells_damage_from_what_can_be_mended(
    tmp_path: Path, code: int, meaning: type[Exception]
) -> None:
    """As long as the file could be written."""
    file = tmp_path / "addrbook.sqlite"
    file.write_bytes(b"x")
    assert type(judged(file, sqlite_error(code))) is meaning


def test_a_file_that_cannot_be_written_is_not_damaged(tmp_path: Path) -> None:
    """A full disk makes SQLite say many things; the operator is told of the disk."""
    file = tmp_path / "addrbook.sqlite"
    file.write_bytes(b"x")
    with full_disk():
        error = judged(file, sqlite_error(sqlite3.SQLITE_CORRUPT))
    assert isinstance(error, StoreError)
    assert "cannot be written" in str(error)


def test_some_errors_leave_the_connection_as_good_as_before() -> None:
    """There may be room later, and another writer ends."""
    passing = [sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_LOCKED]
    assert all(is_passing(sqlite_error(code)) for code in passing)
    assert not is_passing(sqlite_error(sqlite3.SQLITE_IOERR))
    assert not is_passing(OSError("no SQLite"))
    assert is_busy(sqlite_error(sqlite3.SQLITE_BUSY))
    assert not is_busy(sqlite_error(sqlite3.SQLITE_LOCKED))


@pytest.mark.parametrize("error", [LineError("cut"), TypeError("bytes"), AttributeError("int")])
def test_a_line_that_is_none_is_damage_and_the_connection_is_closed(tmp_path: Path, error: Exception) -> None:
    """A flipped byte may turn a text into a number or a blob."""
    with closing(sqlite3.connect(":memory:")) as connection:
        with pytest.raises(DamagedError), judging(tmp_path, connection):
            raise error
        with pytest.raises(sqlite3.ProgrammingError):
            connection.execute("SELECT 1")


def test_other_errors_pass_through_and_leave_the_connection_open(tmp_path: Path) -> None:
    """They are faults of ours."""
    with closing(sqlite3.connect(":memory:")) as connection:
        with pytest.raises(ZeroDivisionError), judging(tmp_path, connection):
            raise ZeroDivisionError
        assert connection.execute("SELECT 1").fetchone() == (1,)
