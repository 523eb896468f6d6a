"""Address book files."""

from __future__ import annotations

from collections.abc import Iterator

from peerage.actors.discovery.book.addrbook_json import MAX_FAULTS, BookFile, read_book, write_book
from peerage.actors.discovery.errors import BookFileError
from tests.fuzz.target import MOST_TEXT, Target, told
from tests.wire.vectors import VECTORS, load


def check(data: bytes) -> None:
    """Strictly, a book or a `BookFileError`; otherwise what can be read. Written again it reads the same."""
    strict = _read(data, strict=True)
    skipping = _read(data, skip_faulty=True)
    salvaged = read_book(data, strict=False)
    for book in (strict, skipping, salvaged):
        if book is not None:
            _is_sound(book)
    if strict is not None:
        assert skipping is not None
        assert strict.rows == skipping.rows
        assert strict.rows == salvaged.rows or salvaged.faults
    assert len(salvaged.faults) <= MAX_FAULTS


def _read(data: bytes, **how: bool) -> BookFile | None:
    try:
        return read_book(data, **how)
    except BookFileError as error:
        told(error)
        return None


def _is_sound(book: BookFile) -> None:
    for line in book.faults:
        assert len(line) <= MOST_TEXT, f"{len(line)} characters: {line[:200]}"
    for left_out in book.left_out.values():
        assert all(example.isprintable() for example in left_out.examples)
    written = write_book(book.key, book.rows)
    again = read_book(written)
    assert again.key == book.key
    assert again.rows == tuple(sorted(book.rows, key=lambda row: row.id))
    assert not again.faults
    assert write_book(again.key, again.rows) == written
    for row in book.rows:
        row.address.validate()


def corpus() -> Iterator[bytes]:
    """A book of CometBFT's, and files that it was tried with."""
    whole = (VECTORS / "addrbook.json").read_bytes()
    yield whole[: whole.index(b"},\n\t\t{", 2500)] + b"}]}"
    yield whole[:3000]
    for case in load("addrbook_summary")["files"]:
        if "text" in case:
            yield case["text"].encode()
    entry = (
        b'{"addr":{"id":"0123456789abcdef0123456789abcdef01234567","ip":"1.2.3.4","port":26656},'
        b'"src":{"id":"1123456789abcdef0123456789abcdef01234567","ip":"2a00::1","port":1},"buckets":[3,4],"attempts":2,'
        b'"bucket_type":1,"last_attempt":"2026-11-21T03:27:15.25+01:00","last_success":null,'
        b'"last_ban_time":"0001-01-01T00:00:00Z"}'
    )
    yield b'{"key":"k","addrs":[' + entry + b"]}"
    yield (
        b'{"key":"k","addrs":['
        + entry
        + b","
        + entry.replace(b'"bucket_type":1', b'"bucket_type":2')
        + b"]}x"
    )
    yield b'\xef\xbb\xbf{"KEY":"\\ud800","ADDRS":[' + entry.upper() + b"]"


TARGET = Target(corpus, check, longest=6000)
