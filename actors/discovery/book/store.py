"""The address book on disk: one SQLite file, one writer.

What `BookStore.apply` has returned from survives SIGKILL of any process (a power cut may cost the last
moments). A damaged file is moved aside, and every line of it that is still whole goes into a new one: damage
costs what it hit, and never the node's start. What cannot be written is kept until it can be; a file that was
deleted, or replaced by another, under a store is written anew.
"""

from __future__ import annotations

import gc
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.addrbook_json import load_file
from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.changes import Changes
from peerage.actors.discovery.book.facts import Fact
from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.actors.discovery.book.policies import Improvements
from peerage.actors.discovery.book.row_codec import (
    Item,
    LineError,
    find_lines,
    read_address,
    read_line,
    write_address,
    write_ban,
    write_fact,
    write_key,
)
from peerage.actors.discovery.book.store_files import (
    DRAFT,
    LOG,
    MEMORY,
    FileMarks,
    aside_name,
    beside,
    put_in_place,
    remove_files,
    set_aside,
    write_fault,
)
from peerage.actors.discovery.book.tally import Tally
from peerage.actors.discovery.errors import StoreError, StoreInUseError, StoreVersionError
from peerage.wire.keys import NodeID, normal_id

BUSY_TIMEOUT_S = 5.0  # for another process that reads the book, or a writer that is just dying
MAX_NOTES = 20  # lines told of one file's faults
DIRECTORY_MODE = 0o700  # as the home's
FILE_MODE = 0o600  # the key in it decides who shares a bucket: not for everybody

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
)
SCHEMA_VERSION = len(MIGRATIONS)

RUNNING_TIMEOUT_MS = 500  # for another process that writes: what is kept meanwhile is written later
MAX_WAITING = (
    20_000  # rows kept for later; with more of them the whole book is written, which they would be anyway
)
MAX_TRIES = 3  # to write a book whose file is taken away again and again

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR}
# When the file could be written. Other input and output errors are those of a disk that is full, or broken.
_MORE_DAMAGE = {
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR_READ,
    sqlite3.SQLITE_IOERR_SHORT_READ,
    sqlite3.SQLITE_IOERR_CORRUPTFS,
}
_PASSING = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
}  # the connection is as good as before

# an error whose text quotes a damaged schema may be no UTF-8, and is another error then
_SQLITE_FAILS = (sqlite3.Error, UnicodeError)


class _DamagedError(Exception):
    """The file is there and is no book."""


@dataclass(slots=True)
class _Content:
    """What was read of a book, in the order of finding."""

    key: str | None = None
    rows: dict[str, KnownAddress] = field(default_factory=dict)
    bans: dict[str, Ban] = field(default_factory=dict)
    facts: dict[str, Fact] = field(default_factory=dict)
    renamed: dict[str, KnownAddress | Ban] = field(default_factory=dict)  # by the name they were kept under

    def take(self, item: Item) -> None:
        """Keep an item; of two copies the one that knows more."""
        if isinstance(item, str):
            self.key = item
        elif isinstance(item, Fact):
            self.facts[_fact_name(item)] = item
        elif isinstance(item, Ban):
            before = self.bans.get(item.subject)
            if before is None or item.until >= before.until:
                self.bans[item.subject] = item
        else:
            known = self.rows.get(item.id)
            if known is None or (item.last_attempt, item.last_success) >= (
                known.last_attempt,
                known.last_success,
            ):
                self.rows[item.id] = item


