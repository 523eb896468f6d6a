"""A home has one writer, whose lock ends with its process and not before."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from peerage.config import Home, HomeError, HomeInUseError
from peerage.config.home_lock import HomeLock, holder_of

HOLD = """
import os, sys, time
from pathlib import Path
from peerage.config import Home
from peerage.config.home_lock import HomeLock
lock = HomeLock(Home(Path(sys.argv[1])), "a node")
lock.tell("00@127.0.0.1:26656")
child = os.fork() if sys.argv[2:] else None
if child == 0:
    lock.release()
    os.kill(os.getpid(), 19)
if child:
    os.waitpid(child, os.WUNTRACED)
print(os.getpid(), child, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@contextmanager
def holder(home: Home, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], list[str]]]:
    """Another process that has the lock, and what it has said."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, home, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().decode().split()
        finally:
            process.kill()


def test_all_addresses_of_a_node_are_known(home: Home) -> None:
    """Those that it tells peers of another IP family, too."""
    with HomeLock(home, "a node") as lock:
        lock.tell("id@192.0.2.1:1", ("id@[2001:db8::1]:1",))
        holder = holder_of(home)
        assert holder is not None
        assert (holder.address, holder.also) == ("id@192.0.2.1:1", ("id@[2001:db8::1]:1",))
        lock.tell("id@192.0.2.1:1")
        again = holder_of(home)
        assert again is not None
        assert again.also == ()


def test_the_second_is_told_who_has_it(home: Home) -> None:
    """The process and its address are what an operator needs to decide which of the two is the wrong one."""
    with holder(home) as (process, _), pytest.raises(HomeInUseError) as caught:
        HomeLock(home, "a node")
    assert (caught.value.pid, caught.value.address) == (process.pid, "00@127.0.0.1:26656")
    assert f"{home}: in use by a node (process {process.pid}, 00@127.0.0.1:26656)" in str(caught.value)


def test_it_ends_with_a_killed_process(home: Home) -> None:
    """The kernel releases the lock; no leftover file keeps the next process out."""
    with holder(home) as (process, _):
        process.kill()
        process.wait()
        HomeLock(home, "a node").release()


def test_a_forked_child_neither_has_it_nor_ends_it(home: Home) -> None:
    """A child that releases takes nothing from its parent, and one that survives keeps nothing from a successor."""
    with holder(home, "fork") as (process, (_, child)):
        with pytest.raises(HomeInUseError):
            HomeLock(home, "a node")
        process.kill()
        process.wait()
        try:
            HomeLock(home, "a node").release()
        finally:
            os.kill(int(child), signal.SIGKILL)


def test_two_in_one_process_exclude_each_other(home: Home) -> None:
    """As two processes do."""
    lock = HomeLock(home, "a node")
    with pytest.raises(HomeInUseError, match=f"process {os.getpid()}"):
        HomeLock(home, "a node")
    lock.release()
    lock.release()
    HomeLock(home, "a node").release()


def test_it_holds_when_the_directory_is_emptied(home: Home) -> None:
    """The lock file is deleted while the node runs."""
    with HomeLock(home, "a node"):
        home.lock_file.unlink()
        with pytest.raises(HomeInUseError, match="another process"):
            HomeLock(home, "a node")


def test_it_holds_when_the_data_directory_is_moved_away(home: Home) -> None:
    """The running node creates another directory there and writes to it, as a second node would, too."""
    with HomeLock(home, "a node"):
        home.data_dir.rename(home.path / "data.old")
        home.data_dir.mkdir()
        with pytest.raises(HomeInUseError, match="another process"):
            HomeLock(home, "a node")


def test_two_homes_with_one_data_directory_are_one(home: Home, tmp_path: Path) -> None:
    """Both would write into that directory."""
    other = Home(tmp_path / "other")
    other.path.mkdir()
    other.data_dir.symlink_to(home.data_dir)
    with HomeLock(home, "a node"), pytest.raises(HomeInUseError):
        HomeLock(other, "a node")


def test_one_home_by_two_names_is_one_home(home: Home, tmp_path: Path) -> None:
    """The lock belongs to the directory, not to its path."""
    (tmp_path / "link").symlink_to(home.path)
    with HomeLock(home, "a node"), pytest.raises(HomeInUseError):
        HomeLock(Home(tmp_path / "link"), "a node")


def refusing(number: int, *, directories_only: bool) -> object:
    """A flock of a file system that cannot."""
    flock = fcntl.flock

    def refuse(fd: int, operation: int) -> None:
        if Path(f"/proc/self/fd/{fd}").is_dir() or not directories_only:
            raise OSError(number, os.strerror(number))
        flock(fd, operation)

    return refuse


def test_where_directories_cannot_be_locked_a_file_is(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """NFS requires a descriptor that can write."""
    monkeypatch.setattr(fcntl, "flock", refusing(errno.EBADF, directories_only=True))
    with HomeLock(home, "a node") as lock, pytest.raises(HomeInUseError):
        HomeLock(home, "a node")
    assert lock.notes == ()
    HomeLock(home, "a node").release()


def test_where_nothing_can_be_locked_that_is_said(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a network file system without a lock service a node still runs, as it did before there were locks."""
    monkeypatch.setattr(fcntl, "flock", refusing(errno.ENOLCK, directories_only=False))
    lock = HomeLock(home, "a node")
    assert "has no locks" in lock.notes[0]
    monkeypatch.undo()
    lock.release()


