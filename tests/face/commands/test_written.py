"""Files that commands write for their users."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from peerage.commands.exit_status import FailureError
from peerage.commands.written import write_text
from tests.full_disk import full_disk


def test_an_error_names_the_file_and_leaves_it_as_it_was(tmp_path: Path) -> None:
    """An hour's survey must not cost the map of the previous one."""
    path = tmp_path / "map.json"
    write_text(path, lambda file: file.write("old"))
    with full_disk(), pytest.raises(FailureError, match=f"{path} cannot be written: File too large"):
        write_text(path, lambda file: file.write("new"))
    assert path.read_text() == "old"
    with pytest.raises(FailureError, match="cannot be written"):
        write_text(Path("/proc/nothing"), lambda file: file.write("x"))


def test_a_link_stays_one_and_a_file_keeps_its_mode(tmp_path: Path) -> None:
    """As if the file had been written in place."""
    path, link = tmp_path / "map.json", tmp_path / "latest"
    path.touch()
    path.chmod(0o640)
    link.symlink_to(path)
    write_text(link, lambda file: file.write("é\n"))
    assert link.is_symlink()
    assert path.read_bytes() == "é\n".encode()
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    """No file replaces it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_text(pipe, lambda file: file.write("map"))
    reader.join()
    assert read == ["map"]
    assert pipe.is_fifo()
