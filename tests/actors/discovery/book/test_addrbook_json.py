"""CometBFT's address book file."""

from __future__ import annotations

import gzip
import json
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peerage.actors.discovery.book.addrbook_json import load_file, read_book, save_book, write_book
from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.actors.discovery.book.timestamps import format_time, parse_time
from peerage.actors.discovery.errors import BookFileError
from tests.actors.discovery.nodes import address, book, known_addresses, node_id
from tests.wire.vectors import VECTORS, load

FILE = VECTORS / "addrbook.json"
CASES = [case for case in load("addrbook_summary")["files"] if "text" in case]
ENTRY = '{"addr":{"id":"%s","ip":"1.2.3.4","port":1},"buckets":[3],"bucket_type":1%s}'
ONE = f'{{"key":"k","addrs":[{ENTRY % (node_id(1), "")}]}}'

books = st.lists(known_addresses(of_cometbft=True), max_size=8, unique_by=lambda row: row.id)


def in_utc(value: Any) -> Any:
    """A decoded file with all times in UTC and buckets in order, as we write them."""
    match value:
        case dict():
            return {name: in_utc(item) for name, item in value.items()}
        case list() if all(isinstance(item, int) for item in value):
            return sorted(value)
        case list():
            return sorted(map(in_utc, value), key=lambda item: str(item["addr"]["id"]))
        case str() if "T" in value:
            return format_time(parse_time(value))
        case _:
            return value


def test_the_recorded_file_comes_out_as_it_went_in() -> None:
    """Every field of a file that CometBFT wrote, its key included."""
    read = load_file(FILE)
    assert read.faults == ()
    assert json.loads(write_book(read.key, read.rows)) == in_utc(json.loads(FILE.read_text()))


def test_the_layout_is_that_of_cometbft() -> None:
    """Indented by tabs, fields in the same order, nothing behind the last brace."""
    recorded = FILE.read_text()
    entry = recorded[: recorded.index("},\n\t\t{")]
    read = load_file(FILE)
    first = next(row for row in read.rows if row.id == node_id(9))
    written = write_book(read.key, [first])
    assert written == entry + "}\n\t]\n}"


@given(books)
def test_reading_what_was_written_gives_the_same_rows(rows: list[KnownAddress]) -> None:
    """Import after export is the identity."""
    read = read_book(write_book("0123456789abcdef01234567", rows))
    assert read.key == "0123456789abcdef01234567"
    assert sorted(read.rows, key=lambda row: row.id) == sorted(rows, key=lambda row: row.id)


@given(books)
def test_a_book_filled_from_a_file_exports_the_same_file(rows: list[KnownAddress]) -> None:
    """Export after import is the identity too."""
    text = write_book("k", rows)
    filled = book(strict=False)
    filled.restore(read_book(text).rows)
    assert write_book("k", filled.addresses()) == text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_files_are_read_or_refused_as_by_cometbft(case: dict[str, Any]) -> None:
    """Vector files: where CometBFT panics there is one clear error, elsewhere as many addresses."""
    if case["name"] == "no file":
        return
    if "error" in case:
        with pytest.raises(BookFileError):
            read_book(case["text"])
        assert read_book(case["text"], strict=False).faults
        return
    filled = book()
    filled.restore(read_book(case["text"]).rows)
    assert len(filled) == case["size"]


def test_an_address_in_no_bucket_can_be_picked_after_all() -> None:
    """CometBFT counts it and never picks it."""
    case = next(case for case in CASES if case["name"].startswith("no buckets"))
    filled = book()
    filled.restore(read_book(case["text"]).rows)
    assert filled.dials.pick(50) is not None


def test_a_missing_file_is_the_callers_business(tmp_path: Path) -> None:
    """An OSError, not an error of the book."""
    with pytest.raises(FileNotFoundError):
        load_file(tmp_path / "none.json")


