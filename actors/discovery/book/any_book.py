"""Reads the file of an address book, whichever it is: ours, or CometBFT's addrbook.json. Nothing is written."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from peerage.actors.discovery.book.addrbook_json import read_book
from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.connection import connect_to_read, is_one_file
from peerage.actors.discovery.book.content import Content, read_all, salvage
from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.actors.discovery.book.row_codec import LineError, read_line
from peerage.actors.discovery.book.store_faults import SQLITE_FAILS, DamagedError
from peerage.actors.discovery.book.upkeep import Fault, Finding
from peerage.actors.discovery.errors import BookFileError, StoreError, StoreVersionError

__all__ = ["AnyBook", "read_any_book"]

MOST_FINDINGS = 1000  # damaged lines that are named one by one
_SQLITE = b"SQLite format 3\0"
_TABLES = (("address", "id"), ("ban", "subject"), ("fact", "name"))


@dataclass(frozen=True, slots=True)
class AnyBook:
    """What was read of a book. Args: damage, what could not be; entries, how many addresses there should be."""

    is_ours: bool
    rows: tuple[KnownAddress, ...]
    bans: tuple[Ban, ...] = ()
    damage: tuple[Finding, ...] = ()


def read_any_book(path: Path) -> AnyBook:
    """All that can be read of a file, and what cannot.

    Raises: OSError; BookFileError, it is not a book of any kind; StoreError, StoreVersionError.
    """
    with path.open("rb") as file:
        content = file.read(len(_SQLITE))
        if content == _SQLITE or path.suffix == ".sqlite":
            return _read_store(path)
        content += file.read()  # of a pipe there is no second reading
    read = read_book(content, strict=False)
    if not read.entries and read.faults:
        raise BookFileError(read.faults[0].removeprefix("not an address book: "))
    damage = [Finding(Fault.DAMAGED, "", fault) for fault in read.faults]
    told = len(damage)
    for reason, left in read.left_out.items():
        if reason not in {"unreadable", "twice in the file"} or not told:  # those are among the faults
            more = f" and {left.count - len(left.examples)} more" if left.count > len(left.examples) else ""
            damage.append(
                Finding(Fault.INVALID, f"{left.count} entries", f"{reason}: {'; '.join(left.examples)}{more}")
            )
    return AnyBook(False, read.rows, damage=tuple(damage))


def _read_store(path: Path) -> AnyBook:
    try:
        content = _read_whole(path)
    except DamagedError as damage:
        content = salvage(path)
        found = (
            Finding(Fault.DAMAGED, "", f"{damage}; {len(content.rows)} addresses can still be read"),
            *_damaged_lines(path),
        )
        return AnyBook(True, tuple(content.rows.values()), tuple(content.bans.values()), found)
    return AnyBook(True, tuple(content.rows.values()), tuple(content.bans.values()))


def _read_whole(path: Path) -> Content:
    try:
        return read_all(path, partial(connect_to_read, path))
    except StoreVersionError:
        raise
    except StoreError:  # perhaps nothing may be written beside it
        if not is_one_file(path):
            raise
        return read_all(path, partial(connect_to_read, path, alone=True))


def _damaged_lines(path: Path) -> list[Finding]:
    """Each line that is damaged, as far as the tables can be read."""
    found: list[Finding] = []
    with suppress(*SQLITE_FAILS), closing(connect_to_read(path, alone=is_one_file(path))) as connection:
        for table, name in _TABLES:
            for key, line in connection.execute(f"SELECT {name}, line FROM {table}"):  # noqa: S608 - names of ours
                try:
                    read_line(line)
                except (LineError, AttributeError, TypeError) as error:
                    found.append(Finding(Fault.DAMAGED, str(key), f"its {table} line is damaged: {error}"))
                if len(found) >= MOST_FINDINGS:
                    return found
    return found
