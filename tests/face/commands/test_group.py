import errno
import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from peerage.commands.cli import COMMANDS, main
from peerage.commands.exit_status import FAILURE, MISTAKE, FailureError
from peerage.commands.group import CommandGroup
from peerage.config.errors import ConfigError, Mistake


def run_failing(error: Exception) -> tuple[int, str]:
    """Exit code and standard error of a command that raises this."""

    def fail() -> None:
        raise error

    group = CommandGroup("g", lazy={}, commands=[click.Command("fail", callback=fail)])
    result = CliRunner().invoke(group, ["fail"])
    return result.exit_code, result.stderr


def test_an_operators_mistakes_end_with_2_and_no_traceback() -> None:
    """Every mistake is listed, with key, source, what was found and what is allowed."""
    mistake = Mistake("p2p.pex", "flag --p2p.pex", '"maybe"', "true or false")
    assert run_failing(ConfigError([mistake])) == (MISTAKE, f"Error: {mistake}\n")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FailureError("nobody is there"), "nobody is there"),
        (OSError(errno.ENOSPC, "No space left on device", "/x"), "No space left on device"),
    ],
    ids=["failure", "system"],
)
def test_failures_end_with_1(error: Exception, text: str) -> None:
    """A correct command that could not be carried out gives one line and exit code 1."""
    code, stderr = run_failing(error)
    assert code == FAILURE
    assert text in stderr
    assert len(stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["strat"], "No such command 'strat'. Did you mean 'start'?; see g --help"),
        (["xyz"], "No such command 'xyz'; see g --help"),
        (["show_node_di"], "No such command 'show_node_di'. Did you mean 'show-node-id'?; see g --help"),
        (["bans", "lst"], "No such command 'lst'. Did you mean 'list'?; see g bans --help"),
        (["init", "--nosuch"], "No such option '--nosuch'; see g init --help"),
        (["--nosuch"], "No such option '--nosuch'; see g --help"),
        (["version", "superfluous"], "Got unexpected extra argument (superfluous); see g version --help"),
        (["bans", "add"], "Missing argument 'ID|IP|CIDR'; see g bans add --help"),
        (["simulate", "--nodes", "many"], "'many' is not a valid integer range; see g simulate --help"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_ends_with_2_and_one_line(arguments: list[str], told: str) -> None:
    """It names what was typed, what it was probably meant to be, and where help is."""
    result = CliRunner().invoke(main, arguments, prog_name="g")
    assert result.exit_code == MISTAKE
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.endswith(f"{told}\n")


def test_version_is_a_flag_too() -> None:
    """As operators of other programs expect."""
    assert CliRunner().invoke(main, ["--version"]).output == CliRunner().invoke(main, ["version"]).output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    """--help says what the command does and shows an example (groups: each of their commands does)."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    each = command.commands.values() if isinstance(command, click.Group) else [command]
    for single in each:
        assert single.help
        assert "Example: peerage " in (single.epilog or single.help), single.name
    assert CliRunner().invoke(main, [name, "--help"]).exit_code == 0


def test_help_lists_every_command() -> None:
    """`peerage --help` and `peerage` alone show all commands."""
    for arguments in (["--help"], []):
        output = CliRunner().invoke(main, arguments).output
        assert all(f"  {name}" in output for name in COMMANDS)


def test_commands_may_be_spelt_with_underscores() -> None:
    """As in CometBFT: show_node_id."""
    context = click.Context(main)
    assert main.get_command(context, "show_node_id") is main.get_command(context, "show-node-id") is not None


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    """`peerage … | head` ends quietly."""
    reader, writer = os.pipe()
    os.close(reader)
    script = "from peerage.commands.cli import main; main(['version'])"
    with os.fdopen(writer, "wb") as gone:
        done = subprocess.run(
            [sys.executable, "-c", script], stdout=gone, stderr=subprocess.PIPE, text=True, check=False
        )
    assert "Traceback" not in done.stderr