def test_a_file_that_is_cut_keeps_all_whole_entries() -> None:
    """Vector file "cut short", at many places; the key is read if it is there."""
    text = FILE.read_text()
    whole = load_file(FILE)
    for length in range(0, len(text) - 1, 997):
        with pytest.raises(BookFileError):
            read_book(text[:length])
        read = read_book(text[:length], strict=False)
        assert read.faults
        entries = text[:length].count("\n\t\t}")
        assert len(read.rows) in {entries, entries + 1}  # the last may be whole but for its comma
        assert set(read.rows) <= set(whole.rows)
        assert read.key in {whole.key, ""}


@settings(max_examples=60)
@given(st.data())
def test_a_damaged_byte_costs_one_entry_at_most(data: st.DataObject) -> None:
    """Whatever it becomes, everything else is read."""
    whole = FILE.read_bytes()
    position = data.draw(st.integers(0, len(whole) - 1))
    damaged = bytearray(whole)
    damaged[position] ^= data.draw(st.integers(1, 255))
    read = read_book(bytes(damaged), strict=False)
    assert len(set(load_file(FILE).rows) - set(read.rows)) <= 1


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_give_a_book_or_the_one_error(text: bytes) -> None:
    """Never another exception."""
    assert read_book(text, strict=False) is not None
    with suppress(BookFileError):
        read_book(text)


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "[]",
        "3",
        '{"key":3}',
        '{"addrs":{}}',
        '{"addrs":[null]}',
        '{"addrs":[3]}',
        '{"addrs":[{}]}',
        '{"addrs":[{"addr":{"id":3}}]}',
        ONE.replace('"buckets":[3]', '"buckets":3'),
        ONE.replace('"buckets":[3]', '"buckets":["3"]'),
        ONE.replace('"buckets":[3]', '"buckets":[-1]'),
        ONE.replace('"port":1', '"port":65536'),
        ONE.replace('"port":1', '"port":true'),
        ONE.replace('"bucket_type":1', '"bucket_type":1,"attempts":-1'),
        ONE.replace('"bucket_type":1', '"bucket_type":1,"attempts":1.5'),
        ONE.replace('"bucket_type":1', '"bucket_type":1,"last_attempt":7'),
        "[" * 100_000,
    ],
)
def test_odd_files_are_refused_with_one_error(text: str) -> None:
    """Wrong types, numbers out of range, addresses nobody can have."""
    assert ONE.count("bucket_type") == 1
    with pytest.raises(BookFileError):
        read_book(text)
    assert read_book(text, strict=False).rows == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (ONE.replace("1.2.3.4", "0.0.0.0"), "invalid"),
        (ONE.replace("1.2.3.4", ""), "invalid"),
        (ONE.replace(',"ip":"1.2.3.4"', ""), "invalid"),
        (ONE.replace(node_id(1), "xyz"), "invalid"),
        (ONE.replace(node_id(1), ""), "no ID"),
        (ONE.replace(f'"id":"{node_id(1)}",', ""), "no ID"),
        (ONE.replace(f'"{node_id(1)}"', "null"), "no ID"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_an_entry_that_leads_to_nobody_costs_itself_alone(text: str, reason: str, strict: bool) -> None:
    """CometBFT writes and reads such. The others are taken, and this one is counted and named."""
    text = text[:-2] + "," + ENTRY % (node_id(2), "") + "]}"
    read = read_book(text, strict=strict)
    assert [row.id for row in read.rows] == [node_id(2)]
    assert read.faults == ()
    assert read.entries == 2
    assert {name: left_out.count for name, left_out in read.left_out.items()} == {reason: 1}
    assert read.left_out[reason].examples[0].startswith("entry 0: ")


@pytest.mark.parametrize(
    "text",
    [
        ONE.replace('"port":1', '"port":0'),
        ONE.replace('"port":1', '"port":null'),
        ONE.replace('"buckets":[3]', '"buckets":null'),
        ONE.replace('"buckets":[3]', '"buckets":[3,3]'),
        ONE.replace('"bucket_type":1', '"bucket_type":1,"attempts":null,"last_attempt":null'),
        ONE.replace('"bucket_type":1', '"bucket_type":1,"src":null'),
        ONE.replace('"bucket_type":1', '"bucket_type":1,"src":{"id":"","ip":"","port":0}'),
        ONE.replace(
            '"bucket_type":1', '"bucket_type":1,"last_attempt":"2025-05-15T15:08:23.258425432+02:00"'
        ),
        ONE.replace('"bucket_type":1', '"bucket_type":1,"last_attempt":"2025-05-15T08:08:23-05:00"'),
        ONE.replace('"key":"k"', '"key":null'),
        "\ufeff" + ONE,
        ONE + "\n\0\0",
    ],
)
def test_every_shape_that_is_published_is_read(text: str) -> None:
    """Of these CometBFT reads all but the byte order mark, which an editor may have put before it."""
    read = read_book(text.encode())
    assert [row.id for row in read.rows] == [node_id(1)]
    assert read.faults == ()


def test_a_file_in_utf_16_is_read() -> None:
    """A shell of Windows writes one when its output goes into a file."""
    assert [row.id for row in read_book(ONE.encode("utf-16")).rows] == [node_id(1)]


def test_a_compressed_file_is_named_as_one() -> None:
    """The way out is in the sentence."""
    with pytest.raises(BookFileError, match="compressed by gzip"):
        read_book(gzip.compress(ONE.encode()))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "it is empty"),
        (b"\0" * 4096, "it is empty"),
        (b"SQLite format 3\0\x10", "it is a database; `peerage addrbook merge` takes"),
    ],
)
def test_what_is_there_instead_of_a_book_is_named(content: bytes, what: str) -> None:
    """After a full disk, or when the wrong file was chosen."""
    with pytest.raises(BookFileError, match=what):
        read_book(content)
    assert what in read_book(content, strict=False).faults[0]


