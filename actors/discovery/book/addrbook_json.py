"""CometBFT's address book file, in and out, so that an operator can move a node in either direction.

Layout: `{"key": hex, "addrs": [{"addr", "src": {"id", "ip", "port"}, "buckets", "attempts", "bucket_type",
"last_attempt", "last_success", "last_ban_time"}]}`, indented with tabs. As in Go, fields may be missing, unknown fields are
ignored, and the case of names does not matter. Banned addresses are not in the file.

Source: reference 9; vectors addrbook.json and addrbook_summary.json.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from peerage.actors.discovery.book.addrbook import AddrBook
from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.known_address import Kind, KnownAddress
from peerage.actors.discovery.book.tally import LeftOut, Tally
from peerage.actors.discovery.book.timestamps import NEVER, format_time, parse_time
from peerage.actors.discovery.book.whole_file import write_whole_file
from peerage.actors.discovery.errors import BookEntryError, BookFileError
from peerage.wire.errors import AddressError, AddressIDError
from peerage.wire.net_address import NetAddress
from peerage.wire.remote_text import MAX_SHOWN, cut

FILE_MODE = 0o644  # reference 9
MAX_FAULTS = 1000  # how many faults of one file are listed
MAX_ATTEMPTS = 2**31 - 1
MOST_DIGITS = 100  # of a number; CometBFT's have at most 10

# The names under which entries that give no row are counted.
NO_ID, INVALID, UNREADABLE, TWICE = "no ID", "invalid", "unreadable", "twice in the file"

# What files begin with that are taken for a book, and are none of CometBFT's.
_OTHER_KINDS = {
    b"\x1f\x8b": "it is compressed by gzip; the unpacked file is expected",
    b"SQLite format 3\0": "it is a database; `peerage addrbook merge` takes one of peerage's",
}

_SHAPE = BookShape()  # CometBFT's: a bucket beyond it is an error in the file
_BUCKETS = {Kind.NEW: _SHAPE.new_buckets, Kind.OLD: _SHAPE.old_buckets}
_BOOK = """{
\t"key": %s,
\t"addrs": [%s]
}"""
_ENTRY = """{
\t\t\t"addr": %s,
\t\t\t"src": %s,
\t\t\t"buckets": [%s],
\t\t\t"attempts": %d,
\t\t\t"bucket_type": %d,
\t\t\t"last_attempt": "%s",
\t\t\t"last_success": "%s",
\t\t\t"last_ban_time": "%s"
\t\t}"""
_ADDRESS = """{
\t\t\t\t"id": %s,
\t\t\t\t"ip": "%s",
\t\t\t\t"port": %d
\t\t\t}"""
_ENTRY_BEGINS = re.compile(r'\{\s*"addr"\s*:', re.IGNORECASE)
_KEY = re.compile(r'"key"\s*:\s*"([^"\\]*)"', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BookFile:
    """What a file holds.

    key: empty when the file has none. faults: one line for each thing that would crash CometBFT, and for each ID that occurs
    twice. left_out: the entries that gave no row, by reason.
    """

    key: str
    rows: tuple[KnownAddress, ...]
    faults: tuple[str, ...] = ()
    left_out: Mapping[str, LeftOut] = field(default_factory=dict)

    @property
    def entries(self) -> int:
        """How many entries the file has."""
        return len(self.rows) + sum(each.count for each in self.left_out.values())


def read_book(text: str | bytes, *, strict: bool = True, skip_faulty: bool = False) -> BookFile:
    """Read a book file. As in CometBFT, everything after the closing brace is ignored.

    An entry that leads to no node (no ID, or no usable IP) is always left out: CometBFT writes such entries.
    Args: strict, whether anything that would crash CometBFT is an error. If not, every readable entry is read, even from a
        file that is cut or damaged, and `faults` lists the rest. skip_faulty, when strict: the file must be whole, but an
        entry that cannot be read is left out.
    Raises: BookFileError, only when strict.
    """
    if isinstance(text, bytes):
        if problem := _other_kind(text):
            if strict:
                raise BookFileError(problem)
            return BookFile("", (), (str(BookFileError(problem)),))
        text = _decoded(text)
    try:
        key, entries = _read_outline(text)
    except BookFileError as error:
        if strict:
            raise
        return _salvage(text, str(error))
    if not strict and len(entries) < sum(1 for _ in _ENTRY_BEGINS.finditer(text)):
        return _salvage(text, "it holds entries outside of its list")
    return _Entries(strict=strict and not skip_faulty).read(key, entries)


def write_book(key: str, rows: Iterable[KnownAddress]) -> str:
    """The text of the file, ordered by ID. Reading it gives the same rows.

    It is what `json.dumps` would write, in a third of the time: a full book is written while a service manager waits.
    """
    entries = ",\n\t\t".join([_written(row) for row in sorted(rows, key=lambda row: row.id)])
    return _BOOK % (_quoted(key), f"\n\t\t{entries}\n\t" if entries else "")


def load_file(path: Path, *, strict: bool = True, skip_faulty: bool = False) -> BookFile:
    """Read the file at a path, as `read_book`.

    Raises: OSError; BookFileError, only when strict.
    """
    return read_book(path.read_bytes(), strict=strict, skip_faulty=skip_faulty)


def save_book(path: Path, book: AddrBook) -> None:
    """Write a book for CometBFT, atomically: a reader finds the old file or the new one.

    Buckets are those of CometBFT's shape; the addresses of a book of another shape are placed anew.
    Raises: OSError; the file is unchanged then.
    """
    text = write_book(book.key, fit(book))
    # an ID may hold half of a surrogate pair, which UTF-8 cannot encode
    write_whole_file(path, text.encode("utf-8", "backslashreplace"), FILE_MODE)


def fit(book: AddrBook) -> list[KnownAddress]:
    """The book's rows, all in buckets that CometBFT has.

    A bucket number beyond CometBFT's is folded into its range. Any bucket will do, because CometBFT places addresses by a
    key that changes with each start.
    """
    rows = []
    for row in book.addresses():
        most = _BUCKETS[row.kind]
        folded = row.buckets
        if not folded or folded[-1] >= most:  # the last is the largest
            folded = tuple(sorted({number % most for number in folded}))
        rows.append(row if folded == row.buckets else replace(row, buckets=folded))
    return rows


def _other_kind(content: bytes) -> str:
    """What a file is instead of a book; empty if it may be one. A full disk leaves an empty one, or zeros."""
    if not content.strip(b"\0 \t\r\n"):
        return "it is empty"
    return next((what for begin, what in _OTHER_KINDS.items() if content.startswith(begin)), "")


def _lower_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name.lower(): value for name, value in pairs}


def _number(digits: str) -> int | float:
    """A whole number; infinity, which no field accepts, if it has more digits than Python would parse."""
    return int(digits) if len(digits) <= MOST_DIGITS else float("inf")


def _decoded_at(text: str, begin: int) -> tuple[Any, int]:
    """The JSON value that begins there, and where it ends.

    Raises: ValueError.
    """
    try:
        return _Decoder.raw_decode(text, begin)
    except RecursionError:
        raise ValueError("values are nested too deep") from None


_Decoder = json.JSONDecoder(object_pairs_hook=_lower_names, parse_int=_number)


def _read_outline(text: str) -> tuple[str, list[Any]]:
    """Key and undecoded entries of a file that is JSON.

    Raises: BookFileError.
    """
    try:
        book = _decoded_at(text.lstrip(), 0)[0]
    except ValueError as error:
        raise BookFileError(f"not JSON: {error}") from error
    if not isinstance(book, dict):
        raise BookFileError("it is not a JSON object")
    key, entries = book.get("key"), book.get("addrs")
    if not isinstance(key, str | None):
        raise BookFileError("its key is not a text")
    if not isinstance(entries, list | None):
        raise BookFileError("its addresses are not a list")
    return key or "", entries or []


class _Entries:
    """Reads the entries of one file, and counts those that give no row."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._rows: dict[str, KnownAddress] = {}
        self._faults: list[str] = []
        self._left_out = Tally()

    def read(self, key: str, entries: list[Any]) -> BookFile:
        """Raises: BookFileError, only when strict."""
        for index, entry in enumerate(entries):
            try:
                row = _read_entry(entry)
            except BookEntryError as error:
                self._left_out.add(error.label, f"entry {index}: {error.reason}")
            except BookFileError as error:
                if self._strict:
                    raise BookFileError(f"entry {index}: {error.reason}") from error
                self.fault(f"entry {index}: {error.reason}", UNREADABLE)
            else:
                if row.id in self._rows:  # CometBFT counts both and keeps the last
                    self.fault(f"entry {index}: {row.id} occurred before", TWICE)
                self._rows[row.id] = row
        return BookFile(key, tuple(self._rows.values()), tuple(self._faults), self._left_out.by_reason())

    def fault(self, line: str, label: str | None = None) -> None:
        """Note a fault. With a label it counts as an entry that gave no row."""
        if len(self._faults) < MAX_FAULTS:
            self._faults.append(line)
        if label is not None:
            self._left_out.add(label, line)


