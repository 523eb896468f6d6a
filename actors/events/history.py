"""Who was here: a small SQLite file in the home, one row for each connection that was a peer.

What was written survives SIGKILL of any process. The rows are bounded: the oldest make room. It can be read while the node
writes it, and after its end.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, TypeAlias

from peerage.actors.loss import LossReason

__all__ = [
    "MOST_SESSIONS",
    "Came",
    "Change",
    "HistoryError",
    "PeerHistory",
    "Session",
    "Went",
    "read_history",
]

MOST_SESSIONS: Final = 10_000  # about 3 MB
_SLACK: Final = 500  # rows beyond it: the oldest are looked for only now and then
_VERSION: Final = 1
_FILE_MODE: Final = 0o600
_BUSY_TIMEOUT_S: Final = 2.0
_CREATE: Final = """
CREATE TABLE IF NOT EXISTS sessions (
    connection TEXT PRIMARY KEY, peer TEXT NOT NULL, address TEXT NOT NULL, direction TEXT NOT NULL, moniker TEXT NOT NULL,
    version TEXT NOT NULL, came REAL NOT NULL, went REAL, reason TEXT NOT NULL, detail TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
"""
_DROP_OLDEST: Final = """
DELETE FROM sessions WHERE rowid IN (SELECT rowid FROM sessions ORDER BY went IS NULL, rowid LIMIT ?)
"""


class HistoryError(Exception):
    """The file cannot be read or written. Args: path, and the cause in words."""

    def __init__(self, path: str, cause: str) -> None:
        super().__init__(path, cause)
        self.path, self.cause = path, cause

    def __str__(self) -> str:
        return f"{self.path}: {self.cause}"


@dataclass(frozen=True, slots=True)
class Session:
    """One connection that was a peer, or is one.

    Args:
        connection: names it, and no other one ever.
        came, went: Unix seconds; went is None while it is here, as far as was written.
        reason: one of LossReason; "" while it is here.
    """

    connection: str
    peer: str
    address: str
    direction: str
    moniker: str
    version: str
    came: float
    went: float | None = None
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Came:
    """A peer is here."""

    session: Session


@dataclass(frozen=True, slots=True)
class Went:
    """A peer is gone. Args: at, Unix seconds; None: it was last seen when the file was last written."""

    connection: str
    at: float | None
    reason: LossReason
    detail: str = ""


Change: TypeAlias = Came | Went

_COLUMNS: Final = tuple(each.name for each in fields(Session))


class PeerHistory:
    """Writes the file. Used by one thread at a time.

    Args: path, made if it is missing; what is no history of ours is put aside, as `….damaged`.
    Raises: HistoryError.
    """

    def __init__(self, path: Path, most: int = MOST_SESSIONS) -> None:
        self._path, self._most = path, most
        try:
            self._connection = _open(path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise HistoryError(str(path), str(error)) from error
            self._connection = self._begin_anew()
        except OSError as error:
            raise HistoryError(str(path), error.strerror or str(error)) from error

    def unfinished(self) -> tuple[str, frozenset[str]]:
        """The life of the node that wrote last, and the connections whose end nobody has written. Raises: HistoryError."""
        rows = self._all("SELECT connection FROM sessions WHERE went IS NULL")
        return str(self._fact("life") or ""), frozenset(str(connection) for (connection,) in rows)

    def write(self, changes: Iterable[Change], life: str, now: float) -> None:
        """Write changes, all or none; and that the node is there, even if there are none.

        Args: life, a word for this life of the node; now, Unix seconds.
        Raises: HistoryError.
        """
        try:
            with self._connection as connection:  # one transaction
                seen = self._fact("seen") or now
                for change in changes:
                    _write(connection, change, float(seen))
                facts = (("life", life), ("seen", now))
                connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts)
                ((count,),) = connection.execute("SELECT count(*) FROM sessions")
                if count > self._most + _SLACK:
                    connection.execute(_DROP_OLDEST, (count - self._most,))
        except sqlite3.Error as error:
            raise HistoryError(str(self._path), str(error)) from error

    def close(self) -> None:
        """Close the file. May be called twice."""
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    def _begin_anew(self) -> sqlite3.Connection:
        try:
            self._path.replace(self._path.with_name(f"{self._path.name}.damaged"))
            for ending in ("-wal", "-shm"):
                self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
            return _open(self._path)
        except (OSError, sqlite3.Error) as error:
            raise HistoryError(str(self._path), str(error)) from error

    def _fact(self, name: str) -> str | float | None:
        rows = self._all("SELECT value FROM facts WHERE name = ?", (name,))
        return rows[0][0] if rows else None

    def _all(self, query: str, values: Sequence[object] = ()) -> list[tuple[str | float | None, ...]]:
        try:
            return list(self._connection.execute(query, values))
        except sqlite3.Error as error:
            raise HistoryError(str(self._path), str(error)) from error


def read_history(
    path: Path, *, peer: str | None = None, most: int = MOST_SESSIONS, is_running: bool = False
) -> list[Session]:
    """The sessions in the file, the newest first; none, if there is no file.

    Args:
        path: of the file.
        peer: whose; None: everybody's.
        most: how many.
        is_running: whether the node runs. If it does not, those that have no end ended with it, when it last wrote.

    Raises: HistoryError.
    """
    if not path.exists():
        return []
    where, values = ("WHERE peer = ?", [peer]) if peer is not None else ("", [])
    query = f"SELECT {', '.join(_COLUMNS)} FROM sessions {where} ORDER BY came DESC, rowid DESC LIMIT ?"  # noqa: S608
    try:
        with closing(_open_to_read(path)) as connection:
            if connection.execute("PRAGMA user_version").fetchone() == (0,):
                return []  # it is just being made
            rows = connection.execute(query, (*values, most)).fetchall()
            seen = connection.execute("SELECT value FROM facts WHERE name = 'seen'").fetchone()
    except (OSError, sqlite3.Error) as error:
        raise HistoryError(str(path), str(error)) from error
    sessions = [Session(*row) for row in rows]
    return sessions if is_running else [_ended(each, seen) for each in sessions]


def _ended(session: Session, seen: tuple[float] | None) -> Session:
    if session.went is not None:
        return session
    known = {name: getattr(session, name) for name in _COLUMNS}
    went = max(session.came, seen[0]) if seen else session.came
    return Session(**{**known, "went": went, "reason": str(LossReason.NODE_ENDED)})


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, _FILE_MODE))
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, check_same_thread=False)
    try:
        ((version,),) = connection.execute("PRAGMA user_version")
        if version not in {0, _VERSION}:
            raise sqlite3.DatabaseError(f"version {version}")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a commit is in the file: the kernel keeps it
        connection.execute("PRAGMA cache_size = -256")  # KiB
        connection.executescript(_CREATE)
        connection.execute(f"PRAGMA user_version = {_VERSION}")
        connection.execute("SELECT connection, went FROM sessions LIMIT 1").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _open_to_read(path: Path) -> sqlite3.Connection:
    mode = "ro" if os.access(path.parent, os.W_OK) else "ro&immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=_BUSY_TIMEOUT_S)


def _write(connection: sqlite3.Connection, change: Change, seen: float) -> None:
    if isinstance(change, Came):
        each = change.session
        values = tuple(getattr(each, name) for name in _COLUMNS)
        marks = ", ".join("?" * len(values))
        connection.execute(f"INSERT OR IGNORE INTO sessions VALUES ({marks})", values)  # noqa: S608
        return
    query = "UPDATE sessions SET went = max(came, ?), reason = ?, detail = ? WHERE connection = ?"
    went = seen if change.at is None else change.at
    connection.execute(query, (went, str(change.reason), change.detail, change.connection))
