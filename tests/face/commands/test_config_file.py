"""peerage config get, set, diff and migrate."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from peerage.commands.config_file import BACKUP
from peerage.config.home import Home
from peerage.config.home_lock import HomeLock
from tests.config.homes import home_with
from tests.face.command_line import run


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home_with(tmp_path, 'moniker = "m"\n[p2p]\n# how fast\nsend_rate = 7 # slow\n')
    return tmp_path


def test_get_prints_the_effective_value_alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a flag would have it, so that a script can use it."""
    assert run("config", "get", "p2p.send-rate", "--home", home).stdout == "7\n"
    assert run("config", "get", "p2p.dial_timeout", "--home", home).stdout == "3s\n"
    assert run("config", "get", "p2p.pex", "--home", home).stdout == "true\n"
    monkeypatch.setenv("PEERAGE_P2P_PRIVATE_PEER_IDS", "aa,bb")
    assert run("config", "get", "p2p.private_peer_ids", "--home", home).stdout == "aa,bb\n"
    shown = json.loads(run("config", "get", "p2p.private_peer_ids", "--json", "--home", home).stdout)
    assert shown["value"] == ["aa", "bb"]
    assert shown["source"] == "environment PEERAGE_P2P_PRIVATE_PEER_IDS"


def test_set_changes_one_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mode and comments stay; a variable that counts before the file, and a node that runs, are told of."""
    file = home / "config" / "config.toml"
    file.chmod(0o640)
    monkeypatch.setenv("CMT_P2P_SEND_RATE", "9")
    with HomeLock(Home(home), "a node"):
        result = run("config", "set", "p2p.send_rate", "8", "--home", home)
    assert (result.exit_code, result.stdout) == (0, f"p2p.send_rate = 8, in {file}\n")
    assert result.stderr.splitlines() == [
        "Warning: environment CMT_P2P_SEND_RATE is set, and counts before the file",
        f"`peerage reload --home {home}` makes the running node follow",
    ]
    assert file.read_text() == 'moniker = "m"\n[p2p]\n# how fast\nsend_rate = 8 # slow\n'
    assert file.stat().st_mode & 0o777 == 0o640
    again = run("config", "set", "p2p.send_rate", "8", "--home", home)
    assert again.stdout == f"p2p.send_rate had this value in {file}\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["p2p.ladr", "x"],
            "KEY: found 'p2p.ladr', allowed: a setting, like p2p.laddr; did you mean p2p.laddr?",
        ),
        (["p2p.send_rate", "many"], 'p2p.send_rate: found "many" (argument), allowed: a whole number'),
        (["p2p.seeds", "x"], 'p2p.seeds: found "x" (argument): there is no node ID'),
        (["p2p.laddr", "nowhere"], 'p2p.laddr: found "nowhere" (argument)'),
    ],
)
def test_what_no_node_would_start_with_is_not_written(home: Path, arguments: list[str], told: str) -> None:
    """One line, exit code 2."""
    before = (home / "config" / "config.toml").read_text()
    result = run("config", "set", *arguments, "--home", home)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert told in result.stderr
    assert (home / "config" / "config.toml").read_text() == before


def test_files_that_cannot_be_changed_are_named(tmp_path: Path) -> None:
    """A missing one, one that is no TOML, one in a form without a place."""
    assert "peerage init" in run("config", "set", "p2p.pex", "true", "--home", tmp_path).stderr
    for text in ("[p2p", "[[p2p]]\npex = false\n"):
        home_with(tmp_path, text)
        for command in (
            ("set", "moniker" if text == "[p2p" else "p2p.laddr", "tcp://0.0.0.0:1"),
            ("migrate",),
        ):
            result = run("config", *command, "--home", tmp_path)
            assert "Traceback" not in result.stderr
            if text == "[p2p" or command[0] == "set":
                assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
                assert "by hand" in result.stderr


def test_diff_shows_what_is_not_as_by_default(home: Path) -> None:
    result = run("config", "diff", "--home", home)
    source = f"file {home}/config/config.toml"
    assert f"p2p.send_rate = 7  # default 5120000; {source}" in result.stdout.splitlines()
    rows = json.loads(run("config", "diff", "--json", "--home", home).stdout)
    assert {"setting": "p2p.send_rate", "value": 7, "default": 5_120_000, "source": source} in rows


@pytest.mark.parametrize("words", [("get", "p2p.pex"), ("diff",), ("show",)])
def test_defaults_alone_are_shown_with_a_warning(words: tuple[str, ...], tmp_path: Path) -> None:
    """A home that was mistyped has none but these."""
    result = run("config", *words, "--home", tmp_path)
    assert result.exit_code == 0
    assert (
        result.stderr == f"Warning: {tmp_path}/config/config.toml: no such file, `peerage init` writes one\n"
    )


def test_migrate_tells_first_and_keeps_the_old_file(tmp_path: Path) -> None:
    """--dry-run writes nothing; an earlier copy is not overwritten."""
    old = "[p2p]\nsend-rate = 7 # slow\nupnp = true\n"
    file = tmp_path / "config" / "config.toml"
    home_with(tmp_path, old)
    tried = run("config", "migrate", "--dry-run", "--home", tmp_path)
    assert file.read_text() == old
    done = run("config", "migrate", "--home", tmp_path)
    assert (done.exit_code, done.stdout) == (0, tried.stdout)
    assert done.stdout.splitlines()[0] == "p2p.send-rate: now send_rate"
    assert file.read_text() == "[p2p]\nsend_rate = 7 # slow\n# upnp = true\n"
    assert file.with_name(BACKUP).read_text() == old
    assert "nothing to migrate" in run("config", "migrate", "--home", tmp_path).stdout
    file.write_text(old)
    assert run("config", "migrate", "--home", tmp_path).exit_code == 2
    assert file.read_text() == old
    assert json.loads(run("config", "migrate", "--dry-run", "--json", "--home", tmp_path).stdout)["changes"]
