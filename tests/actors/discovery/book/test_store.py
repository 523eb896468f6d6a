"""The address book on disk."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peerage.actors.discovery.book import store as store_module
from peerage.actors.discovery.book.addrbook_json import save_book
from peerage.actors.discovery.book.known_address import KnownAddress
from peerage.actors.discovery.book.store import SCHEMA_VERSION, Opened, open_book
from peerage.actors.discovery.errors import StoreError, StoreVersionError
from tests.actors.discovery.nodes import Clock, address, book, node_id
from tests.wire.vectors import VECTORS

PAGE = 4096  # SQLite's


def opened(path: Path, clock: Clock | None = None, import_from: Path | None = None) -> Opened:
    return open_book(path, clock=clock or Clock(), rng=random.Random(5), import_from=import_from)


def connection_of(of: Opened) -> sqlite3.Connection:
    connection = of.store._connection
    assert connection is not None
    return connection


def rows(of: Opened) -> dict[str, KnownAddress]:
    return {row.id: row for row in of.book.addresses()}


def written(path: Path, count: int = 200, *, close: bool = True) -> Opened:
    """A database of so many addresses, each third good, one banned, one network banned."""
    made = opened(path)
    for number in range(count):
        made.book.add(address(number), address(900 + number % 20))
        if number % 3 == 0:
            made.book.mark_good(node_id(number))
    made.book.mark_bad(node_id(1), 3600.0, "sent addresses unasked")
    made.book.bans.add("10.0.0.0/8", 3600.0, "operator")
    made.store.apply(made.book.drain())
    if close:
        made.store.close()
    return made


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


def test_changes_are_written_and_nothing_else(tmp_path: Path) -> None:
    """Rows that changed, rows that went, bans that were lifted."""
    path = tmp_path / "addrbook.db"
    written(path)
    clock = Clock()
    clock.pass_by(7200.0)
    changed = opened(path, clock)
    changed.book.remove(node_id(2))
    changed.book.mark_attempt(node_id(4))
    assert changed.book.reinstate_bad_peers() == [node_id(1)]
    changed.store.apply(changed.book.drain())
    changed.store.close()
    again = opened(path, clock)
    assert rows(again) == rows(changed)
    assert len(again.book.bans) == 0
    again.store.close()


def test_what_was_applied_is_there_without_closing(tmp_path: Path) -> None:
    """Another connection sees it: it is in the file, not in this process."""
    path = tmp_path / "addrbook.db"
    before = written(path, close=False)
    after = opened(path)
    assert rows(after) == rows(before)
    after.store.close()
    before.store.close()


WRITER = """
import random, sys, time
from pathlib import Path
from peerage.actors.discovery.book.buckets import BookShape
from peerage.actors.discovery.book.store import open_book
from peerage.wire.net_address import NetAddress
roomy = BookShape(new_bucket_size=1_000_000)  # nobody has to leave for another
opened = open_book(Path(sys.argv[1]), clock=time.time, rng=random.Random(1), shape=roomy)
number = len(opened.book)
while True:
    ids = [f"{number + n:040x}" for n in range(5)]
    for node_id in ids:
        opened.book.add(NetAddress(node_id, f"{random.randrange(1, 9)}.{random.randrange(256)}.0.1", 1),
                        NetAddress("f" * 40, f"9.{random.randrange(256)}.9.9", 1))
    number += 5
    opened.store.apply(opened.book.drain())
    print(*ids, flush=True)
"""


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    """SIGKILL at any moment, again and again: no acknowledged address is lost."""
    path = tmp_path / "addrbook.db"
    acknowledged: set[str] = set()
    rng = random.Random(11)
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            for _ in range(rng.randrange(1, 30)):
                acknowledged.update(writer.stdout.readline().split())
            os.kill(writer.pid, signal.SIGKILL)
            acknowledged.update(
                word for line in writer.stdout if line.endswith("\n") for word in line.split()
            )
    after = opened(path)
    assert after.notes == ()
    assert acknowledged <= set(rows(after))
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
    assert after.book.is_banned(node_id(1))
    assert not after.book.has(node_id(1))
    assert after.book.bans.get("10.0.0.0/8") is not None
    assert after.book.key == before.book.key
    assert rows(after) == rows(before)
    after.store.close()


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    """The operator is told, and may go back to that version."""
    path = tmp_path / "addrbook.db"
    before = written(path, close=False)
    connection = connection_of(before)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.execute(f"UPDATE meta SET line = 'version {SCHEMA_VERSION + 1}' WHERE name = 'version'")
    before.store.close()
    with pytest.raises(StoreVersionError) as caught:
        opened(path)
    assert (caught.value.found, caught.value.known) == (SCHEMA_VERSION + 1, SCHEMA_VERSION)
    assert list(tmp_path.glob("*damaged*")) == []


def test_an_older_file_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each version has its step, and all that was in it stays."""
    path = tmp_path / "addrbook.db"
    before = written(path)
    step = ("CREATE TABLE verdict (id TEXT PRIMARY KEY, line TEXT NOT NULL) WITHOUT ROWID",)
    monkeypatch.setattr(store_module, "MIGRATIONS", (*store_module.MIGRATIONS, step))
    monkeypatch.setattr(store_module, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    after = opened(path)
    assert rows(after) == rows(before)
    assert connection_of(after).execute("SELECT count(*) FROM verdict").fetchone() == (0,)
    assert connection_of(after).execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION + 1,)
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


def test_what_could_not_be_written_is_written_later(tmp_path: Path) -> None:
    """A full disk loses nothing once it is not full any more."""
    path = tmp_path / "addrbook.db"
    before = written(path, close=False)
    blocker = sqlite3.connect(path, isolation_level=None)
    connection_of(before).execute("PRAGMA busy_timeout = 1")
    blocker.execute("BEGIN IMMEDIATE")
    before.book.remove(node_id(2))
    with pytest.raises(StoreError):
        before.store.apply(before.book.drain())
    blocker.execute("ROLLBACK")
    blocker.close()
    before.book.remove(node_id(4))
    before.store.apply(before.book.drain())
    before.store.close()
    after = opened(path)
    assert rows(after) == rows(before)
    after.store.close()


def test_a_store_may_be_closed_twice(tmp_path: Path) -> None:
    """And no file is left beside it."""
    path = tmp_path / "addrbook.db"
    before = written(path)
    before.store.close()
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_kept_under_an_id_in_capitals_is_kept_under_the_id(tmp_path: Path) -> None:
    """An earlier version kept IDs as they were told. Nothing is lost or doubled, and the next start finds nothing odd."""
    path = tmp_path / "book.sqlite"
    made = opened(path)
    for number in (0xA1, 0xA2, 0xA3):
        made.book.add(address(number), address(number))
    made.book.ban(node_id(0xA3), 3600.0, "loud")
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
