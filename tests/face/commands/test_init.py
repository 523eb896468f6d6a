import json
import os
import re
import stat
from pathlib import Path

import pytest

from peerage.config.config import Config
from peerage.config.node_key_file import load_node_key
from tests.face.command_line import run


def snapshot(path: Path) -> dict[str, tuple[bytes, int, int]]:
    """Content, mode and time of every file below."""
    return {
        str(file): (
            file.read_bytes() if file.is_file() else b"",
            file.stat().st_mode,
            file.stat().st_mtime_ns,
        )
        for file in sorted(path.rglob("*"))
    }


def test_a_home_from_nothing(tmp_path: Path) -> None:
    """config.toml, node key and data are written, the key for its owner alone, and a node could start."""
    home = tmp_path / "new" / "home"
    result = run("init", "--home", home, "--network", "my-chain")
    assert result.exit_code == 0
    assert not result.stderr
    config = Config.load(home, environ={}, to_start=True)
    assert config.network == "my-chain"
    key = load_node_key(config.node_key_path)
    assert f"node ID: {key.node_id}" in result.stdout
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (home, *home.rglob("*"))}
    assert modes == {
        "home": 0o700,
        "config": 0o700,
        "data": 0o700,
        "config.toml": 0o644,
        "node_key.json": 0o600,
    }


def test_a_new_home_gives_no_persistent_peer_up(tmp_path: Path) -> None:
    """It is dialled at least once a minute, for ever; that of CometBFT, and a file without the key, gives up after a day."""
    run("init", "--home", tmp_path, "--network", "my-chain")
    assert Config.load(tmp_path, environ={}).p2p.persistent_peers_max_dial_period == 60.0
    assert Config(tmp_path).p2p.persistent_peers_max_dial_period == 0.0


def test_nothing_that_exists_is_touched(tmp_path: Path) -> None:
    """A second call changes no file, says of each that it was there, and shows the same ID."""
    first = run("init", "--home", tmp_path, "--network", "a")
    before = snapshot(tmp_path)
    again = run("init", "--home", tmp_path, "--network", "b")
    assert again.exit_code == 0
    assert snapshot(tmp_path) == before
    assert again.stdout.splitlines()[-1] == first.stdout.splitlines()[-1]
    for name in ("config.toml", "node_key.json", "data"):
        assert (
            f"kept {tmp_path / 'config' / name if name != 'data' else tmp_path / name}, it was there"
            in again.stdout
        )
    assert 'the network is not "b" but "a"' in again.stderr


def test_what_is_missing_is_added(tmp_path: Path) -> None:
    """A home without a key gets one in the place that its own config.toml names."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text('node_key_file = "secrets/key.json"\n')
    result = run("init", "--home", tmp_path)
    assert result.exit_code == 0
    assert load_node_key(tmp_path / "secrets" / "key.json")
    assert not (tmp_path / "config" / "node_key.json").exists()


@pytest.mark.parametrize(
    ("name", "content", "mode", "part"),
    [
        ("config.toml", "[p2p\n", 0o644, "TOML"),
        ("config.toml", "[p2p]\npex = 'maybe'\n", 0o644, "p2p.pex"),
        ("node_key.json", "precious", 0o600, "node_key.json"),
        ("node_key.json", "precious", 0o644, "0600"),
    ],
)
def test_broken_files_are_left_and_named(
    tmp_path: Path, name: str, content: str, mode: int, part: str
) -> None:
    """The operator has to correct a broken file: exit code 2, and the file is not changed."""
    (tmp_path / "config").mkdir()
    path = tmp_path / "config" / name
    path.write_text(content)
    path.chmod(mode)
    result = run("init", "--home", tmp_path)
    assert result.exit_code == 2
    assert part in result.stderr
    assert path.read_text() == content


def test_a_home_that_cannot_be(tmp_path: Path) -> None:
    """The error names a file that is where the home should be."""
    (tmp_path / "file").touch()
    result = run("init", "--home", tmp_path / "file")
    assert result.exit_code == 2
    assert str(tmp_path / "file") in result.stderr


@pytest.mark.parametrize("name", [os.fsdecode(b"\xff"), "two\nlines", "x" * 51])
def test_a_network_that_cannot_be(tmp_path: Path, name: str) -> None:
    """It is refused in one line, as a node would, before anything is written."""
    result = run("init", "--home", tmp_path / "home", "--network", name)
    assert result.exit_code == 2
    assert re.fullmatch(r'Error: --network: found ".*", allowed: .*\n', result.stderr)
    assert not (tmp_path / "home").exists()


def test_the_environment_names_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PEERAGE_HOME is used if --home is not given."""
    monkeypatch.setenv("PEERAGE_HOME", str(tmp_path / "h"))
    assert run("init").exit_code == 0
    assert (tmp_path / "h" / "config" / "config.toml").exists()


def test_a_home_without_a_network_is_said(tmp_path: Path) -> None:
    """If nothing names the network, a hint says how to do it."""
    assert "--network" in run("init", "--home", tmp_path).stderr


def test_init_beside_a_genesis_file(tmp_path: Path) -> None:
    """Its chain_id is the network, and nothing is missing."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "genesis.json").write_text('{"chain_id": "c"}')
    assert not run("init", "--home", tmp_path).stderr


def test_an_empty_home_is_a_mistake() -> None:
    """`--home "$UNSET"` does not fall back to the default home."""
    result = run("init", "--home", "")
    assert result.exit_code == 2
    assert "--home" in result.stderr


def test_programs_are_told_what_there_is_now(tmp_path: Path) -> None:
    """What was written, and what was there."""
    home, file = tmp_path / "home", tmp_path / "told.json"
    told = json.loads(run("init", "--home", home, "--network", "n", "--json").stdout)
    assert (told["home"], told["network"], told["kept"]) == (str(home), "n", [])
    assert str(home / "config/node_key.json") in told["wrote"]
    again = run("init", "--home", home, "--json", "--output", file)
    assert (again.exit_code, again.stdout) == (0, "")
    assert json.loads(file.read_text()) == told | {"wrote": [], "kept": told["wrote"]}
    assert run("init", "--home", home, "--output", file).stdout == ""
    assert file.read_text().endswith(f"node ID: {told['node_id']}\n")
