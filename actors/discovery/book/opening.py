"""Opening an address book: from its database, from what is whole of a damaged one, or from CometBFT's file.

A damaged file is moved aside, and every line of it that is still whole goes into a new one: damage costs what it hit,
and never the node's start.
"""

from __future__ import annotations

import gc
import random
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.addrbook_json import load_file
from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.connection import connect_to_read, is_one_file
from peerage.actors.discovery.book.content import (
    Content,
    read_all,
    read_head,
    read_rows,
    read_unwritten,
    salvage,
)
from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.actors.discovery.book.policies import Improvements
from peerage.actors.discovery.book.store import BookStore
from peerage.actors.discovery.book.store_faults import DamagedError, judging
from peerage.actors.discovery.book.store_files import aside_name
from peerage.actors.discovery.book.tally import Tally
from peerage.actors.discovery.book.writing import open_whole
from peerage.actors.discovery.errors import StoreError, StoreVersionError
from peerage.wire.keys import NodeID

MAX_NOTES = 20  # lines told of one file's faults


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
    content, connection, lost = Content(), None, ""
    try:
        connection = open_whole(path, alone=alone)
        with judging(path, connection):
            head = read_head(connection)
            if head.key is not None:  # it is written with the first content, all at once
                book = make(key=head.key)
                with _no_collection():
                    rows = read_rows(connection, head.renamed)
                    faults = book.restore(rows, head.bans.values(), head.facts.values(), stored=True)
                _tell(notes, faults)
                store = BookStore(path, connection, book.everything, alone=alone)
                if head.renamed:
                    _rename(head.renamed, book, store)
                return Opened(book, store, tuple(notes))
    except DamagedError as damage:
        content, connection = salvage(path), None
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
    content, lost = read_unwritten(path)
    if lost:
        notes.append(
            f"{path}: {lost}; {len(content.rows)} addresses and {len(content.bans)} bans of it are kept"
        )
    make = partial(AddrBook, clock=clock, rng=rng, strict=strict, improvements=improvements)
    book = _filled(make, content, notes, import_from)
    book.drain()
    kept_as = "damaged" if lost else None
    return Opened(book, BookStore(path, None, book.everything, lost=lost, kept_as=kept_as), tuple(notes))


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
            content = read_all(path, partial(connect_to_read, path))
        except StoreVersionError:
            raise
        except StoreError:
            if not is_one_file(path):
                raise
            content = read_all(path, partial(connect_to_read, path, alone=True))
    except DamagedError as damage:
        content = salvage(path)
        notes.append(f"{path} is damaged ({damage}); what is whole of it was read")
    book = AddrBook(clock=clock, rng=rng, strict=strict, key=content.key)
    _tell(notes, book.restore(content.rows.values(), content.bans.values(), content.facts.values()))
    return Snapshot(book, tuple(notes))


def _filled(
    make: Callable[..., AddrBook], content: Content, notes: list[str], import_from: Path | None
) -> AddrBook:
    """A book of what was read; of CometBFT's file, if there is no address."""
    if not content.rows and import_from is not None:
        _import(import_from, content, notes)
    book = make(key=content.key)
    _tell(notes, book.restore(content.rows.values(), content.bans.values(), content.facts.values()))
    return book


def _import(path: Path, content: Content, notes: list[str]) -> None:
    """Take CometBFT's file, whatever of it can be read. A damaged one is copied aside, for it will be written."""
    if path.exists() and not path.is_file() and not path.is_dir():
        return  # a device or a pipe is a place to write to: /dev/null, of those who want no file
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


def _tell(notes: list[str], lines: Iterable[str]) -> None:
    """Note the first lines, and how many there are more."""
    every = list(lines)
    notes.extend(every[:MAX_NOTES])
    if len(every) > MAX_NOTES:
        notes.append(f"and {len(every) - MAX_NOTES} more of this kind")


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