@pytest.mark.parametrize("time", ["7", '""', '"2022-08-19 15:25:39"', '"2022-13-40T00:00:00Z"'])
def test_a_time_that_is_none_is_told_with_its_value(time: str) -> None:
    """And in no words of Python's."""
    text = ONE.replace('"bucket_type":1', f'"bucket_type":1,"last_attempt":{time}')
    (fault,) = read_book(text, strict=False).faults
    assert fault == f"entry 0: last_attempt is {json.loads(time)!r}, not an RFC 3339 time"


def test_what_is_wrong_with_a_long_id_is_told_to_the_end() -> None:
    read = read_book(ONE.replace(node_id(1), f"0x{node_id(1)}"), strict=False)
    assert (
        read.left_out["invalid"].examples[0].endswith("is not 40 hexadecimal characters: there is 'x' in it")
    )


def test_a_source_that_is_none_is_told_as_the_source() -> None:
    text = ONE.replace('"bucket_type":1', '"bucket_type":1,"src":{"id":"","ip":"<nil>","port":0}')
    (fault,) = read_book(text, strict=False).faults
    assert fault.startswith("entry 0: src: '<nil>'")


def test_a_file_that_is_whole_loses_only_the_entries_that_cannot_be_read() -> None:
    """All that there are add up: rows, unreadable ones, those without ID, those that stand there twice."""
    entries = [
        ENTRY % (node_id(1), ""),
        "null",
        ENTRY % (node_id(2), ',"attempts":-1'),
        ENTRY % ("", ""),
        ENTRY % (node_id(1).upper(), ""),
    ]
    text = f'{{"key":"k","addrs":[{",".join(entries)}]}}'
    with pytest.raises(BookFileError):
        read_book(text)
    for read in (read_book(text, skip_faulty=True), read_book(text, strict=False)):
        counts = {reason: left_out.count for reason, left_out in read.left_out.items()}
        assert counts == {"unreadable": 2, "no ID": 1, "twice in the file": 1}
        assert (len(read.rows), read.entries) == (1, 5)
    with pytest.raises(BookFileError):
        read_book(text[:-3], skip_faulty=True)