@dataclass(frozen=True, slots=True)
class Opened:
    """A book, its store, and lines for the operator: what was imported, set aside or left out."""

    book: AddrBook
    store: BookStore
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of a book, and lines for the operator."""

    book: AddrBook
    notes: tuple[str, ...] = ()


class BookStore:
    """Writes changes. Made by `open_book` and `open_later`.

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
        except (OSError, *_SQLITE_FAILS) as error:
            self._doubt(error)
            raise StoreError(str(self.path), _reason(self.path, error)) from error
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
                with _transaction(self._connection) as cursor:
                    for pending in self._pending:
                        _write(cursor, pending)
            now = FileMarks.of(self.path)
            lost = self._marks.lost(now, we_wrote=True)
            if lost is None:
                self._marks = now
                return
            self._lose(lost, strange=now.database != self._marks.database)
        raise OSError(f"{self._lost}, again and again")

    def _doubt(self, error: Exception) -> None:
        """After an error: whether the connection is to be made again, and the file to be given up."""
        code = getattr(error, "sqlite_errorcode", None)
        if self._connection is None or (code is not None and code & 0xFF in _PASSING):
            return
        self._connection.close()
        self._connection = None
        if not self._all_due and isinstance(_judged(self.path, error), _DamagedError):
            self._lost, self._kept_as = f"it is damaged ({error})", "damaged"
            self._write_all_later()

    def _open_again(self) -> None:
        """The connection, as it was before an error; if the file is another's, or none, it is to be written anew."""
        try:
            connection = _open_whole(self.path, alone=self._alone)
            with _judging(self.path, connection):
                key = _read_head(connection).key
        except _DamagedError as damage:
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
        _make_parents(self.path)
        draft = _draft(self.path, self._everything())
        aside = None
        if self._kept_as is not None:
            aside = set_aside(self.path, self._kept_as, is_open=self._connection is not None)
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        put_in_place(draft, self.path)
        self._connection = _connect(self.path, alone=self._alone)
        self._connection.execute(
            "SELECT count(*) FROM meta"
        ).fetchone()  # has SQLite make its files beside it
        self._connection.execute(f"PRAGMA busy_timeout = {RUNNING_TIMEOUT_MS}")
        self._marks = FileMarks.of(self.path)
        if self._lost:
            kept = "" if aside is None else f"what has that name was moved to {aside}, and "
            self._notes.append(f"{self.path}: {self._lost}; {kept}the book was written anew")
        self._lost, self._kept_as = "", None


def open_book(
    path: Path,
    *,
    clock: Callable[[], float],
    rng: random.Random,
    strict: bool = True,
    shape: BookShape | None = None,
    import_from: Path | None = None,
    alone: bool = False,
    improvements: Improvements | None = None,
) -> Opened:
    """The book that a file keeps, and the store to write its changes to.

    Args: path, of the database, which is made when it is not there; import_from, CometBFT's file, read when
        there is no database, or when there is nothing left of a damaged one; alone, whether nobody else may
        have the file open, now and until the store is closed; improvements, as the book's.
    Raises: StoreInUseError (only when alone),
        StoreError (the file cannot be opened or written, and no damage is the reason), StoreVersionError.
    """
    notes: list[str] = []
    make = partial(AddrBook, clock=clock, rng=rng, strict=strict, shape=shape, improvements=improvements)
    content, connection, lost = _Content(), None, ""
    try:
        connection = _open_whole(path, alone=alone)
        with _judging(path, connection):
            head = _read_head(connection)
            if head.key is not None:  # it is written with the first content, all at once
                book = make(key=head.key)
                with _no_collection():
                    rows = _read_rows(connection, head.renamed)
                    _tell(notes, book.restore(rows, head.bans.values(), stored=True))
                book.restore_facts(head.facts.values())
                store = BookStore(path, connection, book.everything, alone=alone)
                if head.renamed:
                    _rename(head.renamed, book, store)
                return Opened(book, store, tuple(notes))
    except _DamagedError as damage:
        content, connection = _salvage(path), None
        lost = f"it is damaged ({damage})"
        notes.append(f"{len(content.rows)} addresses and {len(content.bans)} bans of it are kept")
    book = _filled(make, content, notes, import_from)
    store = BookStore(path, connection, book.everything, alone=alone, lost=lost, kept_as="damaged")
    try:
        store.apply(replace(book.everything(), new_key=True))
    except StoreError:
        store.close()
        raise
    book.drain()
    return Opened(book, store, (*store.take_notes(), *notes))


def open_later(
    path: Path,
    *,
    clock: Callable[[], float],
    rng: random.Random,
    strict: bool = True,
    import_from: Path | None = None,
    improvements: Improvements | None = None,
) -> Opened:
    """The book that a file keeps where nothing can be written now: as `open_book` when that raises a StoreError.

    All that was acknowledged is read. Nothing is written, until `apply` finds that it can be.
    Raises: StoreVersionError.
    """
    notes: list[str] = []
    content, lost = _read_unwritten(path)
    if lost:
        notes.append(
            f"{path}: {lost}; {len(content.rows)} addresses and {len(content.bans)} bans of it are kept"
        )
    make = partial(AddrBook, clock=clock, rng=rng, strict=strict, improvements=improvements)
    book = _filled(make, content, notes, import_from)
    book.drain()
    kept_as = "damaged" if lost else None
    return Opened(book, BookStore(path, None, book.everything, lost=lost, kept_as=kept_as), tuple(notes))


