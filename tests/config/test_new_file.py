import os
import threading
from pathlib import Path

import pytest

from peerage.config.new_file import write_new_file


def test_a_new_file_has_its_content_and_mode_whatever_the_umask(tmp_path: Path) -> None:
    """It has exactly the requested mode, and nothing else is left in the directory."""
    before = os.umask(0o777)
    try:
        assert write_new_file(tmp_path / "f", b"content", 0o640)
    finally:
        os.umask(before)
    assert (tmp_path / "f").read_bytes() == b"content"
    assert (tmp_path / "f").stat().st_mode & 0o7777 == 0o640
    assert list(tmp_path.iterdir()) == [tmp_path / "f"]


@pytest.mark.parametrize("kind", ["file", "directory", "dangling link"])
def test_what_is_there_stays(tmp_path: Path, kind: str) -> None:
    """Neither a file nor a link nor a directory of that name is changed."""
    path = tmp_path / "f"
    if kind == "file":
        path.write_bytes(b"mine")
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nowhere")
    assert not write_new_file(path, b"yours", 0o600)
    assert list(tmp_path.iterdir()) == [tmp_path / "f"]
    assert kind != "file" or path.read_bytes() == b"mine"
    assert kind != "dangling link" or not path.exists()


def test_of_several_writers_one_wins(tmp_path: Path) -> None:
    """Simultaneous writers leave one complete file, and exactly one of them is told that it wrote it."""
    barrier = threading.Barrier(8)
    won: list[bytes] = []

    def write(content: bytes) -> None:
        barrier.wait()
        if write_new_file(tmp_path / "f", content, 0o600):
            won.append(content)

    threads = [threading.Thread(target=write, args=(bytes([65 + n]) * 5000,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [(tmp_path / "f").read_bytes()]
    assert list(tmp_path.iterdir()) == [tmp_path / "f"]


def test_no_directory(tmp_path: Path) -> None:
    """Without its directory the file cannot be written, and the error says so."""
    with pytest.raises(FileNotFoundError):
        write_new_file(tmp_path / "no" / "f", b"", 0o600)
