"""peerage init --from: a CometBFT home is taken over, and left as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from peerage.config.config import Config
from peerage.config.node_key_file import load_node_key
from peerage.wire.keys import NodeKey
from tests.face.command_line import run
from tests.face.commands.test_init import snapshot

VECTORS = Path(__file__).parents[2] / "vectors"
KEY = NodeKey.generate()


@pytest.fixture
def comet(tmp_path: Path) -> Path:
    """A home as CometBFT leaves it."""
    home = tmp_path / "comet"
    (home / "config").mkdir(parents=True)
    text = (VECTORS / "config.toml").read_text().replace("send_rate =", "send-rate =")
    (home / "config/config.toml").write_text(text)
    (home / "config/node_key.json").write_text(KEY.to_json())
    (home / "config/node_key.json").chmod(0o600)
    (home / "config/addrbook.json").write_bytes((VECTORS / "addrbook.json").read_bytes())
    (home / "config/genesis.json").write_text('{"chain_id": "c-1"}')
    return home


def test_settings_key_book_and_network_are_there(comet: Path, tmp_path: Path) -> None:
    """The other home is as it was; a node of the new one would be the same to others, so that is warned of."""
    before = snapshot(comet)
    result = run("init", "--home", tmp_path / "new", "--from", comet)
    assert result.exit_code == 0, result.output
    assert snapshot(comet) == before
    config = Config.load(tmp_path / "new", environ={}, to_start=True)
    assert config.network == "c-1"
    assert load_node_key(config.node_key_path).node_id == KEY.node_id
    assert config.addr_book_path.read_bytes() == (VECTORS / "addrbook.json").read_bytes()
    assert (config.node_key_path.stat().st_mode & 0o777, config.addr_book_path.stat().st_mode & 0o777) == (
        0o600,
        0o600,
    )
    assert "send_rate =" in config.home.config_file.read_text()
    assert [line for line in result.stdout.splitlines() if "new/config/config.toml" in line] == [
        f"wrote {tmp_path}/new/config/config.toml"
    ]
    assert f"node ID: {KEY.node_id}" in result.stdout
    assert f"stop the node in {comet} before this one starts" in result.stderr
    assert "p2p.send-rate: now send_rate" in result.stderr


def test_nothing_is_overwritten(comet: Path, tmp_path: Path) -> None:
    """What differs is said."""
    new = tmp_path / "new"
    run("init", "--home", new, "--network", "other")
    before = snapshot(new)
    result = run("init", "--home", new, "--from", comet)
    after = snapshot(new)
    assert result.exit_code == 0
    assert {path: after[path] for path in before if Path(path).is_file()} == {
        path: facts for path, facts in before.items() if Path(path).is_file()
    }
    assert result.stderr.count("is another one than in the home that was to be taken over") == 2
    assert "both homes have the node key" not in result.stderr


def test_files_outside_of_the_home_are_copied_into_the_new_one(comet: Path, tmp_path: Path) -> None:
    """Or the other node's key would be this one's for ever."""
    elsewhere = tmp_path / "key.json"
    (comet / "config/node_key.json").rename(elsewhere)
    file = comet / "config/config.toml"
    file.write_text(file.read_text().replace('"config/node_key.json"', json.dumps(str(elsewhere))))
    assert run("init", "--home", tmp_path / "new", "--from", comet, "--network", "n").exit_code == 0
    config = Config.load(tmp_path / "new", environ={})
    assert config.node_key_path == tmp_path / "new/config/node_key.json"
    assert load_node_key(config.node_key_path).node_id == KEY.node_id
    assert config.network == "n"


def test_mistakes_are_told_before_anything_is_written(comet: Path, tmp_path: Path) -> None:
    """No home, the same home, a key that others may read, a setting that cannot be."""
    new = tmp_path / "new"

    def told(source: Path, home: Path = new) -> str:
        result = run("init", "--home", home, "--from", source)
        assert result.exit_code == 2
        assert not new.exists()
        return result.stderr.splitlines()[-1]

    assert "no home of CometBFT" in told(tmp_path / "nowhere")
    assert "is --home itself" in told(comet, comet)
    (comet / "config/node_key.json").chmod(0o644)
    assert "found mode 0644" in told(comet)
    (comet / "config/node_key.json").chmod(0o600)
    (comet / "config/config.toml").write_text("[p2p]\npex = 'perhaps'\n")
    assert "p2p.pex" in told(comet)
