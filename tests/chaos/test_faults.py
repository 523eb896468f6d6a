"""faults.py and tampering.py: what they do to a process is done, and undone."""

from __future__ import annotations

import errno
import os
import pickle
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from peerage.actors.runtime.limits import Purpose, lack_of_descriptors
from tests.chaos.faults import few_descriptors, full_disk_of, slow_disk
from tests.chaos.tampering import LoseNames, SetClock, Sleep


def test_a_full_disk_takes_nothing_until_it_is_over(tmp_path: Path) -> None:
    """Its size is a limit of the process."""
    with full_disk_of(os.getpid()), pytest.raises(OSError) as failed, (tmp_path / "file").open("wb") as file:
        file.write(b"x")
    assert failed.value.errno == errno.EFBIG
    assert (tmp_path / "file").write_bytes(b"x") == 1


def test_whoever_is_starved_keeps_its_reserve() -> None:
    """Strangers get none."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with few_descriptors(os.getpid()):
        assert "RLIMIT_NOFILE" in lack_of_descriptors(1, Purpose.STRANGERS)
        assert not lack_of_descriptors(1, Purpose.WORK)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def test_who_ends_meanwhile_is_let_be() -> None:
    """There is nothing to undo."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with process, full_disk_of(process.pid), few_descriptors(process.pid):
        process.kill()
        process.wait()


WRITER = """
import sqlite3, sys
store = sqlite3.connect(sys.argv[1], timeout=0.0, isolation_level=None)
store.execute("PRAGMA journal_mode = WAL")
store.execute("CREATE TABLE rows (row)")
for _ in sys.stdin:
    try:
        store.execute("INSERT INTO rows VALUES (1)")
    except sqlite3.OperationalError as error:
        print(error, flush=True)
    else:
        print(store.execute("SELECT count(*) FROM rows").fetchone()[0], flush=True)
"""


def test_a_slow_disk_has_writers_wait(tmp_path: Path) -> None:
    """Of another process, as locks are: it finds the file locked, and nothing of it has gone in the end."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "store")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def write() -> str:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    with process:
        assert write() == "1"
        with slow_disk(tmp_path / "store"):
            assert write() == "database is locked"
        assert write() == "2"
        process.communicate()


def test_a_message_that_is_read_sets_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """And sets it right again."""
    monkeypatch.setattr(time, "time", time.time)
    monkeypatch.setattr(time, "time_ns", time.time_ns)
    began = time.monotonic(), time.time()
    pickle.loads(pickle.dumps(SetClock(3600.0)))
    assert time.time() - began[1] >= 3600.0
    assert time.time_ns() / 1e9 == pytest.approx(time.time(), abs=60.0)
    pickle.loads(pickle.dumps(SetClock(0.0)))
    assert time.time() - began[1] == pytest.approx(time.monotonic() - began[0], abs=60.0)


def test_a_message_that_is_read_loses_the_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """And finds them again."""
    monkeypatch.setattr(socket, "getaddrinfo", socket.getaddrinfo)
    pickle.loads(pickle.dumps(LoseNames(True)))
    with pytest.raises(socket.gaierror, match="Temporary failure"):
        socket.getaddrinfo("localhost", None)
    pickle.loads(pickle.dumps(LoseNames(False)))
    assert socket.getaddrinfo("localhost", None)


def test_a_message_that_takes_its_time_is_nothing_in_the_end() -> None:
    """What the actor receives is None."""
    assert pickle.loads(pickle.dumps(Sleep(0.0))) is None
