"""peerage start --dry-run."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from unittest.mock import Mock

import pytest

from peerage.commands.dry_run import Plan, tell
from peerage.commands.exit_status import MistakeError
from peerage.config.home import Home
from peerage.config.home_lock import HomeLock
from tests.face.command_line import run
from tests.face.commands.test_init import snapshot

FREE = ("--p2p.laddr", "tcp://127.0.0.1:0", "--rpc.laddr", "")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    run("init", "--home", tmp_path, "--network", "n")
    return tmp_path


def test_it_says_what_would_be_started_and_writes_nothing(home: Path) -> None:
    """Who it is, where it listens, whom it wants, and what it may have."""
    before = snapshot(home)
    result = run(
        "start", "--home", home, "--dry-run", *FREE, "--moniker", "anna", "--p2p.max_num_inbound_peers=7"
    )
    assert (result.exit_code, result.stderr) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert lines["node"].endswith(', "anna" in network "n"')
    assert lines["listens"] == "tcp://127.0.0.1:0"
    assert lines["wants"] == "at most 10 outbound and 7 inbound peers, reactor PEX"
    assert "processes for at most 17 peers" in lines["limits"]
    assert lines["book"] == "empty"
    assert lines["note"].startswith("nobody to dial")
    assert result.stdout.splitlines()[-1] == "nothing would keep this node from starting"
    assert snapshot(home) == before


def test_all_places_for_peers_are_told(home: Path) -> None:
    """With what peers of each IP family are told."""
    also = ("--listen-also=127.0.0.1:0", "--external-address-also=[2600::1]:1")
    result = run("start", "--home", home, "--dry-run", *FREE, *also, "--p2p.external_address=8.8.4.4:1")
    listens = [line.split(maxsplit=1)[1] for line in result.stdout.splitlines() if line.startswith("listens")]
    assert listens == ["tcp://127.0.0.1:0, and tells others 8.8.4.4:1 and [2600::1]:1", "127.0.0.1:0"]


def test_a_home_without_a_key_gets_none(home: Path) -> None:
    (home / "config/node_key.json").unlink()
    result = run("start", "--home", home, "--dry-run", *FREE)
    assert result.exit_code == 0
    assert "a start writes" in result.stdout
    assert not (home / "config/node_key.json").exists()


def test_every_mistake_is_told(home: Path) -> None:
    """A line each, beside what else is known; exit code 2."""
    (home / "config/node_key.json").chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        laddr = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        result = run(
            "start",
            "--home",
            home,
            "--dry-run",
            "--p2p.laddr",
            laddr,
            "--rpc.laddr",
            "",
            "--reactor",
            "tests.nowhere:A",
        )
    assert result.exit_code == 2
    key, reactor, port = result.stderr.splitlines()
    assert "found mode 0644" in key
    assert "cannot be imported" in reactor
    assert "Address already in use" in port
    assert all(line.startswith("Error: ") for line in (key, reactor, port))
    assert "nothing would keep" not in result.stdout


def test_a_cluster_without_ray_is_a_mistake(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As at the start."""
    monkeypatch.setattr("peerage.supervisors.node.preconditions.find_spec", lambda _name: None)
    result = run("start", "--dry-run", "--home", home, "--cluster", "10.0.0.1:6379")
    assert result.exit_code == 2
    assert "peerage.cluster: found" in result.stderr
    assert "nothing would keep" not in result.stdout


def test_a_full_disk_is_a_mistake(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The node would not start, for it could not keep its book."""
    monkeypatch.setattr("shutil.disk_usage", lambda _path: Mock(free=0))
    result = run("start", "--dry-run", "--home", home, *FREE)
    assert result.exit_code == 2
    assert f"Error: {home / 'data'}: no space left on its disk" in result.stderr


def test_a_node_that_runs_there_is_a_mistake(home: Path) -> None:
    with HomeLock(Home(home), "a node"):
        result = run("start", "--home", home, "--dry-run", *FREE)
    assert result.exit_code == 2
    assert "in use by a node" in result.stderr


def test_what_is_odd_is_a_warning(home: Path) -> None:
    home.chmod(0o777)
    result = run("start", "--home", home, "--dry-run", *FREE, "--p2p.pex=false")
    assert result.exit_code == 0
    assert "Warning: no channels: " in result.stderr
    assert f"Warning: {home}: found mode 0777" in result.stderr


def test_the_last_mistake_is_the_commands_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MistakeError, match="two"):
        tell(Plan([("node", "x")], [], ["one", "two"]))
    assert capsys.readouterr() == ("node      x\n", "Error: one\n")


def test_programs_are_told_the_same(home: Path, tmp_path: Path) -> None:
    """What keeps the node from starting is an error all the same."""
    told = json.loads(run("start", "--home", home, "--dry-run", *FREE, "--json").stdout)
    assert (told["well"], told["mistakes"], told["plan"]["listens"]) == (True, [], ["tcp://127.0.0.1:0"])
    assert "nobody to dial" in told["plan"]["note"][0]
    also = run("start", "--home", home, "--dry-run", *FREE, "--json", "--listen-also", "tcp://127.0.0.2:0")
    assert json.loads(also.stdout)["plan"]["listens"] == ["tcp://127.0.0.1:0", "tcp://127.0.0.2:0"]
    (home / "config/node_key.json").chmod(0o644)
    file = tmp_path / "told.json"
    result = run("start", "--home", home, "--dry-run", *FREE, "--json", "--output", file)
    assert (result.exit_code, result.stdout) == (2, "")
    told = json.loads(file.read_text())
    assert not told["well"]
    assert [f"Error: {mistake}" for mistake in told["mistakes"]] == result.stderr.splitlines()


def test_a_configuration_that_is_wrong_is_told_by_the_line(home: Path) -> None:
    """Each mistake of its own."""
    wrong = ("--p2p.pex=maybe", "--p2p.max_num_inbound_peers=many")
    result = run("start", "--home", home, "--dry-run", *FREE, *wrong, "--json")
    assert result.exit_code == 2
    mistakes = json.loads(result.stdout)["mistakes"]
    assert result.stderr.splitlines() == [f"Error: {mistake}" for mistake in mistakes]
    assert [mistake.partition(":")[0] for mistake in mistakes] == [
        "p2p.max_num_inbound_peers",
        "p2p.pex",
    ]


@pytest.mark.parametrize("flag", [("--json",), ("--output", "x")], ids=" ".join)
def test_a_start_prints_no_data(home: Path, flag: tuple[str, ...]) -> None:
    result = run("start", "--home", home, *flag)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert "without --dry-run" in result.stderr