def _filled(
    make: Callable[..., AddrBook], content: _Content, notes: list[str], import_from: Path | None
) -> AddrBook:
    """A book of what was read; of CometBFT's file, if there is no address."""
    if not content.rows and import_from is not None:
        _import(import_from, content, notes)
    book = make(key=content.key)
    _tell(notes, book.restore(content.rows.values(), content.bans.values()))
    book.restore_facts(content.facts.values())
    return book


def _read_unwritten(path: Path) -> tuple[_Content, str]:
    """All that is in a file beside which nothing may be written. Returns: and what is wrong with it, if it is."""
    if not path.exists():
        return _Content(), ""
    fault = ""
    ways: list[Callable[[], sqlite3.Connection]] = [
        partial(_connect_to_read, path),
        partial(_connect, path, alone=True),  # needs no file in memory beside it, but the right to write
    ]
    if _is_alone(path):
        ways.insert(0, partial(_connect_to_read, path, alone=True))
    for connect in ways:
        try:
            return _read_all(path, connect), ""
        except StoreVersionError:
            raise
        except (_DamagedError, StoreError) as error:
            fault = str(error)
    return _salvage(path), f"it cannot be read as a whole ({fault})"


def _is_alone(path: Path) -> bool:
    """Whether all is in the one file, for nothing waits in a log beside it."""
    log = beside(path, LOG)
    return not log.exists() or not log.stat().st_size


def _read_all(path: Path, connect: Callable[[], sqlite3.Connection]) -> _Content:
    """All that is in a file, in one state, whatever is written meanwhile. Raises: _DamagedError, StoreError."""
    if _is_alone(path) and not path.stat().st_size:  # somebody was about to begin
        return _Content()
    with _judging(path):
        connection = connect()
    with _judging(path, connection):
        connection.execute("BEGIN")
        content = _read_head(connection, _check_version(path, connection))
        for item in chain(_read_rows(connection, content.renamed), content.renamed.values()):
            content.take(item)
        connection.close()
    return content


def read_snapshot(
    path: Path, *, clock: Callable[[], float], rng: random.Random, strict: bool = True
) -> Snapshot:
    """The book as it is on disk now, to look at. Nothing is written, whoever else has the file open.

    Of a damaged file everything that is whole is read, and a note says so.
    Raises: StoreError, StoreVersionError.
    """
    notes: list[str] = []
    try:
        try:
            content = _read_all(path, partial(_connect_to_read, path))
        except StoreVersionError:
            raise
        except StoreError:
            if not _is_alone(path):
                raise
            content = _read_all(path, partial(_connect_to_read, path, alone=True))
    except _DamagedError as damage:
        content = _salvage(path)
        notes.append(f"{path} is damaged ({damage}); what is whole of it was read")
    book = AddrBook(clock=clock, rng=rng, strict=strict, key=content.key)
    _tell(notes, book.restore(content.rows.values(), content.bans.values()))
    book.restore_facts(content.facts.values())
    return Snapshot(book, tuple(notes))


def _connect_to_read(path: Path, *, alone: bool = False) -> sqlite3.Connection:
    """A connection that cannot write. Where nothing may be written beside the file, nobody else has it open."""
    mode = "ro" if os.access(path.parent, os.W_OK) and not alone else "ro&immutable=1"
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
    )


def _open_whole(path: Path, *, alone: bool) -> sqlite3.Connection:
    """The connection to a file whose schema is ours, or to one just made."""
    _finish(path)
    if not path.exists() or path.stat().st_size == 0:
        return _create(path, alone=alone)
    with _judging(path):
        connection = _connect(path, alone=alone)
    with _judging(path, connection):
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise _DamagedError("there is nothing in it")
        _upgrade(path, connection)
    return connection


def _create(path: Path, *, alone: bool) -> sqlite3.Connection:
    """A new, empty database."""
    is_new = not path.exists()
    try:
        _make_parents(path)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE))
        for suffix in (LOG, MEMORY):  # of another file that had this name
            beside(path, suffix).unlink(missing_ok=True)
        connection = _connect(path, alone=alone)
        _upgrade(path, connection)
    except (OSError, sqlite3.Error) as error:
        if is_new:
            remove_files(path)
        raise StoreError(str(path), _reason(path, error)) from error
    return connection


