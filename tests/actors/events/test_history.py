"""The history's file: what was written is there, whoever was killed; bounded; read beside its writer and after it."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from peerage.actors.events.history import (
    Came,
    HistoryError,
    PeerHistory,
    Session,
    Went,
    read_history,
)
from peerage.actors.loss import LossReason
from tests.actors.events.parts import ANNA, BERT


def session(number: int, peer: str = ANNA) -> Session:
    return Session(f"c-{number}", peer, f"192.0.2.{number}:1", "inbound", "anna", "0.38", 1000.0 + number)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "peers.sqlite"


@pytest.fixture
def history(path: Path) -> Iterator[PeerHistory]:
    history = PeerHistory(path)
    yield history
    history.close()


def test_who_came_and_went_is_read_newest_first_while_it_is_written(history: PeerHistory, path: Path) -> None:
    history.write([Came(session(1)), Came(session(2, BERT))], "life", 1010.0)
    history.write([Went("c-1", 1011.0, LossReason.EVICTED, "why")], "life", 1011.0)
    first = replace(session(1), went=1011.0, reason="evicted", detail="why")
    assert read_history(path, is_running=True) == [session(2, BERT), first]
    assert read_history(path, peer=ANNA, is_running=True) == [first]
    assert read_history(path, most=1, is_running=True) == [session(2, BERT)]


def test_whoever_was_here_when_the_node_was_killed_left_with_it(history: PeerHistory, path: Path) -> None:
    history.write([Came(session(1))], "life", 1010.0)
    history.write([], "life", 1500.0)  # it was still there
    (left,) = read_history(path)
    assert (left.went, left.reason) == (1500.0, "node ended")


def test_an_end_of_unknown_time_is_when_the_file_was_last_written(history: PeerHistory, path: Path) -> None:
    history.write([Came(session(1))], "life", 1010.0)
    history.write([Went("c-1", None, LossReason.UNSEEN)], "life", 2000.0)
    (left,) = read_history(path)
    assert (left.went, left.reason) == (1010.0, "unseen")


def test_a_successor_learns_what_is_unfinished(history: PeerHistory, path: Path) -> None:
    history.write([Came(session(1)), Came(session(2))], "first", 1010.0)
    history.write([Went("c-1", 1011.0, LossReason.GRACEFUL)], "first", 1011.0)
    history.close()
    successor = PeerHistory(path)
    assert successor.unfinished() == ("first", frozenset({"c-2"}))
    successor.close()


def test_a_connection_is_written_once(history: PeerHistory, path: Path) -> None:
    history.write([Came(session(1)), Came(session(1))], "life", 1010.0)
    assert len(read_history(path)) == 1


def test_rows_are_bounded_and_those_that_are_here_stay(path: Path) -> None:
    history = PeerHistory(path, most=200)
    history.write([Came(session(0))], "life", 1.0)
    for start in range(1, 1201, 100):
        numbers = range(start, start + 100)
        history.write([Came(session(number)) for number in numbers], "life", 1.0)
        history.write([Went(f"c-{number}", 3000.0, LossReason.EVICTED) for number in numbers], "life", 1.0)
    found = read_history(path, is_running=True)
    assert 200 <= len(found) <= 200 + 500 + 100
    assert found[-1] == session(0)
    assert found[0].connection == "c-1200"
    history.close()


def test_it_is_for_its_owner_alone(history: PeerHistory, path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_no_history_is_put_aside(path: Path) -> None:
    content = b"no database, but long enough to be one " * 100
    path.parent.mkdir()
    path.write_bytes(content)
    history = PeerHistory(path)
    history.write([Came(session(1))], "life", 1.0)
    assert len(read_history(path)) == 1
    assert path.with_name("peers.sqlite.damaged").read_bytes() == content
    history.close()


def test_a_newer_version_is_put_aside_too(path: Path) -> None:
    PeerHistory(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    PeerHistory(path).close()
    assert path.with_name("peers.sqlite.damaged").exists()


def test_without_a_file_there_is_no_history(path: Path) -> None:
    assert read_history(path) == []


def test_what_cannot_be_written_or_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"peers\.sqlite"):
        PeerHistory(tmp_path / "file" / "peers.sqlite" if _file(tmp_path) else tmp_path)
    (tmp_path / "broken").write_text("no database")
    with pytest.raises(HistoryError, match="broken"):
        read_history(tmp_path / "broken")


def _file(tmp_path: Path) -> bool:
    (tmp_path / "file").write_text("")
    return True


def test_what_was_written_survives_sigkill(path: Path) -> None:
    """In the middle of the next transaction."""
    program = (
        "import sys, os; from pathlib import Path; from peerage.actors.events.history import *;"
        "h = PeerHistory(Path(sys.argv[1])); h.write([Came(Session('c-1', *'paimv', 1.0))], 'life', 1.0);"
        "h._connection.execute('BEGIN IMMEDIATE'); h._connection.execute('DELETE FROM sessions');"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert [each.connection for each in read_history(path)] == ["c-1"]
    PeerHistory(path).close()
    assert path.stat().st_size > 0
