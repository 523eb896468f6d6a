import os
from pathlib import Path

import pytest

from peerage.config.errors import UnfitValueError
from peerage.config.small_file import read_small_file


def test_content_and_mode(tmp_path: Path) -> None:
    """A file gives its content and its mode bits; so does a link to it."""
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    path.chmod(0o640)
    (tmp_path / "link").symlink_to(path)
    assert read_small_file(path, 5) == (b"12345", 0o640)
    assert read_small_file(tmp_path / "link", 5) == (b"12345", 0o640)


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    """A single byte beyond the limit is too many."""
    (tmp_path / "f").write_bytes(b"123456")
    with pytest.raises(UnfitValueError, match="at most 5 bytes"):
        read_small_file(tmp_path / "f", 5)


def test_a_pipe_does_not_make_it_wait(tmp_path: Path) -> None:
    """A pipe to which nobody writes is refused at once."""
    os.mkfifo(tmp_path / "f")
    with pytest.raises(UnfitValueError, match="a pipe"):
        read_small_file(tmp_path / "f", 5)


def test_devices_and_directories_are_refused(tmp_path: Path) -> None:
    """Only regular files are read."""
    with pytest.raises(UnfitValueError, match="no file"):
        read_small_file(Path("/dev/zero"), 5)
    with pytest.raises((UnfitValueError, IsADirectoryError)):
        read_small_file(tmp_path, 5)
