import os
import threading
from pathlib import Path
from typing import Any

import pytest

from peerage.config.errors import (
    HomeError,
    NodeKeyAccessError,
    NodeKeyContentError,
    NodeKeyExistsError,
    NodeKeyMissingError,
    NodeKeyModeError,
)
from peerage.config.node_key_file import create_node_key, load_node_key, load_or_create_node_key
from peerage.wire.keys import NodeID
from tests.config.vectors import KEYS, name_of

# what CometBFT loads although it cannot work, reference 1: refused here
UNUSABLE = {
    "second half is another key's public half",
    "second half is zero",
    "32 bytes only (the seed)",
    "63 bytes",
    "65 bytes",
    "hex instead of base64",
    "empty value",
    "secp256k1 key",
    "no priv_key",
    "priv_key null",
}


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    """A file of that content and mode."""
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("case", KEYS["keys"], ids=name_of)
def test_keys_of_cometbft(tmp_path: Path, case: dict[str, Any]) -> None:
    """A file written by CometBFT gives the same node ID."""
    assert load_node_key(write(tmp_path / "k", case["node_key_json"])).node_id == case["node_id"]


@pytest.mark.parametrize("case", KEYS["node_key_files"], ids=name_of)
def test_odd_files(tmp_path: Path, case: dict[str, Any]) -> None:
    """What CometBFT can use is loaded; what it refuses, or takes and cannot use, is refused with the file's
    name.
    """
    path = write(tmp_path / "k", case["text"])
    if case["cometbft"]["loads"] and case["name"] not in UNUSABLE:
        assert load_node_key(path).node_id == case["cometbft"]["node_id"]
    else:
        with pytest.raises(NodeKeyContentError, match=str(path)):
            load_node_key(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o644, 0o777])
def test_others_may_have_no_right_on_it(tmp_path: Path, mode: int) -> None:
    """The error names the file, the mode found and the expected one; the key is not read."""
    path = write(tmp_path / "k", "not even a key", mode)
    with pytest.raises(NodeKeyModeError) as caught:
        load_node_key(path)
    for part in (str(path), f"{mode:04o}", "0600"):
        assert part in str(caught.value)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_the_owners_rights_are_his_own(tmp_path: Path, mode: int) -> None:
    """Any mode without rights for group and others is accepted."""
    path = write(tmp_path / "k", KEYS["keys"][0]["node_key_json"], mode)
    assert load_node_key(path).node_id == KEYS["keys"][0]["node_id"]


def test_files_that_are_none(tmp_path: Path) -> None:
    """Missing, a directory, a pipe, too large, not UTF-8: each has its own message."""
    with pytest.raises(NodeKeyMissingError):
        load_node_key(tmp_path / "no")
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "large").write_bytes(b" " * 100_000)
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "large", tmp_path / "large" / "under"):
        with pytest.raises(NodeKeyAccessError, match=str(path)):
            load_node_key(path)
    (tmp_path / "latin").write_bytes(b"\xff")
    (tmp_path / "latin").chmod(0o600)
    with pytest.raises(NodeKeyContentError, match="UTF-8"):
        load_node_key(tmp_path / "latin")


def test_a_new_key_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    """The directory is created, the mode is 0600 whatever the umask, and the file loads as the same key."""
    path = tmp_path / "config" / "k"
    before = os.umask(0)
    try:
        key = create_node_key(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o7777 == 0o600
    assert path.parent.stat().st_mode & 0o7777 == 0o700
    assert load_node_key(path).node_id == key.node_id


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    """Not even a broken one."""
    path = write(tmp_path / "k", "precious")
    with pytest.raises(NodeKeyExistsError):
        create_node_key(path)
    with pytest.raises(NodeKeyContentError):
        load_or_create_node_key(path)
    assert path.read_text() == "precious"


def test_load_or_create(tmp_path: Path) -> None:
    """The first call writes the key, later ones load it."""
    key, created = load_or_create_node_key(tmp_path / "k")
    again, created_again = load_or_create_node_key(tmp_path / "k")
    assert (created, created_again) == (True, False)
    assert key.node_id == again.node_id


def test_all_who_create_at_once_get_one_key(tmp_path: Path) -> None:
    """So two starts at the same moment have one identity."""
    barrier = threading.Barrier(6)
    found: list[NodeID] = []

    def create() -> None:
        barrier.wait()
        found.append(load_or_create_node_key(tmp_path / "k")[0].node_id)

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


def test_nowhere_to_write(tmp_path: Path) -> None:
    """The error names a directory that cannot be created."""
    (tmp_path / "file").touch()
    with pytest.raises(HomeError, match="file"):
        create_node_key(tmp_path / "file" / "k")
