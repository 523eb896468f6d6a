"""Options that commands share: --home, and a flag for each setting."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from peerage.commands.options import SettingsCommand, group_home_option, home_option, settings_options
from peerage.config.home import Home


@click.group()
@group_home_option
def group() -> None: ...


@group.command(cls=SettingsCommand)
@home_option
@settings_options
def show(home: Home, flags: dict[str, str]) -> None:
    """Print what a command is given."""
    click.echo(home.path)
    for name, text in flags.items():
        click.echo(f"{name}={text}")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(group, arguments)


def test_home_may_stand_before_the_command_or_behind_it(tmp_path: Path) -> None:
    """As in CometBFT; the one after the command wins."""
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    assert run("--home", one, "show").stdout.splitlines() == [one]
    assert run("show", "--home", two).stdout.splitlines() == [two]
    assert run("--home", one, "show", "--home", two).stdout.splitlines() == [two]


@pytest.mark.parametrize("arguments", [("--home", "", "show"), ("show", "--home", "")])
def test_an_empty_home_is_a_mistake(arguments: tuple[str, ...]) -> None:
    """It comes from a shell variable that is not set, so the default home would be wrong."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert 'found "", allowed: a directory' in result.stderr


def test_flags_are_handed_over_as_texts_by_the_names_of_their_settings() -> None:
    """Only those that were given; a switch needs no value, a list may be given several times."""
    result = run("show", "--p2p.send_rate", "7", "--p2p.pex", "--reactor", "a:A", "--reactor=b:B")
    assert sorted(result.stdout.splitlines()[1:]) == [
        "p2p.pex=true",
        "p2p.send_rate=7",
        "peerage.reactors=a:A,b:B",
    ]


def test_help_lists_settings_by_section_behind_the_commands_own_options() -> None:
    """With the default and the variable of each."""
    lines = run("show", "--help").stdout.splitlines()
    headings = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert headings[0] == "Options:"
    assert "Settings of [p2p]:" in headings
    shown = " ".join(" ".join(lines).split())
    assert "env: PEERAGE_P2P_SEND_RATE" in shown
