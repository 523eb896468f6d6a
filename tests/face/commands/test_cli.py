"""The command line as a whole: which commands there are, and what costs nothing until it is used."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import Result

from peerage.commands.cli import COMMANDS, main
from peerage.commands.span import Span
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


def leaves(group: click.Group = main, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command, those of groups too, and the words by which it is called."""
    with click.Context(group) as ctx:
        for name in group.list_commands(ctx):
            command = group.get_command(ctx, name)
            if isinstance(command, click.Group):
                yield from leaves(command, *path, name)
            else:
                assert command is not None
                yield (*path, name), command


LEAVES = dict(leaves())
EVERY_COMMAND = pytest.mark.parametrize("words", LEAVES, ids=" ".join)


def options_of(words: tuple[str, ...]) -> dict[str, click.Parameter]:
    return {name: param for param in LEAVES[words].params for name in param.opts}


def arguments_for(words: tuple[str, ...]) -> list[str]:
    """Something for each argument that is needed."""
    return ["7" for param in LEAVES[words].params if isinstance(param, click.Argument) and param.required]


def is_one_line_and_2(result: Result) -> bool:
    lines = result.stderr.splitlines()
    return result.exit_code == 2 and len(lines) == 1 and lines[0].startswith("Error: ")


@EVERY_COMMAND
def test_wrong_arguments_are_one_line_and_exit_code_2(words: tuple[str, ...], tmp_path: Path) -> None:
    """An option that there is not, an argument too many or too few, a home that is none, a file where none can be."""
    home = ["--home", str(tmp_path)] if "--home" in options_of(words) else []
    wrong = [["--nosuch"]]
    if not any(param.nargs == -1 for param in LEAVES[words].params if isinstance(param, click.Argument)):
        wrong.append([*arguments_for(words), *["superfluous"] * 3])
    if arguments_for(words):
        wrong.append([])
    if home:
        wrong.append([*arguments_for(words), "--home", ""])
    for arguments in wrong:
        result = run(*words, *home, *arguments)
        assert is_one_line_and_2(result), (arguments, result.output)


@EVERY_COMMAND
def test_spans_of_time_are_read_alike(words: tuple[str, ...]) -> None:
    """A bare number is one nowhere."""
    for name, param in options_of(words).items():
        if isinstance(param.type, Span):
            result = run(*words, *arguments_for(words), name, "7")
            assert is_one_line_and_2(result), result.output
            assert f"{name}: found '7', allowed: a duration" in result.stderr


@EVERY_COMMAND
def test_data_is_printed_as_json_by_a_flag_and_goes_to_a_file_by_output(words: tuple[str, ...]) -> None:
    """--json takes no file; whoever has it has --output, but for what is printed again and again."""
    options = options_of(words)
    if "--json" in options:
        assert isinstance(options["--json"], click.Option)
        assert options["--json"].is_flag
        assert "--output" in options or words in {("events",), ("top",), ("version",)}


WITHOUT_JSON = {
    "demo": "a table that changes",
    "systemd": "a unit",
    "completion": "a script",
    "addrbook export": "the file is JSON",
    "debug dump": "files",
    "new-reactor": "files",
    "config set": "what was asked for",
    "peers add": "what was asked for",
    "bans remove": "what was asked for",
}


def test_who_has_no_json_prints_no_data() -> None:
    """A new command has --json, or a reason here."""
    lacking = {" ".join(words) for words in LEAVES if "--json" not in options_of(words)}
    assert lacking == set(WITHOUT_JSON)


@EVERY_COMMAND
def test_every_help_ends_with_an_example_that_is_a_command(words: tuple[str, ...]) -> None:
    """Its options are options that there are."""
    text = " ".join(run(*words, "--help").stdout.split())
    assert f"Example: peerage {' '.join(words)}" in text
    example = text.rpartition("Example: ")[2].partition("| jq")[0]
    flags = {word.partition("=")[0] for word in example.split() if word.startswith("--")}
    assert flags <= {*options_of(words), "--help"}
