"""Options that commands share: --home, and a flag for each setting."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from peerage.commands import options
from peerage.commands.exit_status import MistakeError
from peerage.commands.options import (
    SettingName,
    SettingsCommand,
    group_home_option,
    home_option,
    settings_options,
)
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


@pytest.mark.parametrize(("lines", "is_paged"), [(20, True), (2000, False)])
def test_help_that_does_not_fit_the_terminal_has_a_pager(
    lines: int, is_paged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where standard output is one; in a pipe and a file it is printed."""
    paged: list[str] = []
    monkeypatch.setattr(options, "_is_terminal", lambda: True)
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_args, **_options: os.terminal_size((80, lines)))
    monkeypatch.setattr("click.echo_via_pager", paged.append)
    result = run("show", "--help")
    assert result.exit_code == 0
    assert ("Settings of [p2p]" in "".join(paged), "Settings of [p2p]" in result.stdout) == (
        is_paged,
        not is_paged,
    )


def test_a_setting_is_named_in_any_spelling() -> None:
    """As in the file; the network by its flag's name too. The shell completes those that are not hidden."""
    param = click.Argument(["key"])
    for text in ("p2p.external-address", "P2P.External_Address"):
        assert SettingName().convert(text, param, None).name == "p2p.external_address"
    assert SettingName().convert("network", param, None).name == "peerage.network"
    with pytest.raises(MistakeError, match=r"did you mean p2p\.laddr\?"):
        SettingName().convert("p2p.ladr", param, None)
    found = SettingName().shell_complete(click.Context(click.Command("x")), param, "p2p.test")
    assert found == []
    (item,) = SettingName().shell_complete(click.Context(click.Command("x")), param, "monik")
    assert (item.value, item.help) == ("moniker", "A name for this node, for people to read")
