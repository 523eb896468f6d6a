"""Files that are replaced whole."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from peerage.actors.discovery.book.whole_file import LEFT_BEHIND_S, whole_file, write_whole_file
from tests.full_disk import full_disk


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """And nothing beside it."""
    path = tmp_path / "book.json"
    write_whole_file(path, b"old", 0o644)
    with full_disk(), pytest.raises(OSError, match="too large"):
        write_whole_file(path, b"new", 0o644)
    assert path.read_bytes() == b"old"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_nobody_sees_a_part_of_it(tmp_path: Path) -> None:
    """It has its name when all is in it."""
    path = tmp_path / "book.json"
    with whole_file(path, 0o600) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"


def test_what_others_left_behind_when_they_were_killed_is_removed(tmp_path: Path) -> None:
    """Not what somebody may still be writing, and nothing else."""
    names = (".book.json.old", ".book.json.young", ".other.old")
    for name in names:
        (tmp_path / name).touch()
        if name.endswith("old"):
            ago = (tmp_path / name).stat().st_mtime - LEFT_BEHIND_S - 1
            os.utime(tmp_path / name, (ago, ago))
    write_whole_file(tmp_path / "book.json", b"", 0o600)
    assert {file.name for file in tmp_path.iterdir()} == {"book.json", ".book.json.young", ".other.old"}


def test_a_link_stays_one(tmp_path: Path) -> None:
    """An operator keeps the book on another volume."""
    path, link = tmp_path / "kept.json", tmp_path / "book.json"
    path.touch()
    link.symlink_to(path)
    write_whole_file(link, b"new", 0o644)
    assert link.is_symlink()
    assert path.read_bytes() == b"new"


def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    """And stays: root could replace /dev/null."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_whole_file(pipe, b"new", 0o644)
    reader.join()
    assert read == [b"new"]
    assert pipe.is_fifo()


def test_a_descriptor_may_be_named(tmp_path: Path) -> None:
    """As /dev/stdout is: where it is a pipe, its link leads to no path."""
    reading, writing = os.pipe()
    try:
        write_whole_file(Path(f"/proc/self/fd/{writing}"), b"new", 0o644)
        assert os.read(reading, 10) == b"new"
    finally:
        os.close(reading)
        os.close(writing)