def _salvage(text: str, problem: str) -> BookFile:
    """The entries of a file that as a whole is not JSON."""
    found = _Entries(strict=False)
    found.fault(problem)
    entries: list[Any] = []
    position = 0
    while (begin := _ENTRY_BEGINS.search(text, position)) is not None:
        position = begin.end()
        try:
            entry, position = _decoded_at(text, begin.start())
        except ValueError as error:
            found.fault(f"character {begin.start()}: {error}", UNREADABLE)
        else:
            entries.append(entry)
    key = _KEY.search(text)
    return found.read(key[1] if key else "", entries)


def _decoded(data: bytes) -> str:
    """The text of a file, without the byte order mark that editors and shells on Windows write."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")


def _read_entry(entry: Any) -> KnownAddress:
    if not isinstance(entry, dict):
        raise BookFileError("it is not an object")
    address = _read_address(entry.get("addr"))
    source = _read_source(entry.get("src")) or address
    number = _read_number(entry, "bucket_type", 255)
    try:
        kind = Kind(number)
    except ValueError:
        raise BookFileError(f"there is no bucket type {number}") from None
    return KnownAddress(
        address,
        source,
        kind,
        _read_buckets(entry.get("buckets"), kind),
        _read_number(entry, "attempts", MAX_ATTEMPTS),
        _read_time(entry, "last_attempt"),
        _read_time(entry, "last_success"),
        _read_time(entry, "last_ban_time"),
    )


def _read_address(value: Any) -> NetAddress:
    node_id, ip, port = _read_parts(value)
    if not ip:
        raise BookEntryError(f"{node_id or 'an entry without ID'} has no IP", INVALID)
    try:
        address = NetAddress(node_id, ip, port)
    except AddressError as error:
        raise BookFileError(str(error)) from error
    if not node_id:
        raise BookEntryError(f"{address} has no ID", NO_ID)
    try:
        address.validate()
    except AddressIDError as error:  # with the address in front, the line would be cut before the reason
        raise BookEntryError(error.problem, INVALID) from error
    except AddressError as error:
        raise BookEntryError(str(error), INVALID) from error
    return address


def _read_source(value: Any) -> NetAddress | None:
    """The node that told an address; None when the entry does not name it."""
    if value is None:
        return None
    node_id, ip, port = _read_parts(value)
    try:
        return NetAddress(node_id, ip, port) if ip else None
    except AddressError as error:
        raise BookFileError(f"src: {error}") from error


def _read_parts(value: Any) -> tuple[str, str, int]:
    if not isinstance(value, dict):
        raise BookFileError("an address is missing")
    node_id, ip, port = value.get("id") or "", value.get("ip") or "", value.get("port") or 0
    if not isinstance(node_id, str) or not isinstance(ip, str) or type(port) is not int:
        raise BookFileError("an address has a part of the wrong type")
    return node_id, ip, port


def _read_number(entry: dict[str, Any], name: str, most: int) -> int:
    value = entry.get(name)
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value <= most:
        raise BookFileError(f"{name} is {_said(value)}, not a number from 0 to {most}")
    return value


def _read_buckets(value: Any, kind: Kind) -> tuple[int, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise BookFileError("its buckets are not a list")
    for number in value:
        if type(number) is not int or not 0 <= number < _BUCKETS[kind]:
            raise BookFileError(f"there is no {kind.name.lower()} bucket {_said(number)}")
    return tuple(sorted(set(value)))


def _read_time(entry: dict[str, Any], name: str) -> int:
    value = entry.get(name)
    if value is None:
        return NEVER
    try:
        return parse_time(value)
    except (ValueError, TypeError, OverflowError):
        raise BookFileError(f"{name} is {_said(value)}, not an RFC 3339 time") from None


def _said(value: Any) -> str:
    """What stands where a number is expected, in short: a file may have anything there, of any length."""
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    return cut(repr(value), MAX_SHOWN)


def _written(row: KnownAddress) -> str:
    numbers = ",\n\t\t\t\t".join(map(str, row.buckets))
    return _ENTRY % (
        _written_address(row.address),
        _written_source(row.source),
        f"\n\t\t\t\t{numbers}\n\t\t\t" if numbers else "",
        row.attempts,
        row.kind,
        _written_time(row.last_attempt),
        _written_time(row.last_success),
        _written_time(row.last_ban),
    )


def _written_address(address: NetAddress) -> str:
    return _ADDRESS % (_quoted(address.id), address.host, address.port)


_written_source = lru_cache(maxsize=1024)(_written_address)
_written_time = lru_cache(maxsize=1024)(format_time)
_quoted = json.JSONEncoder(ensure_ascii=False).encode
