"""The address book's file: one SQLite database, one writer.

What `BookStore.apply` has returned from survives SIGKILL of any process (a power cut may cost the last
moments). What cannot be written is kept until it can be; a file that was deleted, or replaced by another, under a
store is written anew. Each row is a line of text that stands for itself (`row_codec`), so that damage costs only what
it hit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from peerage.actors.discovery.book.changes import Changes
from peerage.actors.discovery.book.connection import connect, transaction
from peerage.actors.discovery.book.content import read_head
from peerage.actors.discovery.book.store_faults import (
    SQLITE_FAILS,
    DamagedError,
    is_passing,
    judged,
    judging,
    store_error,
)
from peerage.actors.discovery.book.store_files import FileMarks, put_in_place, set_aside
from peerage.actors.discovery.book.writing import make_parents, open_whole, write_changes, write_draft

RUNNING_TIMEOUT_MS = 500  # for another process that writes: what is kept meanwhile is written later
MAX_WAITING = 20_000  # rows kept for later; beyond it the whole book is written, which they nearly are
MAX_TRIES = 3  # to write a book whose file is taken away again and again


class BookStore:
    """Writes the changes of one book into its file. Made by `open_book` and `open_later`.

    Args: connection, None when the whole book is to be written anew; everything, that book; lost, what has become
        of the file; kept_as, a word for the name that it keeps then, None: it need not be kept.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection | None,
        everything: Callable[[], Changes],
        *,
        alone: bool = False,
        lost: str = "",
        kept_as: str | None = None,
    ) -> None:
        self.path = path
        self._connection = connection
        self._everything = everything
        self._alone = alone
        self._pending: list[Changes] = []
        self._rows = 0
        self._all_due = connection is None
        self._kept_as = kept_as
        self._lost = lost
        self._marks = FileMarks.of(path)
        self._notes: list[str] = []
        if connection is not None:
            connection.execute(f"PRAGMA busy_timeout = {RUNNING_TIMEOUT_MS}")

    @property
    def waiting(self) -> int:
        """How many rows are not in the file yet, or may not be."""
        return self._everything().rows if self._all_due else self._rows

    def take_notes(self) -> tuple[str, ...]:
        """What the operator should know of what `apply` did: files that were written anew, or set aside."""
        notes, self._notes = tuple(self._notes), []
        return notes

    def hold(self, changes: Changes) -> None:
        """Keep changes for the next `apply`, without a look at the file."""
        if self._all_due or not changes:
            return
        self._pending.append(changes)
        self._rows += changes.rows
        if self._rows > MAX_WAITING:
            self._write_all_later()

    def apply(self, changes: Changes) -> None:
        """Write changes in one transaction, and what was kept before them.

        On return they survive SIGKILL of any process. What could not be written is kept, and written before
        the next changes. A file that is not the one that was opened any more is written anew, also when nothing
        has changed.
        Raises: StoreError (disk full, read-only …).
        """
        self.hold(changes)
        try:
            self._look()
            if self._pending or self._all_due:
                self._write()
        except (OSError, *SQLITE_FAILS) as error:
            self._doubt(error)
            raise store_error(self.path, error) from error
        self._pending.clear()
        self._rows, self._all_due, self._kept_as, self._lost = 0, False, None, ""

    def close(self) -> None:
        """Close the file, everything in it in its place. May be called twice."""
        if self._connection is None:
            return
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    def _look(self) -> None:
        """See whether the file is the one that was opened."""
        if self._connection is not None and not self._all_due:
            now = FileMarks.of(self.path)
            lost = self._marks.lost(now)
            if lost is not None:
                self._lose(lost, strange=now.strange_beside(self._marks))

    def _lose(self, how: str, *, strange: bool) -> None:
        """Write all anew. Args: strange, whether what has the file's name now is somebody else's, and to be kept."""
        self._lost, self._kept_as = how, "replaced" if strange else None
        self._write_all_later()

    def _write_all_later(self) -> None:
        self._pending.clear()
        self._rows, self._all_due = 0, True

    def _write(self) -> None:
        for _ in range(MAX_TRIES):
            if self._connection is None and not self._all_due:
                self._open_again()
            if self._all_due:
                self._write_anew()
            else:
                assert self._connection is not None
                with transaction(self._connection) as cursor:
                    for pending in self._pending:
                        write_changes(cursor, pending)
            now = FileMarks.of(self.path)
            lost = self._marks.lost(now, we_wrote=True)
            if lost is None:
                self._marks = now
                return
            self._lose(lost, strange=now.database != self._marks.database)
        raise OSError(f"{self._lost}, again and again")

    def _doubt(self, error: Exception) -> None:
        """After an error: whether the connection is to be made again, and the file to be given up."""
        if self._connection is None or is_passing(error):
            return
        self._connection.close()
        self._connection = None
        if not self._all_due and isinstance(judged(self.path, error), DamagedError):
            self._lost, self._kept_as = f"it is damaged ({error})", "damaged"
            self._write_all_later()

    def _open_again(self) -> None:
        """The connection, as it was before an error; if the file is another's, or none, it is to be written anew."""
        try:
            connection = open_whole(self.path, alone=self._alone)
            with judging(self.path, connection):
                key = read_head(connection).key
        except DamagedError as damage:
            self._lost, self._kept_as = f"it is damaged ({damage})", "damaged"
            self._write_all_later()
            return
        if key != self._everything().key:
            connection.close()
            self._lose("another file was put in its place", strange=True)
            return
        connection.execute(f"PRAGMA busy_timeout = {RUNNING_TIMEOUT_MS}")
        self._connection, self._marks = connection, FileMarks.of(self.path)

    def _write_anew(self) -> None:
        """Write the whole book into another file, and give it this one's name."""
        make_parents(self.path)
        draft = write_draft(self.path, self._everything())
        aside = None
        if self._kept_as is not None:
            aside = set_aside(self.path, self._kept_as, is_open=self._connection is not None)
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        put_in_place(draft, self.path)
        self._connection = connect(self.path, alone=self._alone)
        self._connection.execute(
            "SELECT count(*) FROM meta"
        ).fetchone()  # has SQLite make its files beside it
        self._connection.execute(f"PRAGMA busy_timeout = {RUNNING_TIMEOUT_MS}")
        self._marks = FileMarks.of(self.path)
        if self._lost:
            kept = "" if aside is None else f"what has that name was moved to {aside}, and "
            self._notes.append(f"{self.path}: {self._lost}; {kept}the book was written anew")
        self._lost, self._kept_as = "", None