def _make_parents(path: Path) -> None:
    path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)


def _draft(path: Path, everything: Changes) -> Path:
    """A database with all of a book, to take the place of another: one file, finished with its first transaction.

    Raises: OSError, sqlite3.Error; nothing is left of it then.
    """
    draft = beside(path, DRAFT)
    remove_files(draft)
    try:
        os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE))
        connection = sqlite3.connect(draft, isolation_level=None)
        try:
            _upgrade(draft, connection)
            with _transaction(connection) as cursor:
                _write(cursor, everything)
        finally:
            connection.close()
    except BaseException:
        remove_files(draft)
        raise
    return draft


def _finish(path: Path) -> None:
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


def _connect(path: Path, *, alone: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=0.0 if alone else BUSY_TIMEOUT_S, isolation_level=None)
    try:
        if alone:  # the first look at the file takes a lock that fails while anybody has it open
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        if alone:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        connection.execute("PRAGMA synchronous = NORMAL")  # a commit is in the file: the kernel keeps it
        connection.execute("PRAGMA secure_delete = ON")  # so that `find_lines` finds few outdated lines
    except _SQLITE_FAILS as error:
        connection.close()
        if alone and getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            raise StoreInUseError(str(path)) from error
        raise
    return connection


def _check_version(path: Path, connection: sqlite3.Connection) -> int:
    """The schema's version, which stands in two places: a flipped byte is not taken for a later program's."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        line = connection.execute("SELECT line FROM meta WHERE name = 'version'").fetchone()
        if line is None or line[0] != f"version {version}":
            raise _DamagedError("its two notes of the schema's version differ")
        if version > SCHEMA_VERSION:
            raise StoreVersionError(str(path), version, SCHEMA_VERSION)
    if not 0 <= version <= SCHEMA_VERSION:
        raise _DamagedError(f"there is no schema version {version}")
    return version


def _upgrade(path: Path, connection: sqlite3.Connection) -> None:
    """Bring the schema to our version."""
    version = _check_version(path, connection)
    if version < SCHEMA_VERSION:
        with _transaction(connection) as cursor:
            for step in MIGRATIONS[version:]:
                for statement in step:
                    cursor.execute(statement)
            cursor.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            cursor.execute(
                "INSERT OR REPLACE INTO meta VALUES ('version', ?)", (f"version {SCHEMA_VERSION}",)
            )


def _fact_name(fact: Fact) -> str:
    return f"{fact.kind.value} {fact.name}"


def _read_head(connection: sqlite3.Connection, version: int = SCHEMA_VERSION) -> _Content:
    """All but the addresses of a file whose structure is whole. The key is None when nothing was written yet."""
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise _DamagedError(verdict)
    key = connection.execute("SELECT line FROM meta WHERE name = 'key'").fetchone()
    if key is None and connection.execute("SELECT 1 FROM address UNION SELECT 1 FROM ban").fetchone():
        raise _DamagedError("there are addresses or bans in it, but no key")
    content = _Content()
    for subject, line in connection.execute("SELECT subject, line FROM ban"):
        item = read_line(line)
        content.take(item)
        if isinstance(item, Ban) and item.subject != subject:
            content.renamed[subject] = item
    if version >= 2:  # a snapshot is not brought to our version
        for (line,) in connection.execute("SELECT line FROM fact"):
            content.take(read_line(line))
    if key is not None:
        content.take(read_line(key[0]))
    return content


def _read_rows(
    connection: sqlite3.Connection, renamed: dict[str, KnownAddress | Ban]
) -> Iterator[KnownAddress]:
    """All addresses, one after the other: a large book is never in memory twice.

    Args: renamed, gets those whose ID was kept in capitals, which are not among the others.
    """
    for node_id, line in connection.execute("SELECT id, line FROM address"):
        row = read_address(line)
        if row.address.id == node_id:
            yield row
        elif row.address.id == normal_id(node_id):
            renamed[node_id] = row
        else:
            raise _DamagedError(f"the line of {row.address.id} stands at {node_id!r}")


def _rename(renamed: Mapping[str, KnownAddress | Ban], book: AddrBook, store: BookStore) -> None:
    """Keep what an earlier version kept under an ID in capitals, which nobody has, under the ID it stands for."""
    rows = [item for item in renamed.values() if isinstance(item, KnownAddress) and not book.has(item.id)]
    book.restore({row.id: row for row in rows}.values())
    bans = {item.subject: item for item in renamed.values() if isinstance(item, Ban)}
    changes = book.drain()
    gone = tuple(NodeID(name) for name, item in renamed.items() if isinstance(item, KnownAddress))
    lifted = tuple(name for name, item in renamed.items() if isinstance(item, Ban))
    store.apply(
        replace(
            changes,
            gone=(*changes.gone, *gone),
            banned=(*changes.banned, *(book.bans.get(subject) or ban for subject, ban in bans.items())),
            lifted=(*changes.lifted, *lifted),
        )
    )


@contextmanager
def _judging(path: Path, connection: sqlite3.Connection | None = None) -> Iterator[None]:
    """Turn what SQLite and damaged lines raise into a _DamagedError or a StoreError; close the file then."""
    try:
        try:
            yield
        except _SQLITE_FAILS as error:
            raise _judged(path, error) from error
        except (LineError, AttributeError, TypeError) as error:  # a line may have become a number or a blob
            raise _DamagedError(f"a line is damaged: {error}") from error
    except (_DamagedError, StoreError):
        if connection is not None:
            connection.close()
        raise


def _judged(path: Path, error: Exception) -> Exception:
    """Whether an error of SQLite's tells of damage, or of something the operator must mend."""
    code = getattr(error, "sqlite_errorcode", None)
    usable = path.is_file() and write_fault(path) is None
    if usable and (code is None or code & 0xFF in _DAMAGE or code in _MORE_DAMAGE):
        return _DamagedError(str(error))
    return StoreError(str(path), _reason(path, error))


