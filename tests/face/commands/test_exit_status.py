"""How commands end: 0 done, 1 failed, 2 a mistake that the operator can mend."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from peerage.commands.exit_status import FailureError, MistakeError


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
