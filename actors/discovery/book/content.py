"""What is read of a book's file: all of it when it is whole, every line that is still whole when it is not."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

from peerage.actors.discovery.book.bans import Ban
from peerage.actors.discovery.book.connection import connect, connect_to_read, is_one_file
from peerage.actors.discovery.book.facts import Fact
from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.actors.discovery.book.row_codec import Item, find_lines, read_address, read_line
from peerage.actors.discovery.book.schema import FACTS_SINCE, SCHEMA_VERSION, check_version
from peerage.actors.discovery.book.store_faults import DamagedError, judging
from peerage.actors.discovery.book.store_files import LOG, beside
from peerage.actors.discovery.errors import StoreError, StoreVersionError
from peerage.wire.keys import normal_id


@dataclass(slots=True)
class Content:
    """What was read of a book, in the order of finding.

    renamed: rows and bans of earlier versions by the name they were kept under, when that is not theirs any more.
    """

    key: str | None = None
    rows: dict[str, KnownAddress] = field(default_factory=dict)
    bans: dict[str, Ban] = field(default_factory=dict)
    facts: dict[str, Fact] = field(default_factory=dict)
    renamed: dict[str, KnownAddress | Ban] = field(default_factory=dict)

    def take(self, item: Item) -> None:
        """Keep an item; of two copies the one that knows more."""
        if isinstance(item, str):
            self.key = item
        elif isinstance(item, Fact):
            self.facts[item.row_name] = item
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


def read_head(connection: sqlite3.Connection, version: int = SCHEMA_VERSION) -> Content:
    """All but the addresses of a file whose structure is whole. The key is None when nothing was written yet.

    Raises: DamagedError, LineError, sqlite3.Error, and what a line of another type raises: see `judging`.
    """
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise DamagedError(verdict)
    key = connection.execute("SELECT line FROM meta WHERE name = 'key'").fetchone()
    if key is None and connection.execute("SELECT 1 FROM address UNION SELECT 1 FROM ban").fetchone():
        raise DamagedError("there are addresses or bans in it, but no key")
    content = Content()
    for subject, line in connection.execute("SELECT subject, line FROM ban"):
        item = read_line(line)
        content.take(item)
        if isinstance(item, Ban) and item.subject != subject:
            content.renamed[subject] = item
    if version >= FACTS_SINCE:  # a file that is only looked at is not brought to our version
        for (line,) in connection.execute("SELECT line FROM fact"):
            content.take(read_line(line))
    if key is not None:
        content.take(read_line(key[0]))
    return content


def read_rows(
    connection: sqlite3.Connection, renamed: dict[str, KnownAddress | Ban]
) -> Iterator[KnownAddress]:
    """All addresses, one after the other, so that a large book is never in memory twice.

    Args: renamed, gets those whose ID was kept in capitals, which are not among the others.
    """
    for node_id, line in connection.execute("SELECT id, line FROM address"):
        row = read_address(line)
        if row.address.id == node_id:
            yield row
        elif row.address.id == normal_id(node_id):
            renamed[node_id] = row
        else:
            raise DamagedError(f"the line of {row.address.id} stands at {node_id!r}")


def read_all(path: Path, open_it: Callable[[], sqlite3.Connection]) -> Content:
    """All that is in a file, in one state, whatever is written meanwhile.

    Args: open_it, makes the connection.
    Raises: DamagedError, StoreError.
    """
    if is_one_file(path) and not path.stat().st_size:  # somebody was about to begin
        return Content()
    with judging(path):
        connection = open_it()
    with judging(path, connection):
        connection.execute("BEGIN")
        content = read_head(connection, check_version(path, connection))
        for item in chain(read_rows(connection, content.renamed), content.renamed.values()):
            content.take(item)
        connection.close()
    return content


def read_unwritten(path: Path) -> tuple[Content, str]:
    """All that is in a file beside which nothing may be written, and what is wrong with it, if anything is.

    Raises: StoreVersionError.
    """
    if not path.exists():
        return Content(), ""
    fault = ""
    ways: list[Callable[[], sqlite3.Connection]] = [
        partial(connect_to_read, path),
        partial(connect, path, alone=True),  # needs no file in memory beside it, but the right to write
    ]
    if is_one_file(path):
        ways.insert(0, partial(connect_to_read, path, alone=True))
    for way in ways:
        try:
            return read_all(path, way), ""
        except StoreVersionError:
            raise
        except (DamagedError, StoreError) as error:
            fault = str(error)
    return salvage(path), f"it cannot be read as a whole ({fault})"


def salvage(path: Path) -> Content:
    """Everything in the file, and in what SQLite wrote beside it, that is still whole."""
    content = Content()
    for file in (path, beside(path, LOG)):
        with suppress(OSError):
            for item in find_lines(file.read_bytes()):
                content.take(item)
    for subject in content.bans:  # a banned ID left the book: its line there is an outdated one
        content.rows.pop(subject, None)
    return content
