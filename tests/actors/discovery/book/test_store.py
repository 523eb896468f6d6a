"""The address book's store: what it has acknowledged is in the file."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from peerage.actors.discovery.errors import StoreError
from tests.actors.discovery.book.stored_books import connection_of, opened, rows, written
from tests.actors.discovery.nodes import Clock, node_id


def test_changes_are_written_and_nothing_else(tmp_path: Path) -> None:
    """Rows that changed, rows that went, bans that were lifted."""
    path = tmp_path / "addrbook.db"
    written(path)
    clock = Clock()
    clock.pass_by(7200.0)
    changed = opened(path, clock)
    changed.book.remove(node_id(2))
    changed.book.mark_attempt(node_id(4))
    assert changed.book.bad_peers.reinstate() == [node_id(1)]
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
from peerage.actors.discovery.book.opening import open_book
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
