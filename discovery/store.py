"""The address book on disk: one SQLite file, one writer.

What `BookStore.apply` has returned from survives SIGKILL of any process (a power cut may cost the last
moments). A damaged file is moved aside, and every line of it that is still whole goes into a new one: damage
costs what it hit, and never the node's start.
"""

from __future__ import annotations

import gc
import os
import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path

from peerage.discovery.addrbook import AddrBook
from peerage.discovery.addrbook_json import load_file
from peerage.discovery.bans import Ban
from peerage.discovery.buckets import BookShape
from peerage.discovery.errors import StoreError, StoreInUseError, StoreVersionError
from peerage.discovery.facts import Fact
from peerage.discovery.improvements import Improvements
from peerage.discovery.journal import Changes
from peerage.discovery.known_address import KnownAddress
from peerage.discovery.store_line import (
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
from peerage.discovery.tally import Tally
from peerage.wire.keys import NodeID, normal_id

BUSY_TIMEOUT_S = 5.0  # for another process that reads the book, or a writer that is just dying
MAX_NOTES = 20  # lines told of one file's faults
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

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR}
_MORE_DAMAGE = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR}  # when the file could be read and written

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
    """Writes changes. Made by `open_book`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._pending: list[Changes] = []

    def apply(self, changes: Changes) -> None:
        """Write changes in one transaction.

        On return they survive SIGKILL of any process. What could not be written is kept, and written before
        the next changes.
        Raises: StoreError (disk full, file gone …).
        """
        if changes:
            self._pending.append(changes)
        if not self._pending:
            return
        try:
            with _transaction(self._connection) as cursor:
                for pending in self._pending:
                    _write(cursor, pending)
        except sqlite3.Error as error:
            raise StoreError(str(self.path), str(error)) from error
        self._pending.clear()

    def close(self) -> None:
        """Close the file, everything in it in its place. May be called twice."""
        with suppress(sqlite3.Error):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()


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
    content = _Content()
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
                store = BookStore(path, connection)
                if head.renamed:
                    _rename(head.renamed, book, store)
                return Opened(book, store, tuple(notes))
    except _DamagedError as damage:
        content = _salvage(path)
        aside = _move_aside(path)
        kept = f"{len(content.rows)} addresses and {len(content.bans)} bans of it are kept"
        notes.append(f"{path} is damaged ({damage}); it was moved to {aside}, {kept}")
        connection = _create(path, alone=alone)
    if not content.rows and import_from is not None:
        _import(import_from, content, notes)
    book = make(key=content.key)
    _tell(notes, book.restore(content.rows.values(), content.bans.values()))
    book.restore_facts(content.facts.values())
    store = BookStore(path, connection)
    changes = book.drain()
    store.apply(
        replace(
            changes,
            banned=tuple(content.bans.values()),
            facts=tuple(content.facts.values()),
            new_key=True,
        )
    )
    return Opened(book, store, tuple(notes))


def read_snapshot(
    path: Path, *, clock: Callable[[], float], rng: random.Random, strict: bool = True
) -> Snapshot:
    """The book as it is on disk now, to look at. Nothing is written, whoever else has the file open.

    Of a damaged file everything that is whole is read, and a note says so.
    Raises: StoreError, StoreVersionError.
    """
    content, notes = _Content(), []
    try:
        with _judging(path):
            connection = _connect_to_read(path)
        with _judging(path, connection):
            connection.execute("BEGIN")  # one state, whatever is written meanwhile
            content = _read_head(connection, _check_version(path, connection))
            for item in chain(_read_rows(connection, content.renamed), content.renamed.values()):
                content.take(item)
            connection.close()
    except _DamagedError as damage:
        content = _salvage(path)
        notes.append(f"{path} is damaged ({damage}); what is whole of it was read")
    book = AddrBook(clock=clock, rng=rng, strict=strict, key=content.key)
    _tell(notes, book.restore(content.rows.values(), content.bans.values()))
    book.restore_facts(content.facts.values())
    return Snapshot(book, tuple(notes))


def _connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Where nothing may be written beside the file, nobody else has it open."""
    mode = "ro" if os.access(path.parent, os.W_OK) else "ro&immutable=1"
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
    )


def _open_whole(path: Path, *, alone: bool) -> sqlite3.Connection:
    """The connection to a file whose schema is ours, or to one just made."""
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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE))
        for suffix in ("-wal", "-shm"):  # of another file that had this name
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        connection = _connect(path, alone=alone)
        _upgrade(path, connection)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(str(path), str(error)) from error
    return connection


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
    primary = None if code is None else code & 0xFF
    usable = path.is_file() and os.access(path, os.R_OK | os.W_OK) and os.access(path.parent, os.W_OK)
    if usable and (primary in _DAMAGE or primary in _MORE_DAMAGE or code is None):
        return _DamagedError(str(error))
    return StoreError(str(path), str(error))


def _salvage(path: Path) -> _Content:
    """Everything in the file, and in what SQLite wrote beside it, that is still whole."""
    content = _Content()
    for file in (path, path.with_name(path.name + "-wal")):
        with suppress(OSError):
            for item in find_lines(file.read_bytes()):
                content.take(item)
    for subject in content.bans:  # a banned ID left the book: its line there is an outdated one
        content.rows.pop(subject, None)
    return content


def _move_aside(path: Path) -> Path:
    """Give a file, and what belongs to it, another name. Returns: that name."""
    try:
        aside = _aside(path)
        path.replace(aside)
        wal = path.with_name(path.name + "-wal")
        if wal.exists():
            wal.replace(aside.with_name(aside.name + "-wal"))
        path.with_name(path.name + "-shm").unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(str(path), f"it is damaged and cannot be moved aside: {error}") from error
    return aside


def _aside(path: Path) -> Path:
    """A name beside a file that no file has yet."""
    name = f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    aside, count = path.with_name(name), 1
    while aside.exists():
        count += 1
        aside = path.with_name(f"{name}-{count}")
    return aside


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
            aside = _aside(path)
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