@pytest.mark.parametrize(
    "field",
    [
        ('"port":1', f'"port":{"1" * 5000}'),
        ('"buckets":[3]', f'"buckets":[-{"1" * 5000}]'),
        ('"bucket_type":1', f'"bucket_type":1,"attempts":{"1" * 5000}'),
    ],
    ids=["port", "bucket", "attempts"],
)
def test_a_number_of_thousands_of_digits_costs_its_entry_alone(field: tuple[str, str]) -> None:
    """Python reads none that long; the other entries are not to pay for it."""
    long = (ENTRY % (node_id(1), "")).replace(*field)
    other = ENTRY % (node_id(2), "")
    read = read_book(f'{{"key":"k","addrs":[{long},{other}]}}', skip_faulty=True)
    assert [row.id for row in read.rows] == [node_id(2)]
    assert {reason: left_out.count for reason, left_out in read.left_out.items()} == {"unreadable": 1}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("[" + "0," * 4000 + "0]", "a list"),
        ("{" + '"a":1' + "}", "an object"),
        ('"' + "x" * 9999 + '"', "'xxx"),
    ],
)
@pytest.mark.parametrize("name", ["bucket_type", "attempts", "buckets"])
def test_anything_may_stand_where_a_number_is_expected_and_is_told_in_short(
    name: str, value: str, said: str
) -> None:
    """A fuzzer put an entry there: the line that was logged held it all."""
    fields = {"bucket_type": "1", name: f"[{value}]" if name == "buckets" else value}
    begin = f'{{"key":"k","addrs":[{{"addr":{{"id":"{"0" * 40}","ip":"1.2.3.4","port":1}}'
    text = begin + "".join(f',"{key}":{there}' for key, there in fields.items()) + "}]}"
    (fault,) = read_book(text, strict=False).faults
    assert len(fault) < 300
    assert said in fault


def test_nesting_without_end_is_told_in_words_of_the_file() -> None:
    """Not in Python's."""
    with pytest.raises(BookFileError, match="not JSON: values are nested too deep"):
        read_book("[" * 100_000)


def test_names_count_in_any_case_and_a_missing_source_is_the_address_itself() -> None:
    """As Go reads them."""
    (row,) = read_book(ONE.replace('"addr"', '"Addr"').replace('"ip"', '"IP"')).rows
    assert str(row.address) == f"{node_id(1)}@1.2.3.4:1"
    assert row.source == row.address


def test_an_id_twice_counts_once() -> None:
    """The last one, as in CometBFT, and it is told."""
    again = ENTRY % (node_id(1), ',"attempts":7')
    read = read_book(
        ONE.replace("]}]}", "]}," + again + "]}") if "]}]}" in ONE else ONE[:-2] + "," + again + "]}"
    )
    assert [row.attempts for row in read.rows] == [7]
    assert len(read.faults) == 1


def test_a_book_is_saved_whole_with_cometbfts_mode(tmp_path: Path) -> None:
    """0644, in a directory made when needed, over an older file, nothing left beside it."""
    path = tmp_path / "config" / "addrbook.json"
    filled = book()
    for count in (1, 2):
        filled.add(address(count), address(500))
        save_book(path, filled)
        assert len(load_file(path).rows) == count
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    """The temporary file goes, the error comes."""
    path = tmp_path / "addrbook.json"
    path.mkdir()
    with pytest.raises(OSError):
        save_book(path, book())
    assert list(tmp_path.iterdir()) == [path]


def test_a_larger_book_is_written_so_that_cometbft_can_read_it(tmp_path: Path) -> None:
    """Its buckets are folded into those of CometBFT, which would die of others."""
    large = book(shape=BookShape(new_buckets=4096, new_buckets_per_group=512, old_buckets=1024))
    for number in range(300):
        large.add(address(number), address(500 + number % 60))
        if number % 3 == 0:
            large.mark_good(node_id(number))
    path = tmp_path / "addrbook.json"
    save_book(path, large)
    assert {row.id for row in load_file(path).rows} == {row.id for row in large.addresses()}
