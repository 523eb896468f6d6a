"""The command line as a whole: which commands there are, and what costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from peerage.commands.cli import COMMANDS, main
from tests.face.command_line import run


def test_help_says_what_exit_codes_mean() -> None:
    assert "Exit codes: 0 done, 1 failed, 2 a mistake that you can mend." in run("--help").stdout


def test_without_a_command_help_is_shown() -> None:
    result = run()
    assert "Commands:" in result.output


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_where_the_table_says(name: str) -> None:
    with click.Context(main) as ctx:
        command = main.get_command(ctx, name)
    assert command is not None
    assert command.name == name


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_each_command_says_of_itself(name: str) -> None:
    """`--help` lists the commands without importing them."""
    with click.Context(main) as ctx:
        command = main.get_command(ctx, name)
    assert command is not None
    assert command.get_short_help_str(limit=1000) == COMMANDS[name].help


def test_commands_are_imported_when_they_are_asked_for() -> None:
    """`peerage version` loads no actor, and neither it nor the list of commands loads what settings and logs need."""
    slow = (
        "peerage.actors",
        "peerage.wire",
        "peerage.config.sections",
        "structlog",
        "rich",
        "asyncio",
        "cryptography",
    )
    for argument in ("version", "--help"):
        code = (
            f"import sys; from peerage.commands.cli import main; main(['{argument}'], standalone_mode=False);"
            f"print([name for name in sys.modules if name.startswith({slow})])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30
        )
        assert done.stdout.splitlines()[-1] == "[]"