def _reason(path: Path, error: Exception) -> str:
    """Why a file cannot be used, in words that tell what to mend."""
    code = getattr(error, "sqlite_errorcode", None)
    fault = None if code is not None and code & 0xFF in _PASSING else write_fault(path)
    return fault or getattr(error, "strerror", None) or str(error)


def _salvage(path: Path) -> _Content:
    """Everything in the file, and in what SQLite wrote beside it, that is still whole."""
    content = _Content()
    for file in (path, beside(path, LOG)):
        with suppress(OSError):
            for item in find_lines(file.read_bytes()):
                content.take(item)
    for subject in content.bans:  # a banned ID left the book: its line there is an outdated one
        content.rows.pop(subject, None)
    return content


def _import(path: Path, content: _Content, notes: list[str]) -> None:
    """Take CometBFT's file, whatever of it can be read. A damaged one is copied aside, for it will be written."""
    try:
        file = load_file(path, strict=False)
    except FileNotFoundError:
        return
    except OSError as error:
        notes.append(f"{path} was not imported: {error}")
        return
    content.key = content.key or file.key or None
    for row in file.rows:
        content.take(row)
    left_out = Tally()
    for reason, entries in file.left_out.items():
        left_out.add_all(reason, entries)
    without = f", {file.entries - len(file.rows)} entries left out ({left_out})" if file.left_out else ""
    notes.append(f"{len(file.rows)} addresses were imported from {path}{without}")
    if file.faults:
        _tell(notes, [f"{path}: {fault}" for fault in file.faults])
        with suppress(OSError):
            aside = aside_name(path, "damaged")
            shutil.copyfile(path, aside)
            notes.append(f"{path} is damaged, a copy was set aside as {aside}")


def _write(cursor: sqlite3.Cursor, changes: Changes) -> None:
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
        ((_fact_name(fact), write_fact(fact)) for fact in changes.facts if fact.numbers),
    )
    cursor.executemany(
        "DELETE FROM fact WHERE name = ?",
        ((_fact_name(fact),) for fact in changes.facts if not fact.numbers),
    )
    if changes.new_key:
        cursor.execute("INSERT OR REPLACE INTO meta VALUES ('key', ?)", (write_key(changes.key),))


def _tell(notes: list[str], lines: Iterable[str]) -> None:
    """Note the first lines, and how many there are more."""
    every = list(lines)
    notes.extend(every[:MAX_NOTES])
    if len(every) > MAX_NOTES:
        notes.append(f"and {len(every) - MAX_NOTES} more of this kind")


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Cursor]:
    cursor = connection.cursor()
    cursor.execute("BEGIN IMMEDIATE")
    try:
        yield cursor
        cursor.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            cursor.execute("ROLLBACK")
        raise


@contextmanager
def _no_collection() -> Iterator[None]:
    """Reading makes objects only, and looking through them again and again doubles its time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
