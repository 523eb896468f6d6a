"""The directory of sockets: private while it is there, and not there for long."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from peerage.actors.runtime.processes.directory import (
    Directory,
    hold,
    left_behind,
    remove_directory,
    sweep,
    why_passed_over,
)


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where directories are made: a path that is short enough, which tmp_path is not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as path:
        monkeypatch.setenv("RUNTIME_DIRECTORY", path)
        yield Path(path)


def test_it_is_private_and_held(base: Path) -> None:
    """Nobody else may enter, and no other system takes it for abandoned, however old it grows."""
    directory = Directory()
    directory.make()
    assert Path(directory.path).parent == base
    assert Path(directory.path).stat().st_mode & 0o777 == 0o700
    os.utime(directory.path, (0, 0))
    sweep(base / "peerage-*")
    assert Path(directory.path).exists()
    directory.close()
    sweep(base / "peerage-*")
    assert not Path(directory.path).exists()


def test_it_is_held_again_once_however_often_that_is_asked_for(base: Path) -> None:
    """Two processes may notice that it was made again: the root waited for its own lock, for good."""
    directory = Directory()
    directory.make()
    directory.hold_again()
    Path(directory.path).rmdir()
    Path(directory.path).mkdir(0o700)
    for _ in range(2):
        directory.hold_again()
    os.utime(directory.path, (0, 0))
    sweep(base / "peerage-*")
    assert Path(directory.path).exists()
    directory.close()


def test_a_base_too_long_for_sockets_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path of more than 107 bytes cannot be bound."""
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(long))
    assert len(Directory().path) <= 80


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting is the superuser's")
def test_init_of_a_namespace_has_it_in_memory(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mounted nowhere: it is there as long as somebody holds it, and only for who has the descriptor."""
    monkeypatch.setattr(os, "getpid", lambda: 1)
    directory = Directory()
    directory.make()
    (Path(directory.path) / "socket").touch()
    assert Path(directory.path).stat().st_mode & 0o777 == 0o700
    assert directory.path == f"/proc/self/fd/{directory.fds[0]}"
    assert list(base.iterdir()) == []
    directory.close()
    assert not Path(directory.path).exists()


def test_abandoned_directories_are_swept(tmp_path: Path) -> None:
    """When everything was killed at once, the next system cleans up; what is held or young stays."""
    for name in ("peerage-1-old", "peerage-2-held", "peerage-3-young", "other"):
        (tmp_path / name).mkdir()
        if name != "peerage-3-young":
            os.utime(tmp_path / name, (0, 0))
    held = hold(str(tmp_path / "peerage-2-held"))
    sweep(tmp_path / "peerage-*")
    os.close(held)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "peerage-2-held", "peerage-3-young"]


def test_what_is_left_behind_can_be_seen_before(base: Path) -> None:
    """What a doctor tells is what the next system removes."""
    for name in ("peerage-1-old", "peerage-2-held", "peerage-3-young"):
        (base / name).mkdir()
        if name != "peerage-3-young":
            os.utime(base / name, (0, 0))
    held = hold(str(base / "peerage-2-held"))
    assert [path for path in left_behind() if path.parent == base] == [base / "peerage-1-old"]
    os.close(held)


def test_removing_a_directory_twice_is_no_error(tmp_path: Path) -> None:
    """Several processes remove it at once."""
    directory = tmp_path / "runtime"
    directory.mkdir()
    (directory / "socket").touch()
    remove_directory(str(directory))
    remove_directory(str(directory))
    assert not directory.exists()


def test_it_is_where_it_lives_as_long_as_the_system(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's runtime directory goes when he logs out, a service's stays; the first of several is taken."""
    with tempfile.TemporaryDirectory() as logout:
        monkeypatch.setenv("XDG_RUNTIME_DIR", logout)
        assert Path(Directory().path).parent == base
        monkeypatch.setenv("RUNTIME_DIRECTORY", f"{base}:{logout}")
        assert Path(Directory().path).parent == base
        monkeypatch.delenv("RUNTIME_DIRECTORY")
        monkeypatch.delenv("TMPDIR", raising=False)
        assert Path(Directory().path).parent == Path("/tmp")


def test_the_users_place_for_temporary_files_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the service manager's; where it is absolute, short enough, and takes sockets."""
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    with tempfile.TemporaryDirectory(dir="/tmp") as place, tempfile.TemporaryDirectory(dir="/tmp") as service:
        monkeypatch.setenv("TMPDIR", place)
        assert Path(Directory().path).parent == Path(place)
        assert not why_passed_over(place)
        assert list(Path(place).iterdir()) == []
        monkeypatch.setenv("RUNTIME_DIRECTORY", service)
        assert Path(Directory().path).parent == Path(service)


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("relative", "not an absolute path"),
        ("/tmp/" + 50 * "x", "longer than 54 bytes"),
        ("/tmp/" + 17 * "\N{EURO SIGN}", "longer than 54 bytes"),
        ("/tmp/peerage-is-not-there", "no sockets can be made there"),
        ("/proc/self", "no sockets can be made there"),
        ("/etc/passwd", "no sockets can be made there"),
    ],
)
def test_a_place_that_will_not_do_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, named: str, why: str
) -> None:
    """As programs do that make temporary files: a directory that everybody has is as good."""
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setenv("TMPDIR", named)
    assert Path(Directory().path).parent == Path("/tmp")
    assert why_passed_over(named).startswith(why)


def test_no_place_for_it_is_said_in_a_sentence(base: Path) -> None:
    """It names the directory and what is wrong with it."""
    directory = Directory()
    base.rmdir()
    with pytest.raises(OSError, match=f"{base}: no place for the sockets") as caught:
        directory.make()
    assert "RUNTIME_DIRECTORY" in str(caught.value)
    base.mkdir()