def test_a_full_disk_does_not_matter(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock holds although its holder cannot be written down and the file cannot be created."""
    monkeypatch.setattr(os, "open", not_writing(errno.ENOSPC))
    with HomeLock(home, "a node"), pytest.raises(HomeInUseError, match="another process"):
        HomeLock(home, "a node")


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_home_that_cannot_be_written_is_refused(
    home: Home, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A node could not store anything there; one sentence says where, and why."""
    monkeypatch.setattr(os, "open", not_writing(number))
    text = re.escape(f"{home.lock_file}: cannot be written: {os.strerror(number)}")
    with pytest.raises(HomeError, match=text):
        HomeLock(home, "a node")
    monkeypatch.undo()
    HomeLock(home, "a node").release()


def not_writing(number: int) -> Callable[..., int]:
    """An `open` of a file system where nothing can be written."""
    really = os.open

    def refuse(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR) and not Path(path).exists() and not flags & os.O_CREAT:
            raise FileNotFoundError(path)
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(number, os.strerror(number))
        return really(path, flags, mode)

    return refuse


def test_another_host_is_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Because a process number means nothing on another host."""
    with HomeLock(home, "a node"):
        monkeypatch.setattr(socket, "gethostname", lambda: "another")
        name = os.uname().nodename
        with pytest.raises(HomeInUseError, match=f"process {os.getpid()} on {re.escape(name)}"):
            HomeLock(home, "a node")


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"pid": "x", "what": 7, "address": "\\u001b[2J"}'])
def test_a_note_that_says_nothing_is_no_trouble(home: Home, content: bytes) -> None:
    """Only the lock counts, whatever the file contains."""
    with HomeLock(home, "a node"):
        home.lock_file.write_bytes(content)
        with pytest.raises(HomeInUseError, match=r"in use by another process; "):
            HomeLock(home, "a node")


def test_a_data_directory_that_cannot_be_made_is_named(home: Home) -> None:
    """In one sentence with the path."""
    home.path.mkdir()
    home.data_dir.write_text("")
    with pytest.raises(HomeError, match=re.escape(str(home.data_dir))):
        HomeLock(home, "a node")


def test_whoever_looks_who_has_it_disturbs_nobody(home: Home) -> None:
    """Nothing is made; a home without a lock file is nobody's."""
    assert holder_of(home) is None
    assert not home.data_dir.exists()
    with HomeLock(home, "a node") as lock:
        lock.tell("00@127.0.0.1:26656")
        holder = holder_of(home)
        assert holder is not None
        assert (holder.what, holder.pid, holder.address) == ("a node", os.getpid(), "00@127.0.0.1:26656")
    assert holder_of(home) is None
    with HomeLock(home, "a node"):
        pass
