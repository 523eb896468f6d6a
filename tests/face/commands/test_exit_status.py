"""How commands end: 0 done, 1 failed, 2 a mistake that the operator can mend."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from peerage.commands.exit_status import FailureError, MistakeError
from tests.face.command_line import run

NOBODY = "0" * 39 + "1"
DIALLING = [("ping",), ("addrbook", "add"), ("crawl", "--network", "test", "--seeds")]


@pytest.mark.parametrize(
    ("error", "code"), [(FailureError("the disk is full"), 1), (MistakeError("no such ID"), 2)]
)
def test_a_command_that_raises_ends_with_one_line_and_its_code(
    error: click.ClickException, code: int
) -> None:
    @click.command()
    def command() -> None:
        raise error

    result = CliRunner().invoke(command)
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", f"Error: {error.message}\n")


@pytest.mark.parametrize("words", DIALLING, ids=" ".join)
def test_a_name_without_an_address_is_a_failure_of_every_command(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    """It may have one in a minute; that nobody answers at an address is a failure, too."""
    home = tmp_path / "home"
    run("init", "--home", home, "--network", "test")
    result = run("--home", home, *words, f"{NOBODY}@no.such.invalid:1")
    assert result.exit_code == 1
    assert "host 'no.such.invalid' was not found" in result.stderr


@pytest.mark.parametrize("words", DIALLING, ids=" ".join)
def test_what_is_no_address_is_a_mistake_of_every_command(words: tuple[str, ...], tmp_path: Path) -> None:
    home = tmp_path / "home"
    run("init", "--home", home, "--network", "test")
    result = run("--home", home, *words, "no.such.invalid:1")
    assert result.exit_code == 2
    assert "there is no node ID, expected ID@host:port" in result.stderr
