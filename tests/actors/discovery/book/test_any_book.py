"""Reading whichever book a file is, with what is damaged in it."""

from __future__ import annotations

import gzip
import json
import os
import random
import sqlite3
from pathlib import Path

import pytest

from peerage.actors.discovery.book.addrbook_json import write_book
from peerage.actors.discovery.book.any_book import read_any_book
from peerage.actors.discovery.book.opening import open_book
from peerage.actors.discovery.errors import BookFileError
from tests.actors.discovery.nodes import Clock, address, node_id


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Our book of four addresses and a ban, as a node leaves it."""
    path = tmp_path / "addrbook.sqlite"
    opened = open_book(path, clock=Clock(), rng=random.Random(1))
    opened.book.add_all(map(address, range(1, 5)), address(9))
    opened.book.bad_peers.ban(node_id(7), 60.0, "test")
    opened.store.apply(opened.book.drain())
    opened.store.close()
    return path


def test_ours_is_read_whole_whatever_its_name(store: Path) -> None:
    """The file stays as it is."""
    other = store.rename(store.with_name("book"))
    before = other.read_bytes()
    read = read_any_book(other)
    assert (read.is_ours, len(read.rows), [ban.subject for ban in read.bans]) == (True, 4, [node_id(7)])
    assert not read.damage
    assert other.read_bytes() == before


def test_a_damaged_line_of_ours_is_named_and_the_others_are_read(store: Path) -> None:
    connection = sqlite3.connect(store)
    with connection:
        connection.execute("UPDATE address SET line = 'adr1 nonsense' WHERE id = ?", (node_id(2),))
    connection.close()
    read = read_any_book(store)
    assert {row.id for row in read.rows} >= {node_id(1), node_id(3), node_id(4)}
    assert [(each.fault.value, each.what) for each in read.damage] == [
        ("damaged", ""),
        ("damaged", node_id(2)),
    ]
    assert "its address line is damaged" in read.damage[1].detail


def test_a_destroyed_file_of_ours_gives_what_is_whole(store: Path) -> None:
    store.write_bytes(b"\0" * 100 + store.read_bytes()[100:])
    read = read_any_book(store)
    assert len(read.rows) == 4
    assert "4 addresses can still be read" in read.damage[0].detail


def test_cometbfts_is_read_with_what_is_wrong_in_it(tmp_path: Path) -> None:
    """IDs that occur twice and entries that cannot be read are named; those without an ID are counted."""
    file = tmp_path / "addrbook.json"
    text = write_book("k", _rows(tmp_path))
    entries = json.loads(text)["addrs"]
    bad = json.loads(json.dumps(entries[0]))
    bad["addr"]["port"] = "x"
    nobody = json.loads(json.dumps(entries[0]))
    nobody["addr"]["id"] = ""
    file.write_text(json.dumps({"key": "k", "addrs": [*entries, entries[0], bad, nobody]}))
    read = read_any_book(file)
    assert (read.is_ours, len(read.rows)) == (False, 4)
    assert [(each.fault.value, each.what) for each in read.damage] == [
        ("damaged", ""),
        ("damaged", ""),
        ("invalid", "1 entries"),
    ]
    assert "occurred before" in read.damage[0].detail
    assert "no ID" in read.damage[2].detail


def _rows(folder: Path) -> list:  # type: ignore[type-arg]
    opened = open_book(folder / "other.sqlite", clock=Clock(), rng=random.Random(1))
    opened.book.add_all(map(address, range(1, 5)), address(9))
    rows = list(opened.book.addresses())
    opened.store.close()
    return rows


@pytest.mark.parametrize("text", ["", "root:x:0:0", "[]"])
def test_what_is_no_book_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "file"
    file.write_text(text)
    with pytest.raises(BookFileError):
        read_any_book(file)


def test_a_pipe_is_read_once_and_whole(tmp_path: Path) -> None:
    """As `check <(zcat book.json.gz)` gives one."""
    reading, writing = os.pipe()
    try:
        os.write(writing, write_book("k", _rows(tmp_path)).encode())
        os.close(writing)
        assert len(read_any_book(Path(f"/proc/self/fd/{reading}")).rows) == 4
    finally:
        os.close(reading)


def test_a_compressed_book_is_named_as_one(tmp_path: Path) -> None:
    file = tmp_path / "addrbook.json.gz"
    file.write_bytes(gzip.compress(write_book("k", _rows(tmp_path)).encode()))
    with pytest.raises(BookFileError, match=r"^not an address book: it is compressed by gzip"):
        read_any_book(file)
