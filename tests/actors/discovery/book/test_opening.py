"""Opening an address book: as it was, from what is whole of a damaged file, from CometBFT's file."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peerage.actors.discovery.book.addrbook_json import save_book
from peerage.actors.discovery.errors import StoreError
from tests.actors.discovery.book.stored_books import connection_of, opened, rows, written
from tests.actors.discovery.nodes import address, book, node_id
from tests.wire.vectors import VECTORS

PAGE = 4096  # SQLite's


def test_a_book_comes_back_as_it_was(tmp_path: Path) -> None:
    """Addresses, bans with reason and end, and the key."""
    path = tmp_path / "data" / "addrbook.db"
    before = written(path)
    after = opened(path)
    assert rows(after) == rows(before)
    assert list(after.book.bans) == list(before.book.bans)
    assert after.book.key == before.book.key
    assert after.notes == ()
    assert not after.book.drain()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    after.store.close()


def test_cometbfts_file_is_imported_when_there_is_no_database(tmp_path: Path) -> None:
    """Once, with its key, and it is in the database at once."""
    path = tmp_path / "addrbook.db"
    first = opened(path, import_from=VECTORS / "addrbook.json")
    assert len(first.book) == 41
    assert first.book.key == "7862dbc7335a68aabcf363ac"
    assert first.notes == (f"41 addresses were imported from {VECTORS / 'addrbook.json'}",)
    first.book.remove(node_id(9))
    first.store.apply(first.book.drain())
    again = opened(path, import_from=VECTORS / "addrbook.json")
    assert again.notes == ()
    assert rows(again) == rows(first)
    again.store.close()
    first.store.close()


def test_a_file_to_import_may_be_missing_or_damaged(tmp_path: Path) -> None:
    """What can be read is taken; a damaged one is kept aside, for it will be written over."""
    none = opened(tmp_path / "a.db", import_from=tmp_path / "none.json")
    assert (len(none.book), none.notes) == (0, ())
    none.store.close()
    cut = tmp_path / "addrbook.json"
    cut.write_text((VECTORS / "addrbook.json").read_text()[:3000])
    some = opened(tmp_path / "b.db", import_from=cut)
    assert 0 < len(some.book) < 41
    assert any("set aside" in note for note in some.notes)
    (aside,) = tmp_path.glob("addrbook.json.damaged-*")
    assert aside.read_bytes() == cut.read_bytes()
    some.store.close()
    directory = opened(tmp_path / "c.db", import_from=tmp_path)
    assert any("was not imported" in note for note in directory.notes)
    directory.store.close()
    device = opened(tmp_path / "d.db", import_from=Path("/dev/null"))  # of those who want no file
    assert device.notes == ()
    device.store.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_byte_costs_what_it_hit(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Anywhere in the file: the book opens, and all but the few addresses around it are there."""
    directory = tmp_path_factory.mktemp("damage")
    path = directory / "addrbook.db"
    before = written(path)
    whole = path.read_bytes()
    position = data.draw(st.integers(0, len(whole) - 1) | st.integers(0, 200) | st.integers(4000, 4096))
    damaged = bytearray(whole)
    damaged[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(damaged)
    after = opened(path)
    lost = set(rows(before)) - set(rows(after))
    assert len(lost) <= 1
    assert {ban.subject for ban in before.book.bans} - {ban.subject for ban in after.book.bans} <= {
        node_id(1),
        "10.0.0.0/8",
    }
    if lost:
        assert after.notes
        assert list(directory.glob("addrbook.db.damaged-*"))
    after.store.close()
    again = opened(path)
    assert again.notes == ()
    assert rows(again) == rows(after)
    again.store.close()


def test_a_damaged_byte_in_the_name_of_the_key_is_noticed(tmp_path: Path) -> None:
    """Such a file looks as if nothing had ever been written into it."""
    path = tmp_path / "addrbook.db"
    before = written(path)
    whole = path.read_bytes()
    row = whole.index(b"keykey1 ")
    path.write_bytes(whole[:row] + b"kez" + whole[row + 3 :])
    after = opened(path)
    assert any("is damaged" in note for note in after.notes)
    assert rows(after) == rows(before)
    after.store.close()


@pytest.mark.parametrize("length", [0, 1, 50, 99, 100, 512, 4096, 5000, 20_000])
def test_a_file_that_is_cut_keeps_what_is_left(tmp_path: Path, length: int) -> None:
    """The node starts, says where the old file went, and has what lay before the cut."""
    path = tmp_path / "addrbook.db"
    before = written(path)
    size = path.stat().st_size
    assert size > 20_000
    os.truncate(path, length)
    after = opened(path)
    assert set(rows(after)) <= set(rows(before))
    assert bool(after.notes) == (length > 0)
    # Of the 200: whole pages keep theirs, three are not of addresses, and each may be half empty.
    assert len(after.book) >= 100 * (length // PAGE - 3) * PAGE // size
    after.store.close()


def test_a_file_that_is_something_else_is_moved_aside(tmp_path: Path) -> None:
    """Its content is not touched; the book comes from CometBFT's file, or is empty."""
    path = tmp_path / "addrbook.db"
    path.write_bytes(b"hello" * 1000)
    source = tmp_path / "addrbook.json"
    filled = book()
    filled.add(address(1), address(2))
    save_book(source, filled)
    rebuilt = opened(path, import_from=source)
    assert set(rows(rebuilt)) == {node_id(1)}
    assert "damaged" in rebuilt.notes[0]
    (aside,) = tmp_path.glob("addrbook.db.damaged-*")
    assert aside.read_bytes() == b"hello" * 1000
    assert str(aside) in rebuilt.notes[0]
    rebuilt.store.close()


def test_two_damaged_files_of_one_second_are_both_kept(tmp_path: Path) -> None:
    """No name is used twice."""
    path = tmp_path / "addrbook.db"
    for text in (b"one" * 999, b"two" * 999):
        path.write_bytes(text)
        opened(path).store.close()
    assert len(list(tmp_path.glob("addrbook.db.damaged-*"))) == 2


def test_a_damaged_file_keeps_bans(tmp_path: Path) -> None:
    """Who is banned does not come back by way of an outdated line."""
    path = tmp_path / "addrbook.db"
    before = written(path, close=False)
    connection_of(before).execute("UPDATE meta SET line = 'version 9' WHERE name = 'version'")
    before.store.close()
    after = opened(path)
    assert after.notes
    assert after.book.bans.holds(node_id(1))
    assert not after.book.has(node_id(1))
    assert after.book.bans.get("10.0.0.0/8") is not None
    assert after.book.key == before.book.key
    assert rows(after) == rows(before)
    after.store.close()


def test_a_place_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    """A directory in its place: nothing is moved, the operator is told."""
    path = tmp_path / "addrbook.db"
    path.mkdir()
    with pytest.raises(StoreError):
        opened(path)
    assert path.is_dir()
    with pytest.raises(StoreError):
        opened(path / "file" / "addrbook.db" if not (path / "file").write_text("x") else path)


def test_what_was_kept_under_an_id_in_capitals_is_kept_under_the_id(tmp_path: Path) -> None:
    """An earlier version kept IDs as they were told. Nothing is lost or doubled, and the next start finds nothing odd."""
    path = tmp_path / "book.sqlite"
    made = opened(path)
    for number in (0xA1, 0xA2, 0xA3):
        made.book.add(address(number), address(number))
    made.book.bad_peers.ban(node_id(0xA3), 3600.0, "loud")
    made.store.apply(made.book.drain())
    made.store.close()
    loud = [node_id(number).upper() for number in (0xA1, 0xA2, 0xA3)]
    with closing(sqlite3.connect(path)) as connection, connection:
        kept = dict(connection.execute("SELECT id, line FROM address"))
        connection.execute("DELETE FROM address WHERE id = ?", (node_id(0xA1),))
        for node in (0xA1, 0xA2):  # the first in capitals alone, the second both ways
            line = kept[node_id(node)][:-10].replace(node_id(node), node_id(node).upper())
            connection.execute("INSERT INTO address VALUES (?, ?)", (node_id(node).upper(), sealed(line)))
        (line,) = connection.execute("SELECT line FROM ban").fetchone()
        connection.execute("DELETE FROM ban")
        line = line[:-10].replace(node_id(0xA3), loud[2])
        connection.execute("INSERT INTO ban VALUES (?, ?)", (loud[2], sealed(line)))
    for _ in range(2):
        again = opened(path)
        assert again.notes == ()
        assert sorted(rows(again)) == [node_id(0xA1), node_id(0xA2)]
        assert [ban.subject for ban in again.book.bans] == [node_id(0xA3)]
        again.store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert [row[0] for row in connection.execute("SELECT id FROM address ORDER BY id")] == sorted(
            rows(again)
        )
        assert connection.execute("SELECT subject FROM ban").fetchall() == [(node_id(0xA3),)]


def sealed(body: str) -> str:
    """A line with its checksum."""
    return f"{body} {crc32(body.encode()):08x}\n"
