"""peerage seed: one clear line for each mistake, before anything starts. (With nodes: tests/interop, tests/docs.)"""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from peerage.config.home import Home
from peerage.config.home_lock import HomeLock
from tests.face.command_line import run

LOOPBACK = ("--p2p.laddr", "tcp://127.0.0.1:0")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "found no chain"),
        (("--chain", "a-1"), '--chain: found "a-1", allowed: ID=SEEDS'),
        (("--chain", "a-1=", "--chain", "a-1="), '--chain: found "a-1" 2 times, allowed: once'),
        (("--chain", "../a="), '--chain: found "../a"'),
        (("--chain", "a-1=nonsense"), "chain a-1: p2p.seeds: found"),
        (("--chain", "a-1=", "--network", "b"), "peerage.network: found"),
        (("--chain", "a-1=", "--metrics", "nowhere"), "metrics: found"),
        (("--chain", "a-1=", "--port", "70000"), "--port"),
        (("--chain", "a-1=", "--chains", "/nowhere.toml"), "there is no such file"),
        (("--chain", "a-1=", "--json"), "found without --status"),
        (("--chain", "a-1=", "--chain", "b-1=", "--p2p.laddr", "tcp://127.0.0.1:7"), "chain a-1"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    tmp_path: Path, arguments: tuple[str, ...], expected: str
) -> None:
    """Exit code 2."""
    found = run("seed", "--home", tmp_path / "home", *arguments)
    assert found.exit_code == 2
    assert expected in found.output
    assert len(found.stderr.splitlines()) == 1
    assert not (tmp_path / "home").exists()


def test_tables_of_the_home_are_read(tmp_path: Path) -> None:
    """And what is wrong in them is said with their file."""
    file = tmp_path / "config" / "chains.toml"
    file.parent.mkdir()
    file.write_text("[chains.a-1]\nport = 'x'")
    found = run("seed", "--home", tmp_path)
    assert found.exit_code == 2
    assert f'chains.a-1.port: found "x" (file {file})' in found.output


def test_a_home_in_which_another_seed_runs_is_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One seed for a home."""
    monkeypatch.setattr("peerage.commands.seed_run.set_up_logging", lambda _settings: None)
    with HomeLock(Home(tmp_path), "a seed of several chains"):
        found = run("seed", "--home", tmp_path, "--chain", "a-1=", "--private-memory=false", *LOOPBACK)
    assert found.exit_code == 2
    assert "in use by a seed of several chains" in found.output


def test_a_port_that_is_taken_is_said_with_its_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though no node has been started yet."""
    monkeypatch.setattr("peerage.commands.seed_run.set_up_logging", lambda _settings: None)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        laddr = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        found = run(
            "seed", "--home", tmp_path, "--chain", "a-1=", "--private-memory=false", "--p2p.laddr", laddr
        )
    assert found.exit_code == 2
    assert "chain a-1: p2p.laddr: found" in found.output
    assert "Address already in use" in found.output
