"""The unit that `peerage systemd` prints."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.face.command_line import run


def unit(*arguments: object) -> dict[str, str]:
    """Its settings by name."""
    result = run("systemd", *arguments)
    assert result.exit_code == 0, result.output
    lines = (line for line in result.stdout.splitlines() if "=" in line and not line.startswith("#"))
    return dict(line.split("=", 1) for line in lines)


def test_it_starts_this_peerage_in_this_home() -> None:
    """By the interpreter's path: a unit knows no virtual environment."""
    found = unit("--home", "/srv/node")
    assert found["ExecStart"] == f"{sys.executable} -P -m peerage start --home /srv/node"
    assert found["ExecReload"] == f"{sys.executable} -P -m peerage reload --home /srv/node"
    assert found["ReadWritePaths"] == "/srv/node"
    assert (found["Type"], found["NotifyAccess"], found["User"]) == ("notify", "main", "peerage")


def test_the_seed_of_many_chains_is_started_in_its_home_and_reloaded_by_a_signal() -> None:
    """Its chains stand in the home's file."""
    found = unit("--seed", "--home", "/srv/seeds")
    assert found["ExecStart"] == f"{sys.executable} -P -m peerage seed --home /srv/seeds"
    assert found["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert found["Description"] == "peerage seed of /srv/seeds"


def test_a_mistake_of_the_operator_is_not_tried_again() -> None:
    found = unit()
    assert (found["Restart"], found["RestartPreventExitStatus"]) == ("on-failure", "2")


def test_names_are_used() -> None:
    found = unit("--name", "hub-1", "--user", "nodes")
    assert (found["RuntimeDirectory"], found["User"]) == ("hub-1", "nodes")


def test_what_is_special_to_systemd_is_escaped() -> None:
    found = unit("--home", '/srv/a "b" 100%$x\\y')
    assert found["ExecStart"].endswith('--home "/srv/a \\"b\\" 100%%$$x\\\\y"')
    assert found["ReadWritePaths"] == '"/srv/a \\"b\\" 100%%$x\\\\y"'


@pytest.mark.parametrize("home", ["/srv/node", "/srv/my node", "/srv/100%'$x\\y"])
def test_systemd_takes_it(tmp_path: Path, home: str) -> None:
    """Where there is a systemd: others cannot say."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze here")
    file = tmp_path / "hub.service"
    file.write_text(run("systemd", "--home", home, "--name", "hub", "--user", "root").stdout)
    verified = subprocess.run([analyze, "verify", str(file)], capture_output=True, text=True, check=False)
    assert [line for line in verified.stderr.splitlines() if "hub.service" in line] == []
    assert verified.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--name", "a b"], "--name: found 'a b', allowed: "),
        (["--name", "../x"], "--name: found '../x', allowed: "),
        (["--user", ""], "--user: found '', allowed: "),
        (["--home", "/a\nExecStart=x"], "--home: found "),
    ],
)
def test_what_cannot_stand_in_a_unit_is_named(arguments: list[str], told: str) -> None:
    result = run("systemd", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1
